import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DAY_MS, floorTo, HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { orZero } from '../../src/storage/arrays.ts';
import {
  type LoadedRuns,
  loadRuns,
  type SeriesKey,
  type SeriesRange,
} from '../../src/storage/series-columns.ts';
import { loadSharedRuns } from '../../src/storage/shared-runs.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';
import { propertyRuns } from '../support/property-runs.ts';
import { statementsOf } from '../support/statements-of.ts';

const database = await createTestDatabase();
const DAY = Date.UTC(2026, 10, 18);
const NOW = DAY + 2 * HOUR_MS;
const SLOS = 40;
const ACCOUNTS = ['one', 'other'] as const;

/** Every second SLO in the one account, those in the other; some with gaps, with fractions, or without data. */
async function createSeries(): Promise<SeriesKey[]> {
  const keys: SeriesKey[] = [];
  for (let n = 0; n < 2 * SLOS; n += 1) {
    const accountId = ACCOUNTS[n % 2] ?? 'one';
    const ctx = actingAs(createTestEnvironment(database, NOW), accountId);
    const timeWindow = { type: 'rolling', duration: n % 3 === 0 ? '5m' : '28d' };
    const slo = await createSlo({ ctx, input: { name: `slo-${n}`, target: 0.9, time_window: timeWindow } });
    keys.push({ accountId, sloId: slo.id, objective: 'default' });
    if (n % 10 === 9) continue;
    const points: object[] = [];
    // Some begin later; those with the short window have no rows where nothing came in for long.
    for (let minute = n % 7 === 0 ? -20 : -90; minute < 60; minute += 1) {
      if (n % 3 === 0 && (minute + 90) % 40 < 20) continue;
      const at = new Date(DAY + minute * MINUTE_MS).toISOString();
      points.push(
        n % 2 === 0
          ? { at, good: 0.1 * (minute + 91), total: 0.3 * (minute + 91) }
          : { at, good: 7, total: 9 },
      );
    }
    await recordMeasurements({ ctx, input: { id: slo.id, body: { points } } });
  }
  return keys;
}

const keys = await createSeries();

/** What was read, and the names of the statements that it took. */
async function loaded(ranges: readonly SeriesRange[]) {
  return database.db.owner(async (tx) => {
    let shared: LoadedRuns[] = [];
    const statements = await statementsOf(async () => {
      shared = await loadSharedRuns(tx, keys, ranges);
    });
    const names = statements.map(({ name }) => name);
    return { shared, expected: await loadRuns(tx, keys, ranges), names };
  });
}

const plain = ({ at, runGood, runTotal, runGoodLow, runTotalLow, bases }: LoadedRuns) => ({
  rows: [...at].map((ms, i) => [ms, runGood[i], runTotal[i], orZero(runGoodLow[i]), orZero(runTotalLow[i])]),
  bases,
});

const NEIGHBOURS = 'totals-of-neighbours-at-instants';

test('ranges that are read together are what each of them is by itself', async () => {
  const start = fc.integer({ min: -120, max: 80 });
  const length = fc.integer({ min: 1, max: 60 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(start, length), { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 0, max: 2 }),
      fc.shuffledSubarray([...keys.keys()], { minLength: 30 }),
      async (stretches, ragged, wanted) => {
        const ranges = wanted.flatMap((series, i) =>
          stretches.map(([from, minutes]) => ({
            series,
            // As of chunks that end in the middle of a minute.
            fromMs: DAY + (from + (i % 3 === 0 ? ragged : 0)) * MINUTE_MS,
            toMs: DAY + (from + minutes + (i % 5 === 0 ? ragged : 0)) * MINUTE_MS,
          })),
        );
        const { shared, expected } = await loaded(ranges);
        expect(shared.map(plain)).toEqual(expected.map(plain));
      },
    ),
    propertyRuns(20),
  );
});

const rangeOf = (series: number, from: number, to: number): SeriesRange => ({
  series,
  fromMs: DAY + from * MINUTE_MS,
  toMs: DAY + to * MINUTE_MS,
});

test('what most series of an account have in common is read by minutes, and nothing else of those that have it all', async () => {
  const whole = [...keys.keys()].filter((n) => n % 2 === 0 && n % 3 !== 0 && n % 7 !== 0);
  expect(whole.length).toBeGreaterThanOrEqual(20);
  const { shared, names } = await loaded(whole.map((n) => rangeOf(n, -30, 30)));
  expect(names).toEqual(['count-slos-between', NEIGHBOURS]);
  for (const { at, bases } of shared) {
    // 61 rows, over midnight: of both days all that was counted before.
    expect(at.length).toBe(61);
    expect(bases.map(({ dayMs }) => dayMs)).toEqual([floorTo(DAY - 1, DAY_MS), DAY]);
  }
});

test('ranges of a few series, or of each its own, are looked up', async () => {
  const few = await loaded([2, 4, 8, 10].map((n) => rangeOf(n, -30, 30)));
  expect(few.names).toEqual(['load-runs']);
  const apart = await loaded([...keys.keys()].slice(0, 40).map((n) => rangeOf(n, -90 + 3 * n, -88 + 3 * n)));
  expect(apart.names).not.toContain(NEIGHBOURS);
});
