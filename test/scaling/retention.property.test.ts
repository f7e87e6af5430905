import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { deleteSlo } from '../../src/services/delete-slo.ts';
import { dropOldSnapshots } from '../../src/services/drop-old-snapshots.ts';
import { getSlo } from '../../src/services/find-slos.ts';
import { readBurnRates } from '../../src/services/read-burn-rate.ts';
import { readStatuses } from '../../src/services/read-status.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { windowAt } from '../../src/slo/window.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 10, 18, 12, 0, 20);
const WEEKS = 8;
const MONDAY = Date.UTC(1970, 0, 5);
const LONGEST_LOOKBACK_MS = 3 * DAY_MS;

const definition = fc.record({
  time_window: fc.oneof(
    fc.constantFrom('30m', '1h', '1d', '3d', '7d', '14d').map((duration) => ({ type: 'rolling', duration })),
    fc.record({
      type: fc.constant('calendar'),
      unit: fc.constantFrom('day', 'week', 'month'),
      time_zone: fc.constantFrom('UTC', 'Asia/Kathmandu', 'America/New_York'),
    }),
  ),
  shape: fc.constantFrom(
    { objectives: [{ name: 'default', target: 0.9 }] },
    {
      budgeting_method: 'timeslices',
      time_slice_window: '15m',
      objectives: [{ name: 'default', target: 0.9, time_slice_target: 0.8 }],
    },
  ),
});

const history = fc.array(
  fc.record({
    back: fc.nat(WEEKS * 7 * 24 * 60),
    good: fc.oneof(fc.nat(1000), fc.double({ min: 1e-6, max: 1e6, noNaN: true })),
    bad: fc.oneof(fc.constant(0), fc.nat(1000), fc.double({ min: 1e-6, max: 1e6, noNaN: true })),
  }),
  { minLength: 5, maxLength: 60 },
);

const settings = fc.record({
  definition,
  history,
  retentionDays: fc.integer({ min: 1, max: 30 }),
  /** Where in the time that is kept to ask. */
  thousandths: fc.array(fc.nat(1000), { minLength: 8, maxLength: 8 }),
  lateBack: fc.nat(5 * 24 * 60),
});

/** Start of the oldest week that is kept. */
async function keptFrom(): Promise<number> {
  const names = await database.query<{ day: string }>(
    `SELECT right(relname, 8) AS day FROM pg_inherits JOIN pg_class ON oid = inhrelid
     WHERE inhparent = 'np_slo_snapshots'::regclass ORDER BY 1`,
  );
  const day = names[0]?.day ?? '';
  return Date.parse(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T00:00:00Z`);
}

let dropped = 0;
let compared = 0;

test('retention never changes a status, or a burn rate, whose window is still kept', async () => {
  await fc.assert(
    fc.asyncProperty(settings, async ({ definition, history, retentionDays, thousandths, lateBack }) => {
      const env = { ...createTestEnvironment(database, NOW - WEEKS * 7 * DAY_MS - DAY_MS) };
      const ctx = actingAs(env, 'primary');
      const { shape, time_window } = definition;
      const slo = await createSlo({ ctx, input: { name: 'api', time_window, ...shape } });
      env.clock.set(NOW);
      const record = (points: readonly { back: number; good: number; bad: number }[]) =>
        recordMeasurements({
          ctx,
          input: {
            id: slo.id,
            body: {
              points: points.map(({ back, good, bad }) => ({
                at: new Date(NOW - back * MINUTE_MS).toISOString(),
                good,
                total: good + bad,
              })),
            },
          },
        });
      await record(history);
      const ask = async (instants: readonly number[]) => {
        // As a request does: the SLO as it is now, which knows where its data begins and ends.
        const slos = [await getSlo({ ctx, input: { id: slo.id } })];
        return Promise.all(
          instants.map(async (atMs) => {
            const status = (await readStatuses({ ctx, input: { slos, atMs } })).get(slo.id)?.objectives;
            const burn = (await readBurnRates({ ctx, input: { slos, atMs } })).get(slo.id)?.objectives;
            return { atMs, status, burn };
          }),
        );
      };
      const longestMs = windowAt(slo.timeWindow, NOW).lengthMs;
      // The hour behind the window is for slices that straddle its start.
      const needsMs = Math.max(longestMs + HOUR_MS, LONGEST_LOOKBACK_MS + HOUR_MS);
      const cutMs = NOW - Math.max(retentionDays * DAY_MS, longestMs + 7 * DAY_MS);
      // The week that the cut lies in is kept whole: from there on, and as early as its windows allow.
      const weekMs = cutMs - ((cutMs - MONDAY) % (7 * DAY_MS));
      const firstMs = Math.min(NOW, weekMs + needsMs);
      const instants = [NOW, firstMs, ...thousandths.map((share) => NOW - (share / 1000) * (NOW - firstMs))];
      const before = await ask(instants);
      const oldestMs = await keptFrom();
      dropped += await dropOldSnapshots({ ...env, retentionMs: retentionDays * DAY_MS });
      const keptMs = await keptFrom();
      expect(keptMs).toBeLessThanOrEqual(Math.max(weekMs, oldestMs));
      // All but the time of data that is dropped itself, and lies in no window that is asked for.
      const expected = before.map(({ status, ...rest }) => ({
        ...rest,
        status: status?.map(({ lastDataAtMs, ...figures }) => ({
          ...figures,
          lastDataAtMs: lastDataAtMs !== null && lastDataAtMs + MINUTE_MS < keptMs ? null : lastDataAtMs,
        })),
      }));
      expect(await ask(instants)).toEqual(expected);
      compared += instants.length;
      // What is dropped does not matter to what comes in late, either.
      const wouldBe = await ask([NOW]);
      await record([{ back: lateBack, good: 1, bad: 1 }]);
      if (!history.some(({ back }) => back === lateBack)) {
        const window = windowAt(slo.timeWindow, NOW);
        const isIn = NOW - (lateBack + 1) * MINUTE_MS >= window.startMs && lateBack > 0;
        const after = (await ask([NOW]))[0]?.status?.[0]?.countTotal ?? 0;
        const was = wouldBe[0]?.status?.[0]?.countTotal ?? 0;
        if (shape.budgeting_method === undefined && isIn) {
          expect(Math.abs(after - was - 2)).toBeLessThanOrEqual(1e-9 * Math.max(1, after));
        }
      }
      await deleteSlo({ ctx, input: slo });
    }),
    { numRuns: Number(process.env.PROPERTY_RUNS ?? 8), endOnFailure: true },
  );
  // It would prove nothing if nothing was dropped, or nothing asked.
  expect(dropped).toBeGreaterThan(0);
  expect(compared).toBeGreaterThan(0);
}, 300_000);
