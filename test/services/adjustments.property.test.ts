import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DAY_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { addBudgetAdjustment, removeBudgetAdjustment } from '../../src/services/budget-adjustments.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { getSlo } from '../../src/services/find-slos.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { ruleAt } from '../../src/slo/revision.ts';
import { objectiveStatus } from '../../src/slo/status.ts';
import { windowAt } from '../../src/slo/window.ts';
import { bruteStraddle, bruteSumsBetween } from '../support/brute-force.ts';
import { type BrutePoint, bruteUsed } from '../support/brute-received.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 9, 26, 1, 30, 20);
const MINUTES = 5 * 60;

interface Drawn {
  /** Minutes before now. */
  readonly start: number;
  readonly minutes: number;
  readonly hourly: boolean;
}

const drawn = fc.record<Drawn>({
  // Some begin in the future.
  start: fc.integer({ min: -20, max: MINUTES }),
  minutes: fc.integer({ min: 1, max: 40 }),
  hourly: fc.boolean(),
});

const histories = fc.record({
  points: fc.uniqueArray(
    fc.record({ minute: fc.nat(MINUTES), good: fc.nat(60), bad: fc.nat(20), alone: fc.boolean() }),
    { selector: ({ minute }) => minute, minLength: 1, maxLength: 80 },
  ),
  adjustments: fc.array(drawn, { minLength: 1, maxLength: 3 }),
  /** How many of the points come in before the adjustments. */
  before: fc.nat(80),
});

const SLIS = {
  plain: { incremental: false, alignment: 'drop' },
  interpolated: { incremental: false, alignment: 'interpolate' },
  counter: { incremental: true, alignment: 'drop' },
} as const;

const definitions = [
  ['plain', {}],
  ['interpolated', {}],
  ['counter', {}],
  ['plain', { budgeting_method: 'timeslices', time_slice_window: '5m' }],
] as const;

let account = 0;

type History = typeof histories extends fc.Arbitrary<infer T> ? T : never;

async function check(kind: keyof typeof SLIS, extra: object, history: History): Promise<void> {
  const env = createTestEnvironment(database, NOW);
  account += 1;
  const ctx = actingAs(env, `account-${account}`);
  const sli = SLIS[kind];
  const timeslices = 'budgeting_method' in extra;
  const { id } = await createSlo({
    ctx,
    input: {
      name: 'slo',
      time_window: { type: 'rolling', duration: '2h' },
      sli: { type: 'ratio', ...sli },
      objectives: [{ name: 'default', target: 0.9, ...(timeslices ? { time_slice_target: 0.8 } : {}) }],
      ...extra,
    },
  });
  const points = history.points.map(
    ({ minute, good, bad, alone }): BrutePoint => ({
      atMs: NOW - minute * MINUTE_MS,
      good,
      bad: null,
      total: alone ? null : good + bad,
    }),
  );
  const push = async (some: readonly BrutePoint[]): Promise<void> => {
    if (some.length === 0) return;
    const body = { points: some.map(({ atMs, ...one }) => ({ at: new Date(atMs).toISOString(), ...one })) };
    await recordMeasurements({ ctx, input: { id, body } });
  };
  await push(points.slice(0, history.before));
  const ids: string[] = [];
  const startOf = ({ start }: Drawn): number => Math.floor(NOW / MINUTE_MS - start) * MINUTE_MS;
  for (const one of history.adjustments) {
    const { adjustment } = await addBudgetAdjustment({
      ctx,
      input: {
        id,
        body: {
          starts_at: new Date(startOf(one)).toISOString(),
          duration: `${one.minutes}m`,
          rrule: one.hourly ? 'FREQ=HOURLY' : null,
        },
      },
    });
    ids.push(adjustment.id);
  }
  await push(points.slice(history.before));

  const isAdjusted = (minuteMs: number): boolean =>
    history.adjustments.some((one) => {
      const since = minuteMs - startOf(one);
      return since >= 0 && (one.hourly ? since % (60 * MINUTE_MS) : since) < one.minutes * MINUTE_MS;
    });
  await expectRows(id, points, isAdjusted);
  for (const adjustmentId of ids) await removeBudgetAdjustment({ ctx, input: { id, adjustmentId } });
  await expectRows(id, points, () => false);

  async function expectRows(
    sloId: string,
    all: readonly BrutePoint[],
    adjusted: (minuteMs: number) => boolean,
  ): Promise<void> {
    const slo = await getSlo({ ctx, input: { id: sloId } });
    const used = bruteUsed(all, { ...sli, isAdjusted: adjusted });
    const rows = await database.query<{
      at: Date;
      state: string | null;
      used_total: number | null;
      reliability: number | null;
      budget: number | null;
      count_total: number | null;
    }>('SELECT * FROM np_slo_snapshots WHERE slo_id = $1 AND at <= $2 ORDER BY at', [sloId, new Date(NOW)]);
    const byTime = new Map(rows.map((row) => [row.at.getTime(), row]));
    for (let at = Math.floor((NOW - DAY_MS / 3) / MINUTE_MS) * MINUTE_MS; at <= NOW; at += MINUTE_MS) {
      const rule = ruleAt(slo, 'default', at);
      if (rule === null) throw new Error('no rule');
      const seen = used.filter(({ minuteMs }) => minuteMs + MINUTE_MS <= at);
      const straddle = bruteStraddle(rule, windowAt(rule.timeWindow, at), seen);
      const expected = objectiveStatus(rule, at, bruteSumsBetween(rule, seen), straddle);
      const row = byTime.get(at);
      const where = new Date(at).toISOString();
      if (expected.reliability !== null) expect(row?.state, where).toBe(expected.state);
      if (row === undefined || row.state === null) continue;
      expect(row.state, where).toBe(expected.state);
      if (expected.reliability === null || expected.budget === null) {
        expect(row.reliability, where).toBeNull();
      } else {
        expect(row.reliability, where).toBeCloseTo(expected.reliability, 9);
        expect(row.budget, where).toBeCloseTo(expected.budget, 9);
        expect(row.count_total, where).toBeCloseTo(expected.countTotal ?? -1, 9);
      }
      const minute = used.find(({ minuteMs }) => minuteMs + MINUTE_MS === at);
      if (minute === undefined) expect(row.used_total, where).toBeNull();
      else expect(row.used_total, where).toBeCloseTo(minute.total, 9);
    }
    const [current] = await database.query<{ state: string }>('SELECT state FROM np_slos WHERE id = $1', [
      sloId,
    ]);
    const last = byTime.get(Math.floor(NOW / MINUTE_MS) * MINUTE_MS);
    if (last !== undefined && last.state !== null) expect(current?.state).toBe(last.state);
  }
}

test.each(definitions)(
  'adjustments take their minutes out wherever the points came in, and removing them is as if they never were: %s %o',
  async (kind, extra) => {
    await fc.assert(
      fc.asyncProperty(histories, (history) => check(kind, extra, history)),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 6), endOnFailure: true },
    );
  },
  240_000,
);
