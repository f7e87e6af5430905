import { describe, expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { addBudgetAdjustment } from '../../src/services/budget-adjustments.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { getSlo } from '../../src/services/find-slos.ts';
import { readBurnRates } from '../../src/services/read-burn-rate.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { recordStream } from '../../src/services/record-stream.ts';
import { updateSlo } from '../../src/services/update-slo.ts';
import { firingAlerts } from '../../src/slo/firing-alerts.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const database = await createTestDatabase();
const NOON = Date.UTC(2026, 10, 18, 12);
const BURN = { type: 'burn_rate', severity: 'page', long_window: '1h', short_window: '5m', factor: 10 };
let accounts = 0;

/** At 99 % an hour of only bad events burns at 100; every minute has 10 events. */
async function account(conditions: unknown = [BURN], policy: object = {}, definition: object = {}) {
  accounts += 1;
  const env = createTestEnvironment(database, NOON);
  const ctx = actingAs(env, `alerts-${accounts}`);
  const { id } = await createSlo({
    ctx,
    input: {
      name: 'api',
      target: 0.99,
      labels: { team: 'web' },
      alert_policy: { conditions, ...policy },
      ...definition,
    },
  });
  const pointsOf = (from: number, to: number, counts: { good: number; total: number }) =>
    Array.from({ length: to - from + 1 }, (_, i) => ({
      at: new Date(NOON + (from + i) * MINUTE_MS).toISOString(),
      ...counts,
    }));
  const points = (from: number, to: number, good: number) => pointsOf(from, to, { good, total: 10 });
  const pushOf = (from: number, to: number, counts: { good: number; total: number }) =>
    recordMeasurements({ ctx, input: { id, body: { points: pointsOf(from, to, counts) } } });
  const moveTo = (minute: number): void => env.clock.set(NOON + minute * MINUTE_MS);
  return {
    env,
    ctx,
    id,
    points,
    moveTo,
    /** Minutes after noon, both included. */
    push: (from: number, to: number, good: number) => pushOf(from, to, { good, total: 10 }),
    pushOf,
    /** Evaluates at so many minutes after noon. */
    async at(minute: number) {
      moveTo(minute);
      await evaluate(env);
    },
    firing: async () =>
      firingAlerts(await getSlo({ ctx, input: { id } })).map(({ condition, objective, sinceMs, told }) => ({
        condition,
        objective,
        since: (sinceMs - NOON) / MINUTE_MS,
        told,
      })),
    /** What is to be told, in minutes after noon. */
    told: async () =>
      (await getSlo({ ctx, input: { id } })).alertOutbox.map(({ alert, sinceMs, endMs }) => ({
        alert,
        since: (sinceMs - NOON) / MINUTE_MS,
        end: endMs === null ? null : (endMs - NOON) / MINUTE_MS,
      })),
  };
}

const PAGE = 'default/burn_rate:1h:5m:page';

describe('the default policy at 99.9 % over 30 days', () => {
  const MINUTES_OF = { '1h:5m:page': 60, '6h:30m:page': 360, '1d:2h:ticket': 1440, '3d:6h:ticket': 4320 };
  const FACTOR_OF = { '1h:5m:page': 14.4, '6h:30m:page': 6, '1d:2h:ticket': 3, '3d:6h:ticket': 1 };
  const PAIRS = Object.keys(FACTOR_OF) as (keyof typeof FACTOR_OF)[];

  // After good days a share of bad minutes burns at share / 0.001; over a long window it has burnt at
  // burn * minutes / long, which is the factor after long * factor / burn minutes. A share of 1.44 %: 60 * 14.4 / 14.4.
  test.each([
    [1, [1, 3, 5, 5]],
    [0.1, [9, 22, 44, 44]],
    [0.0144, [60, 150, 300, 300]],
    [0.006, [null, 360, 720, 720]],
    [0.001, [null, null, null, 4320]],
  ])(
    'tells of a share of %d bad within one evaluation of the minute that the formula gives',
    async (share, table) => {
      const expected = PAIRS.map((pair) => {
        const minutes = (MINUTES_OF[pair] * FACTOR_OF[pair] * 0.001) / share;
        return minutes > MINUTES_OF[pair] + 1e-9 ? null : Math.ceil(minutes - 1e-9);
      });
      expect(expected).toEqual(table);
      const { at, moveTo, pushOf, told } = await account(
        'default',
        {},
        { target: 0.999, time_window: { type: 'rolling', duration: '30d' } },
      );
      await pushOf(-4320, -1, { good: 10_000, total: 10_000 });
      const due = [...new Set(table.filter((minute) => minute !== null))];
      let pushed = 0;
      const until = async (minute: number): Promise<void> => {
        moveTo(minute);
        if (minute > pushed) await pushOf(pushed, minute - 1, { good: 10_000 * (1 - share), total: 10_000 });
        pushed = minute;
        await at(minute);
      };
      for (const minute of due) {
        const byThen = (limit: number) =>
          PAIRS.flatMap((pair, i) => {
            const since = table[i];
            return typeof since === 'number' && since <= limit
              ? [{ alert: `default/burn_rate:${pair}`, since, end: null }]
              : [];
          });
        await until(minute - 1);
        expect(await told(), `after ${minute - 1} minutes`).toEqual(byThen(minute - 1));
        await until(minute);
        expect(await told(), `after ${minute} minutes`).toEqual(byThen(minute));
      }
    },
  );
});

describe('a burn-rate alert', () => {
  // 60 good minutes first. After k bad ones the hour holds k/60 bad, a burn of 100 k / 60: 10 at k = 6, at 12:06.
  test('fires within one evaluation of the minute that the formula gives, and resolves', async () => {
    const { at, push, firing, told, ctx, id } = await account();
    await push(-60, -1, 10);
    for (let minute = 0; minute < 12; minute += 1) {
      await at(minute + 1);
      await push(minute, minute, 0);
      const expected = minute + 1 < 6 ? [] : [{ alert: PAGE, since: 6, end: null }];
      expect(await told(), `at 12:${minute + 1}`).toEqual(expected);
    }
    expect(await firing()).toEqual([
      { condition: 'burn_rate:1h:5m:page', objective: 'default', since: 6, told: true },
    ]);
    const slo = await getSlo({ ctx, input: { id } });
    const burn = (await readBurnRates({ ctx, input: { slos: [slo] } })).get(id);
    expect(burn?.objectives[0]?.alerts[0]).toMatchObject({
      holds: true,
      firingSinceMs: NOON + 6 * MINUTE_MS,
    });
    // Good from 12:12 on. The last 5 minutes still hold a bad one at 12:16, and a burn of 20 in them; not at 12:17.
    for (let minute = 12; minute < 24; minute += 1) {
      await at(minute + 1);
      await push(minute, minute, 10);
    }
    expect(await told()).toEqual([
      { alert: PAGE, since: 6, end: null },
      // Last held at 12:16, so that 12:21 ends it.
      { alert: PAGE, since: 6, end: 21 },
    ]);
    expect(await firing()).toEqual([]);
  });

  test('is told of though its data came minutes late, by a push or by a stream', async () => {
    for (const way of ['push', 'stream']) {
      const { at, push, points, told, ctx, id } = await account();
      await push(-60, -1, 10);
      await at(30);
      await push(20, 29, 10);
      const late = points(0, 9, 0);
      if (way === 'push') await push(0, 9, 0);
      else {
        const body = late.map((point) => `${JSON.stringify({ slo: id, ...point })}\n`).join('');
        await recordStream({
          ctx,
          input: {
            body: (async function* () {
              yield Buffer.from(body);
            })(),
          },
        });
      }
      // Held from 12:06, as above; the last minute with a bad one in its 5 minutes is 12:14, when 12:10 is missing.
      expect(await told(), way).toEqual([
        { alert: PAGE, since: 6, end: null },
        { alert: PAGE, since: 6, end: 19 },
      ]);
    }
  });

  test('is the same whatever the order of arrival', async () => {
    const orders = [
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      [9, 4, 0, 7, 2, 8, 1, 3, 6, 5],
    ];
    const kept: unknown[] = [];
    for (const order of orders) {
      const { at, push, ctx, id } = await account();
      await push(-60, -1, 10);
      await at(20);
      for (const minute of order) await push(minute, minute, 0);
      await at(21);
      kept.push((await getSlo({ ctx, input: { id } })).alerts[PAGE]?.runs);
    }
    expect(kept[0]).toEqual(kept[1]);
    expect(kept[0]).toHaveLength(2);
  });

  test('of the default policy looks back for days', async () => {
    const { at, push, firing } = await account('default');
    // 3 days with 1.5 % bad burn at 1.5: only the slowest alert, a ticket at a burn of 1, holds.
    for (let day = 3; day > 0; day -= 1) await push(-day * 1440, -(day - 1) * 1440 - 1, 9.85);
    await at(0);
    expect((await firing()).map(({ condition }) => condition)).toEqual(['burn_rate:3d:6h:ticket']);
  });

  test('of a new SLO goes by its first minutes alone, until its past is read and takes it back', async () => {
    const { at, push, firing, told } = await account();
    // A fifth of a quarter of an hour is bad: a burn of 20 over the hour too, of which there is no more.
    await push(-15, -1, 8);
    await at(0);
    expect(await told()).toEqual([{ alert: PAGE, since: -14, end: null }]);
    // With 45 good minutes before them 30 of 600 events are bad: a burn of 5.
    await push(-60, -16, 10);
    expect(await firing()).toEqual([]);
    expect((await told()).map(({ end }) => end !== null)).toEqual([false, true]);
  });

  test('that the policy does not have any more is resolved', async () => {
    const { at, push, told, ctx, id } = await account();
    await push(-60, -1, 0);
    await at(0);
    await updateSlo({ ctx, input: { id, patch: { alert_policy: { conditions: [] } } } });
    expect((await told()).map(({ end }) => end)).toEqual([null, 0]);
  });
});

describe('other alerts', () => {
  test('tell of missing data, from the creation on, and that it came', async () => {
    const { at, push, firing, told } = await account([{ type: 'no_data', severity: 'ticket', for: '30m' }]);
    await at(29);
    expect(await firing()).toEqual([]);
    await at(30);
    expect(await firing()).toEqual([
      { condition: 'no_data:30m:ticket', objective: null, since: 30, told: true },
    ]);
    await push(30, 30, 10);
    await at(40);
    expect(await firing()).toEqual([]);
    expect((await told()).map(({ end }) => end === null)).toEqual([true, false]);
  });

  test('tell of a budget that is low and soon spent', async () => {
    const { at, push, firing } = await account([
      { type: 'budget', severity: 'ticket', below: 0.5 },
      { type: 'time_to_exhaustion', severity: 'page', below: '20d' },
    ]);
    // Of 1000 events 5 are bad: 0.5 % of an allowed 1 % leaves 0.5, which is not below it.
    await push(-100, -1, 9.95);
    await at(0);
    expect(await firing()).toEqual([]);
    // The last hour with 60 * 0.2 = 12 bad of 600 burns at 2; 14 of 1000 spends all: 0 s.
    await push(-60, -1, 9.8);
    await at(1);
    expect((await firing()).map(({ condition }) => condition)).toEqual([
      'budget:0.5:ticket',
      'time_to_exhaustion:20d:page',
    ]);
  });
});

describe('a silenced alert', () => {
  test('is told of when the silence ends', async () => {
    const { at, push, firing, told } = await account([BURN], {
      silences: [{ ends_at: new Date(NOON + 10 * MINUTE_MS).toISOString() }],
    });
    await push(-60, -1, 0);
    await at(1);
    expect((await firing()).map(({ told: isTold }) => isTold)).toEqual([false]);
    await at(9);
    await push(0, 8, 0);
    expect(await told()).toEqual([]);
    await at(10);
    expect((await told()).map(({ end }) => end)).toEqual([null]);
  });

  test('by an adjustment is told of after it', async () => {
    const { at, push, told, ctx, id } = await account();
    await addBudgetAdjustment({
      ctx,
      input: { id, body: { starts_at: new Date(NOON - 10 * MINUTE_MS).toISOString(), duration: '12m' } },
    });
    await push(-60, -5, 0);
    await at(2);
    expect(await told()).toEqual([]);
    await push(2, 2, 0);
    await at(3);
    expect((await told()).map(({ end }) => end)).toEqual([null]);
  });
});
