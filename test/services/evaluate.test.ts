import { expect, test } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { dropOldSnapshots } from '../../src/services/drop-old-snapshots.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { getSlo } from '../../src/services/find-slos.ts';
import { readStatuses } from '../../src/services/read-status.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { updateSlo } from '../../src/services/update-slo.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 10, 18, 12, 0, 2);
let accounts = 0;

async function account(definition: object = {}) {
  accounts += 1;
  const env = createTestEnvironment(database, NOW);
  const ctx = actingAs(env, `account-${accounts}`);
  const slo = await createSlo({
    ctx,
    input: { name: 'api', target: 0.9, time_window: { type: 'rolling', duration: '2h' }, ...definition },
  });
  const push = (back: number, good: number, total: number) =>
    recordMeasurements({
      ctx,
      input: {
        id: slo.id,
        body: { points: [{ at: new Date(env.clock.now() - back * MINUTE_MS).toISOString(), good, total }] },
      },
    });
  const row = async () => {
    const [found] = await database.query<{
      state: string;
      budget: number | null;
      evaluated_at: Date | null;
      snapshots_until: Date | null;
    }>('SELECT state, budget, evaluated_at, snapshots_until FROM np_slos WHERE id = $1', [slo.id]);
    return found;
  };
  const times = async () =>
    (
      await database.query<{ at: Date }>(
        'SELECT at FROM np_slo_snapshots WHERE slo_id = $1 AND state IS NOT NULL ORDER BY at',
        [slo.id],
      )
    ).map(({ at }) => at.getTime());
  return { env, ctx, slo, push, row, times };
}

test('each minute gets a snapshot while the window holds data, and none after', async () => {
  const { env, push, row, times } = await account();
  await push(1, 80, 100);
  env.clock.advance(30 * HOUR_MS);
  await evaluate(env);
  const found = await times();
  // The minute 11:59 is in the window of 2 h from 12:00 to 13:59, at 120 instants.
  const first = Date.UTC(2026, 10, 18, 12, 0);
  expect(found).toEqual(Array.from({ length: 120 }, (_, i) => first + i * MINUTE_MS));
  expect(await row()).toMatchObject({ state: 'no_data', budget: null });
  expect((await row())?.evaluated_at?.getTime()).toBe(Math.floor(env.clock.now() / MINUTE_MS) * MINUTE_MS);
});

test('an evaluator that was away for three days leaves no gap', async () => {
  const { env, push, times } = await account({ time_window: { type: 'rolling', duration: '28d' } });
  await push(1, 80, 100);
  env.clock.advance(3 * DAY_MS);
  await evaluate(env);
  const found = await times();
  expect(found.length).toBe(3 * 24 * 60 + 1);
  expect(found.every((at, i) => i === 0 || at - (found[i - 1] ?? 0) === MINUTE_MS)).toBe(true);
});

/** SLOs of an account of their own, each with one minute of data, and the rows that stand for them. */
async function fleet(size: number) {
  const { env, ctx, slo } = await account({ time_window: { type: 'rolling', duration: '28d' } });
  const ids = [slo.id];
  for (let n = 1; n < size; n += 1)
    ids.push((await createSlo({ ctx, input: { name: `api-${n}`, target: 0.9 } })).id);
  const at = new Date(NOW - MINUTE_MS).toISOString();
  for (const id of ids)
    await recordMeasurements({ ctx, input: { id, body: { points: [{ at, good: 8, total: 10 }] } } });
  const rows = () =>
    database.query<{ slo_id: string; rows: number; minutes: number }>(
      `SELECT slo_id::text, count(*)::int AS rows, ((max(extract(epoch FROM at)) - min(extract(epoch FROM at))) / 60)::int + 1 AS minutes
       FROM np_slo_snapshots WHERE source_account_id = $1 AND state IS NOT NULL GROUP BY slo_id`,
      [ctx.actor.accountId],
    );
  return { env, ctx, ids, rows };
}

test('after an outage no transaction writes more than some rows, however many SLOs have missed it', async () => {
  const { env, ctx, rows } = await fleet(60);
  env.clock.advance(12 * HOUR_MS);
  const { snapshots } = await evaluate(env);
  // 60 SLOs have missed 720 minutes each, and other tests' SLOs some.
  expect(snapshots).toBeGreaterThanOrEqual(60 * 720);
  expect((await rows()).every((slo) => slo.rows === 721 && slo.minutes === 721)).toBe(true);
  const written = await database.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM np_slo_snapshots WHERE source_account_id = $1 AND at > $2 AND state IS NOT NULL
     GROUP BY xmin::text`,
    [ctx.actor.accountId, new Date(NOW)],
  );
  // 27 of 720 rows fit into 20,000.
  expect(written.length).toBeGreaterThanOrEqual(3);
  for (const { n } of written) expect(n).toBeLessThanOrEqual(20_000);
});

test('an evaluation that is stopped while it catches up leaves what is done, and the next one does the rest', async () => {
  const { env, rows } = await fleet(60);
  env.clock.advance(12 * HOUR_MS);
  const stop = new AbortController();
  const reason = new Error('the service stops');
  const logger = Object.assign(Object.create(env.logger), { debug: () => stop.abort(reason) });
  await expect(evaluate({ ...env, logger }, { signal: stop.signal })).rejects.toBe(reason);
  const done = (await rows()).filter((slo) => slo.rows === 721).length;
  expect(done).toBeLessThan(60);
  expect((await rows()).every((slo) => slo.rows === 721 || slo.rows === 1)).toBe(true);
  await evaluate(env);
  expect((await rows()).every((slo) => slo.rows === 721 && slo.minutes === 721)).toBe(true);
});

test('while many catch up, others that are up to date have their status of each new minute', async () => {
  const { env } = await fleet(60);
  const current = await account();
  env.clock.advance(12 * HOUR_MS);
  current.env.clock.set(env.clock.now());
  await current.push(1, 9, 10);
  // The points of the next minute are there before it is over, so that it has only to be settled.
  await current.push(0, 9, 10);
  await current.push(-1, 9, 10);
  const seen: (number | undefined)[] = [];
  const logger = Object.assign(Object.create(env.logger), {
    debug: () => {
      if (seen.length === 0) env.clock.advance(MINUTE_MS);
      seen.push(undefined);
    },
  });
  const before = (await current.row())?.evaluated_at?.getTime() ?? 0;
  await evaluate({ ...env, logger });
  expect(seen.length).toBeGreaterThan(2);
  expect((await current.row())?.evaluated_at?.getTime()).toBe(before + MINUTE_MS);
});

test('two evaluators at once write each snapshot once and the right status', async () => {
  const { env, push, row, times } = await account();
  await push(1, 80, 100);
  env.clock.advance(40 * MINUTE_MS);
  const other = createTestEnvironment(database, env.clock.now());
  await Promise.all([evaluate(env), evaluate(other), evaluate(env), evaluate(other)]);
  expect((await times()).length).toBe(41);
  // 20 of 100 bad where 10 % are allowed: the budget is spent twice.
  expect((await row())?.budget).toBeCloseTo(-1, 12);
});

test('four replicas that write the same series at once lose nothing', async () => {
  const { env, ctx, slo } = await account();
  const writers = Array.from({ length: 4 }, () => ({
    ...ctx,
    ...createTestEnvironment(database, env.clock.now()),
  }));
  await Promise.all(
    writers.map(async (writer, first) => {
      for (let i = first; i < 40; i += writers.length) {
        const at = new Date(env.clock.now() - (i + 1) * MINUTE_MS).toISOString();
        const body = { points: [{ at, good: 1, total: 2 }] };
        await recordMeasurements({ ctx: writer, input: { id: slo.id, body } });
      }
    }),
  );
  const status = (await readStatuses({ ctx, input: { slos: [slo] } })).get(slo.id)?.objectives[0];
  expect([status?.countGood, status?.countTotal]).toEqual([40, 80]);
});

test('rows that a clock wrote that was ahead are corrected when it is set right', async () => {
  const { env, slo, push } = await account();
  await push(1, 1, 10);
  env.clock.set(NOW - 90 * MINUTE_MS);
  await push(1, 2, 20);
  const [row] = await database.query<{ counts: number[] }>(
    'SELECT ARRAY[count_good, count_total] AS counts FROM np_slo_snapshots WHERE slo_id = $1 ORDER BY at DESC LIMIT 1',
    [slo.id],
  );
  expect(row?.counts).toEqual([3, 30]);
});

test('a changed target counts from now on, and the past keeps its own', async () => {
  const { env, ctx, slo, push } = await account();
  await push(1, 95, 100);
  env.clock.advance(10 * MINUTE_MS);
  await updateSlo({ ctx, input: { id: slo.id, patch: { objectives: [{ name: 'default', target: 0.95 }] } } });
  const changed = await getSlo({ ctx, input: slo });
  const budgetAt = async (atMs: number) =>
    (await readStatuses({ ctx, input: { slos: [changed], atMs } })).get(slo.id)?.objectives[0]?.budget;
  expect(await budgetAt(env.clock.now() - 1)).toBeCloseTo(0.5, 12);
  expect(await budgetAt(env.clock.now())).toBeCloseTo(0, 12);
  env.clock.advance(MINUTE_MS);
  await evaluate(env);
  expect(await budgetAt(env.clock.now())).toBeCloseTo(0, 12);
  const stored = await database.query<{ budget: number }>(
    'SELECT budget FROM np_slo_snapshots WHERE slo_id = $1 AND state IS NOT NULL ORDER BY at',
    [slo.id],
  );
  expect(stored.at(0)?.budget).toBeCloseTo(0.5, 12);
  expect(stored.at(-1)?.budget).toBeCloseTo(0, 12);
});

test('points of the next minutes that came in before a change are judged by the new target', async () => {
  const { env, ctx, slo, push, row } = await account();
  await push(-3, 95, 100);
  await updateSlo({
    ctx,
    input: { id: slo.id, patch: { objectives: [{ name: 'default', target: 0.95 }] } },
  });
  env.clock.advance(5 * MINUTE_MS);
  await evaluate(env);
  const stored = await database.query<{ budget: number }>(
    'SELECT budget FROM np_slo_snapshots WHERE slo_id = $1 AND budget IS NOT NULL',
    [slo.id],
  );
  expect(stored.length).toBe(2);
  for (const { budget } of stored) expect(budget).toBeCloseTo(0, 12);
  expect((await row())?.budget).toBeCloseTo(0, 12);
});

test('retention drops old partitions, and no status that is still answered changes', async () => {
  // Of its own: what another test has left unevaluated has no report yet, and would be kept.
  const alone = await createTestDatabase();
  const env = createTestEnvironment(alone, NOW);
  const ctx = actingAs(env, 'retention');
  const slo = await createSlo({
    ctx,
    input: { name: 'api', target: 0.9, time_window: { type: 'rolling', duration: '7d' } },
  });
  env.clock.advance(59 * DAY_MS);
  const points = Array.from({ length: 60 }, (_, day) => ({
    at: new Date(NOW + day * DAY_MS - 5 * MINUTE_MS).toISOString(),
    good: 90 + (day % 10),
    total: 100,
  }));
  await recordMeasurements({ ctx, input: { id: slo.id, body: { points } } });
  const short = { ...env, retentionMs: 20 * DAY_MS };
  const answers = async () =>
    Promise.all(
      Array.from({ length: 13 }, async (_, day) => {
        const atMs = env.clock.now() - day * DAY_MS;
        return (await readStatuses({ ctx, input: { slos: [slo], atMs } })).get(slo.id)?.objectives[0];
      }),
    );
  const before = await answers();
  expect(before[0]?.countTotal).toBe(700);
  // Of 60 days 20 are kept: five weeks of the other 40 days are whole.
  expect(await dropOldSnapshots(short)).toBe(5);
  expect(await answers()).toEqual(before);
  await recordMeasurements({
    ctx,
    input: {
      id: slo.id,
      body: { points: [{ at: new Date(env.clock.now() - 3 * DAY_MS).toISOString(), good: 0, total: 50 }] },
    },
  });
  expect((await answers())[0]?.countTotal).toBe(750);
});
