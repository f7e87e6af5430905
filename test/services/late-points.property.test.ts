import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MINUTE_MS, SECOND_MS } from '../../src/lib/duration.ts';
import type { ServiceContext } from '../../src/services/context.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { getSlo } from '../../src/services/find-slos.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { recordStream } from '../../src/services/record-stream.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';
import { propertyRuns } from '../support/property-runs.ts';

const database = await createTestDatabase();
const START = Date.UTC(2026, 9, 12, 3, 0);
/** Two midnights, and more than the longest window and look-back together. */
const MINUTES = 50 * 60;

interface Counts {
  readonly good: number;
  readonly total: number;
}

/** Whole numbers mostly; `rare` are what a sum that is kept as one number would lose digits with. */
const countsWith = (rare: readonly number[]) =>
  rare.length === 0
    ? fc.nat(400)
    : fc.oneof({ weight: 3, arbitrary: fc.nat(400) }, { weight: 1, arbitrary: fc.constantFrom(...rare) });

/** Minutes that are alike, of a hundred events each; null: nothing came in. */
const stretchesWith = (bads: readonly number[]) =>
  fc.array(
    fc.record({
      length: fc.oneof(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 60, max: 900 })),
      bad: fc.oneof(
        { weight: 15, arbitrary: fc.constantFrom(...bads) },
        { weight: 1, arbitrary: fc.constant(null) },
      ),
    }),
    { minLength: 4, maxLength: 16 },
  );

const latesWith = (rare: readonly number[]) =>
  fc.array(
    fc.record({
      /** How far back the newest of them is. */
      back: fc.integer({ min: 300, max: MINUTES }),
      /** The clock moves on by so many minutes before they come; the tick may have been there or not. */
      after: fc.oneof(fc.constant(0), fc.nat(3)),
      isTicked: fc.boolean(),
      points: fc.array(
        fc.record({
          back: fc.oneof({ weight: 3, arbitrary: fc.nat(3) }, { weight: 1, arbitrary: fc.nat(200) }),
          bad: fc.oneof(fc.constant(0), countsWith(rare)),
          good: countsWith(rare),
        }),
        { minLength: 1, maxLength: 4 },
      ),
    }),
    { minLength: 1, maxLength: 3 },
  );

const policies = {
  default: 'default',
  // The second looks back by hours that are not whole, the third for longer than any status does.
  own: [
    { type: 'burn_rate', severity: 'page', long_window: '1h', short_window: '5m', factor: 4 },
    { type: 'burn_rate', severity: 'ticket', long_window: '20h', short_window: '90m', factor: 1.5 },
    { type: 'burn_rate', severity: 'ticket', long_window: '26h', short_window: '3h', factor: 1 },
    { type: 'no_data', severity: 'ticket', for: '30m' },
  ],
  budget: [{ type: 'budget', severity: 'ticket', below: 0.5 }],
} as const;

const histories = fc
  .record({
    isQuiet: fc.boolean(),
    rare: fc.constantFrom<readonly number[]>([], [], [0.1, 0.25], [5e11, 3e12]),
  })
  .chain(({ isQuiet, rare }) =>
    fc.record({
      stretches: stretchesWith(isQuiet ? [0, 0, 1] : [0, 0, 0, 5, 10, 30, 45, 100]),
      lates: latesWith(rare),
      target: fc.constantFrom(0.6, 0.9, 0.99),
      timeWindow: fc.constantFrom(
        { type: 'rolling', duration: '28d' },
        { type: 'rolling', duration: '30h' },
        { type: 'calendar', unit: 'week', time_zone: 'Europe/Paris' },
        { type: 'calendar', unit: 'day', count: 2, time_zone: 'UTC' },
      ),
      byTimeslices: fc.nat(7).map((n) => n === 0),
      policy: fc.constantFrom('default', 'default', 'default', 'own', 'own', 'own', 'budget'),
    }),
  );
type History = typeof histories extends fc.Arbitrary<infer T> ? T : never;

function minutesOf({ stretches: all }: History): Map<number, Counts> {
  const minutes = new Map<number, Counts>();
  for (let minute = 0; minute < MINUTES; ) {
    for (const { length, bad: some } of all) {
      for (let i = 0; i < length && minute < MINUTES; i += 1, minute += 1) {
        if (some !== null) minutes.set(START + minute * MINUTE_MS, { good: 100 - some, total: 100 });
      }
    }
  }
  return minutes;
}

async function push(ctx: ServiceContext, slo: string, minutes: ReadonlyMap<number, Counts>): Promise<void> {
  const lines = [...minutes]
    .sort(([a], [b]) => a - b)
    .map(([at, counts]) => JSON.stringify({ slo, at: new Date(at).toISOString(), ...counts }));
  const body = new Blob([lines.join('\n')]).stream();
  const { errors } = await recordStream({ ctx, input: { body } });
  expect(errors).toEqual([]);
}

interface Row {
  readonly at: Date;
  readonly state: string | null;
  readonly numbers: readonly (number | null)[];
}

/** The statuses, and at the days' beginnings what was ever counted. */
async function rowsOf(id: string): Promise<Map<number, Row>> {
  const rows = await database.query<{ at: Date; state: string | null; numbers: (number | null)[] }>(
    `SELECT at, CASE WHEN reliability IS NOT NULL THEN state::text END AS state,
       ARRAY[reliability, budget, burn_rate, count_good, count_total, used_good, used_total, run_good, run_total,
         base_good::float8, base_total::float8] AS numbers
     FROM np_slo_snapshots WHERE slo_id = $1`,
    [id],
  );
  return new Map(rows.map((row) => [row.at.getTime(), row]));
}

const close = (a: number | null, b: number | null): boolean =>
  a === null || b === null ? a === b : Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b));

let accounts = 0;

async function check(history: History): Promise<void> {
  const env = createTestEnvironment(database, START + MINUTES * MINUTE_MS + 5 * SECOND_MS);
  accounts += 1;
  const ctx = actingAs(env, `late-${accounts}`);
  const { target, timeWindow, byTimeslices, policy } = history;
  const create = async (name: string) =>
    createSlo({
      ctx,
      input: {
        name,
        time_window: timeWindow,
        ...(byTimeslices ? { budgeting_method: 'timeslices', time_slice_window: '5m' } : {}),
        objectives: [{ name: 'default', target, ...(byTimeslices ? { time_slice_target: 0.8 } : {}) }],
        alert_policy: { conditions: policies[policy] },
      },
    });
  const [corrected, inOrder] = [await create('corrected'), await create('in-order')];
  const minutes = minutesOf(history);
  await push(ctx, 'default.corrected', minutes);
  for (const { back, after, isTicked, points } of history.lates) {
    env.clock.advance(after * MINUTE_MS);
    if (isTicked) await evaluate(env);
    const newest = Math.floor(env.clock.now() / MINUTE_MS) - back;
    const counts = new Map(
      points.map((point) => [
        Math.max(START, (newest - point.back) * MINUTE_MS),
        { good: point.good, total: point.good + point.bad },
      ]),
    );
    const body = {
      points: [...counts].map(([at, one]) => ({ at: new Date(at).toISOString(), ...one })),
    };
    await recordMeasurements({ ctx, input: { id: corrected.id, body } });
    for (const [at, one] of counts) minutes.set(at, one);
  }
  await push(ctx, 'default.in-order', minutes);
  await evaluate(env);

  const rows = await rowsOf(corrected.id);
  const expected = await rowsOf(inOrder.id);
  for (const at of new Set([...rows.keys(), ...expected.keys()])) {
    const where = new Date(at).toISOString();
    const [row, other] = [rows.get(at), expected.get(at)];
    expect(row?.state ?? null, where).toBe(other?.state ?? null);
    if (other?.state == null) continue;
    const same = other.numbers.map((number, i) => close(row?.numbers[i] ?? null, number));
    expect(same, `${where} ${row?.numbers} ${other.numbers}`).not.toContain(false);
  }
  const runsOf = async (id: string) => {
    const { alerts } = await getSlo({ ctx, input: { id } });
    const runs = Object.entries(alerts).map(([alert, state]) => [alert, state.runs]);
    return Object.fromEntries(
      runs.filter(([alert, own]) => own?.length !== 0 && !`${alert}`.includes('no_data')),
    );
  };
  expect(await runsOf(corrected.id)).toEqual(await runsOf(inOrder.id));
  const [one, two] = await database.query<{ shown: unknown }>(
    `SELECT jsonb_build_array(state, evaluated_at, round(budget::numeric, 6)) AS shown FROM np_slos
     WHERE source_account_id = $1 ORDER BY name`,
    [ctx.actor.accountId],
  );
  expect(one).toEqual(two);
}

const RUNS = propertyRuns(3);

test(
  'what points that came late have left is what the same points leave in their order: snapshots, alerts, status',
  () => fc.assert(fc.asyncProperty(histories, check), RUNS),
  60_000 + RUNS.numRuns * 60_000,
);
