import fc from 'fast-check';
import pg from 'pg';
import { expect, test, vi } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { recordStream, type StreamLimits } from '../../src/services/record-stream.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';
import { propertyRuns } from '../support/property-runs.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 10, 20, 12, 0, 30);
const NOW_MINUTE = NOW - 30_000;

const definitions = [
  { target: 0.9, time_window: { type: 'rolling', duration: '90m' } },
  { target: 0.9, time_window: { type: 'rolling', duration: '26h' } },
  { target: 0.9, time_window: { type: 'calendar', unit: 'day', time_zone: 'Asia/Kathmandu' } },
  {
    time_window: { type: 'rolling', duration: '3h' },
    budgeting_method: 'timeslices',
    time_slice_window: '15m',
    objectives: [{ name: 'default', target: 0.9, time_slice_target: 0.8 }],
  },
  {
    time_window: { type: 'calendar', unit: 'day', time_zone: 'Asia/Kathmandu' },
    budgeting_method: 'timeslices',
    time_slice_window: '60m',
    objectives: [{ name: 'default', target: 0.9, time_slice_target: 0.8 }],
  },
] as const;

interface Point {
  readonly at: string;
  readonly good: number;
  readonly total: number;
}

/** What a stream comes upon: minutes one after the other, a step back or on, and someone else who writes or ticks. */
type Step =
  | { readonly kind: 'run'; readonly minutes: number; readonly good: number; readonly bad: number }
  | { readonly kind: 'move'; readonly minutes: number }
  | { readonly kind: 'late'; readonly back: number; readonly good: number }
  | { readonly kind: 'tick' };

const count = fc.oneof(fc.nat(1000), fc.double({ min: 1e-6, max: 50, noNaN: true }));
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('run' as const),
      minutes: fc.integer({ min: 1, max: 60 }),
      good: count,
      bad: count,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('move' as const),
      minutes: fc.oneof(fc.integer({ min: -120, max: 120 }), fc.integer({ min: 0, max: 400 })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('late' as const), back: fc.nat(400), good: count }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('tick' as const) }) },
);

const history = fc.record({
  /** Rows that stand before the stream: so many minutes, with a gap after them. */
  before: fc.oneof(fc.constant(0), fc.nat(100)),
  gap: fc.nat(150),
  steps: fc.array(step, { minLength: 2, maxLength: 8 }),
  chunkLines: fc.integer({ min: 3, max: 40 }),
  keptMs: fc.constantFrom(20 * MINUTE_MS, 2 * HOUR_MS, 3 * DAY_MS),
});

/** The points in the order of the stream, each minute's together, on even minutes; and what others do after which. */
function planOf({ before, gap, steps }: { before: number; gap: number; steps: readonly Step[] }) {
  let minute = NOW_MINUTE - DAY_MS;
  const next = (good: number, bad: number): Point => {
    const point = { at: new Date(minute).toISOString(), good, total: good + bad };
    minute += 2 * MINUTE_MS;
    return point;
  };
  const standing = Array.from({ length: before }, (_, i) => next(i % 7, i % 3));
  minute += gap * 2 * MINUTE_MS;
  const streamed: Point[] = [];
  const others: { readonly after: number; readonly point: Point | null }[] = [];
  for (const one of steps) {
    switch (one.kind) {
      case 'run':
        for (let i = 0; i < one.minutes && minute < NOW_MINUTE; i += 1)
          streamed.push(next(one.good, one.bad * (i % 2)));
        break;
      case 'move':
        minute += one.minutes * 2 * MINUTE_MS;
        break;
      case 'late': {
        const at = Math.min(minute, NOW_MINUTE) - (2 * one.back + 1) * MINUTE_MS;
        const point = { at: new Date(at).toISOString(), good: one.good, total: one.good + 1 };
        others.push({ after: streamed.length, point });
        break;
      }
      case 'tick':
        others.push({ after: streamed.length, point: null });
    }
  }
  return { standing, streamed, others };
}

let accounts = 0;

/** Every snapshot that stands after the history, streamed with these limits. */
async function snapshotsAfter(
  definition: object,
  { standing, streamed, others }: ReturnType<typeof planOf>,
  limits: StreamLimits,
) {
  const env = createTestEnvironment(database, NOW);
  accounts += 1;
  const ctx = actingAs(env, `account-${accounts}`);
  const { id } = await createSlo({ ctx, input: { name: 'api', ...definition } });
  const push = (points: readonly Point[]) => recordMeasurements({ ctx, input: { id, body: { points } } });
  if (standing.length > 0) await push(standing);
  async function* body(): AsyncGenerator<Uint8Array> {
    const pending = [...others];
    for (let i = 0; i <= streamed.length; i += 1) {
      for (; pending[0]?.after === i; pending.shift()) {
        if (pending[0].point === null) await evaluate(env);
        else await push([pending[0].point]);
      }
      const point = streamed[i];
      if (point !== undefined) yield Buffer.from(`${JSON.stringify({ slo: id, ...point })}\n`);
    }
  }
  const { accepted } = await recordStream({ ctx, input: { body: body() }, limits });
  expect(accepted).toBe(streamed.length);
  return database.query<{ at: Date; [column: string]: unknown }>(
    `SELECT at, state, used_good, used_total, run_good + COALESCE(run_good_low, 0) AS run_good,
       run_total + COALESCE(run_total_low, 0) AS run_total, base_good::float8 AS base_good,
       base_total::float8 AS base_total, reliability, budget, burn_rate, count_good, count_total, slice_reliability
     FROM np_slo_snapshots WHERE source_account_id = $1 AND slo_id = $2 ORDER BY at`,
    [`account-${accounts}`, id],
  );
}

const isClose = (a: unknown, b: unknown): boolean =>
  typeof a === 'number' && typeof b === 'number'
    ? Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b))
    : a === b;

test.each(definitions.map((definition) => [JSON.stringify(definition), definition] as const))(
  'a stream in many chunks, among writes of others, leaves the snapshots that it leaves in one: %s',
  async (_, definition) => {
    await fc.assert(
      fc.asyncProperty(history, async ({ chunkLines, keptMs, ...drawn }) => {
        const plan = planOf(drawn);
        const actual = await snapshotsAfter(definition, plan, { chunkLines, keptMs });
        const expected = await snapshotsAfter(definition, plan, {});
        expect(actual.map(({ at }) => at)).toEqual(expected.map(({ at }) => at));
        actual.forEach((row, i) => {
          for (const [column, value] of Object.entries(expected[i] ?? {})) {
            if (column === 'at') continue;
            const where = `${row.at.toISOString()} ${column}: ${row[column]}, not ${value}`;
            expect(isClose(row[column], value), where).toBe(true);
          }
        });
      }),
      propertyRuns(2),
    );
  },
  240_000,
);

test('what the chunks of a stream look back to is read once', async () => {
  const queries = vi.spyOn(pg.Client.prototype, 'query');
  try {
    const run = { kind: 'run', minutes: 100, good: 9, bad: 1 } as const;
    const definition = { target: 0.9, time_window: { type: 'rolling', duration: '28d' } };
    await snapshotsAfter(definition, planOf({ before: 0, gap: 0, steps: [run] }), { chunkLines: 20 });
    const names = queries.mock.calls.map(([query]: unknown[]) => Object(query).name);
    // Before the first of five chunks, and when the snapshots are completed up to now.
    expect(names.filter((name) => name === 'load-runs')).toHaveLength(2);
  } finally {
    queries.mockRestore();
  }
});
