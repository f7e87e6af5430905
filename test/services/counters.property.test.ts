import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { getSlo } from '../../src/services/find-slos.ts';
import { readStatuses } from '../../src/services/read-status.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { recordStream } from '../../src/services/record-stream.ts';
import { bruteSumsBetween } from '../support/brute-force.ts';
import { type BrutePoint, bruteUsed } from '../support/brute-received.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 9, 26, 1, 30, 20);
/** The points lie on both sides of a midnight. */
const MINUTES = 150;

/** What a point brings: good and total together, or one of them alone. */
const brought = fc.constantFrom('both', 'good', 'total');

const points = fc.uniqueArray(
  fc.record({ second: fc.nat(MINUTES * 60), good: fc.nat(60), bad: fc.nat(20), brought }),
  { selector: ({ second }) => second, minLength: 1, maxLength: 60 },
);

interface History {
  readonly points: readonly BrutePoint[];
  /** Each request: positions in `points`. */
  readonly requests: readonly (readonly number[])[];
}

const histories = (onePerMinute: boolean): fc.Arbitrary<History> =>
  fc
    .tuple(points, fc.infiniteStream(fc.nat(1_000_000)), fc.integer({ min: 1, max: 9 }))
    .map(([drawn, order, size]) => {
      const seen = new Set<number>();
      const kept = drawn.filter(({ second }) => {
        const minute = Math.floor((NOW - second * 1000) / MINUTE_MS);
        if (onePerMinute && seen.has(minute)) return false;
        seen.add(minute);
        return true;
      });
      const shuffled = kept
        .map((_, i) => ({ i, key: order.next().value ?? 0 }))
        .sort((a, b) => a.key - b.key)
        .map(({ i }) => i);
      const requests: number[][] = [];
      for (let i = 0; i < shuffled.length; i += size) requests.push(shuffled.slice(i, i + size));
      return {
        points: kept.map(({ second, good, bad, brought: what }) => ({
          atMs: NOW - second * 1000,
          good: what === 'total' ? null : good,
          bad: null,
          total: what === 'good' ? null : good + bad,
        })),
        requests,
      };
    });

let account = 0;

async function check(sli: { incremental: boolean; alignment: 'drop' | 'interpolate' }, history: History) {
  const env = createTestEnvironment(database, NOW);
  account += 1;
  const ctx = actingAs(env, `account-${account}`);
  const input = { name: 'slo', target: 0.9, time_window: { type: 'rolling', duration: '3h' } };
  const { id } = await createSlo({ ctx, input: { ...input, sli: { type: 'ratio', ...sli } } });
  for (const [n, request] of history.requests.entries()) {
    const lines = request.map((i) => {
      const { atMs, ...fields } = history.points[i] ?? { atMs: NOW };
      return { at: new Date(atMs).toISOString(), ...fields };
    });
    if (n % 2 === 0) {
      await recordMeasurements({ ctx, input: { id, body: { points: lines } } });
    } else {
      const body = lines.map((line) => JSON.stringify({ slo: 'default.slo', ...line })).join('\n');
      const { rejected } = await recordStream({ ctx, input: { body: new Blob([body]).stream() } });
      expect(rejected).toBe(0);
    }
  }
  const expected = bruteUsed(history.points, sli);
  const rows = await database.query<{ at: Date; used_good: number | null; used_total: number | null }>(
    'SELECT at, used_good, used_total FROM np_slo_snapshots WHERE slo_id = $1 ORDER BY at',
    [id],
  );
  const used = new Map(
    rows.flatMap(({ at, used_good, used_total }) =>
      used_total === null ? [] : [[at.getTime() - MINUTE_MS, { good: used_good, total: used_total }]],
    ),
  );
  expect([...used.keys()].sort()).toEqual(expected.map(({ minuteMs }) => minuteMs).sort());
  for (const { minuteMs, good, total } of expected) {
    expect(used.get(minuteMs)?.good, `good of ${new Date(minuteMs).toISOString()}`).toBeCloseTo(good, 9);
    expect(used.get(minuteMs)?.total, `total of ${new Date(minuteMs).toISOString()}`).toBeCloseTo(total, 9);
  }

  const slo = await getSlo({ ctx, input: { id } });
  for (let back = 0; back < MINUTES; back += 17) {
    const atMs = Math.floor(NOW / MINUTE_MS - back) * MINUTE_MS;
    const sums = bruteSumsBetween(
      { budgetingMethod: 'occurrences', sliceMs: MINUTE_MS, objective: slo.objectives[0] ?? fail() },
      expected,
    );
    const { good, total } = sums(atMs - 180 * MINUTE_MS, atMs);
    const status = (await readStatuses({ ctx, input: { slos: [slo], atMs } })).get(id)?.objectives[0];
    if (total === 0) expect(status?.reliability).toBeNull();
    else expect(status?.reliability).toBeCloseTo(good / total, 9);
  }
}

function fail(): never {
  throw new Error('an SLO without objectives');
}

test.each([
  { incremental: true, alignment: 'drop' },
  { incremental: true, alignment: 'interpolate' },
  { incremental: false, alignment: 'interpolate' },
] as const)(
  'points in any order of arrival are used as the brute-force reading uses them: %o',
  async (sli) => {
    await fc.assert(
      fc.asyncProperty(histories(!sli.incremental), (history) => check(sli, history)),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 12), endOnFailure: true },
    );
  },
  240_000,
);
