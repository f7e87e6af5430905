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
        const actual = await snapshotsAfter(definition, plan, { chunkLines, kept: { keptMs } });
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

/** Of many SLOs: which minutes of an hour each leaves out, how many lines are a chunk, how many rows are kept. */
const crowd = fc.record({
  gaps: fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 40, maxLength: 40 }),
  before: fc.constantFrom(0, 50),
  minutes: fc.integer({ min: 120, max: 200 }),
  chunkMinutes: fc.double({ min: 6, max: 20, noNaN: true }),
  keptMinutes: fc.constantFrom(1, 25, 200),
});

/** Every snapshot of forty SLOs that a stream goes through minute by minute, and what statements it took. */
async function crowdAfter(
  { gaps, before, minutes }: { gaps: readonly number[]; before: number; minutes: number },
  limits: StreamLimits,
) {
  const queries = vi.spyOn(pg.Client.prototype, 'query');
  try {
    const env = createTestEnvironment(database, NOW);
    accounts += 1;
    const ctx = actingAs(env, `account-${accounts}`);
    const ids: string[] = [];
    for (const [n, gap] of gaps.entries()) {
      const time_window = { type: 'rolling', duration: n % 4 === 0 ? '26h' : '90m' };
      const { id } = await createSlo({ ctx, input: { name: `api-${n}`, target: 0.9, time_window } });
      ids.push(id);
      const points = Array.from({ length: n % 3 === 0 ? 0 : before }, (_, i) => ({
        at: new Date(NOW_MINUTE - (gap + 400 + i) * MINUTE_MS).toISOString(),
        good: i % 7,
        total: 7,
      }));
      if (points.length > 0) await recordMeasurements({ ctx, input: { id, body: { points } } });
    }
    async function* body(): AsyncGenerator<Uint8Array> {
      for (let minute = 0; minute < minutes; minute += 1) {
        const lines = ids.flatMap((slo, n) => {
          const gap = gaps[n] ?? 1;
          if (gap > 20 && minute % 60 < gap) return [];
          const at = new Date(NOW_MINUTE - (minutes - minute) * MINUTE_MS).toISOString();
          return [JSON.stringify({ slo, at, good: (minute * gap) % 11, total: 11 + 0.1 * (n % 2) })];
        });
        yield Buffer.from(`${lines.join('\n')}\n`);
      }
    }
    await recordStream({ ctx, input: { body: body() }, limits });
    const rows = await database.query<{ at: Date; [column: string]: unknown }>(
      `SELECT o.name, s.at, s.state, s.used_good, s.run_good + COALESCE(s.run_good_low, 0) AS run_good,
         s.run_total + COALESCE(s.run_total_low, 0) AS run_total, s.base_good::float8 AS base_good,
         s.base_total::float8 AS base_total, s.reliability, s.budget, s.burn_rate, s.count_good, s.count_total
       FROM np_slo_snapshots s JOIN np_slos o ON o.source_account_id = s.source_account_id AND o.id = s.slo_id
       WHERE s.source_account_id = $1 ORDER BY o.name, s.at`,
      [`account-${accounts}`],
    );
    return { rows, names: queries.mock.calls.map(([query]: unknown[]) => Object(query).name) };
  } finally {
    queries.mockRestore();
  }
}

test('a stream over many SLOs leaves the snapshots that it leaves in one chunk, however little of them is kept', async () => {
  let shared = 0;
  const gaps = Array.from({ length: 40 }, (_, n) => 1 + ((n * 7) % 30));
  await fc.assert(
    fc.asyncProperty(crowd, async ({ chunkMinutes, keptMinutes, ...drawn }) => {
      const chunkLines = Math.ceil(chunkMinutes * drawn.gaps.length);
      const kept = { maxRows: keptMinutes * drawn.gaps.length };
      const { rows, names } = await crowdAfter(drawn, { chunkLines, kept });
      const expected = await crowdAfter(drawn, {});
      shared += names.filter((name) => name === 'totals-of-neighbours-at-instants').length;
      expect(rows.length).toBe(expected.rows.length);
      rows.forEach((row, i) => {
        for (const [column, value] of Object.entries(expected.rows[i] ?? {})) {
          const same = column === 'at' ? row.at.getTime() === Number(value) : isClose(row[column], value);
          expect(same, `${row.name} ${row.at.toISOString()} ${column}: ${row[column]}, not ${value}`).toBe(
            true,
          );
        }
      });
    }),
    {
      ...propertyRuns(3),
      examples: [
        [{ gaps, before: 50, minutes: 150, chunkMinutes: 10, keptMinutes: 1 }],
        // The last chunk before a gap has one minute of some SLOs.
        [{ gaps, before: 50, minutes: 185, chunkMinutes: 6.01, keptMinutes: 25 }],
      ],
    },
  );
  expect(shared).toBeGreaterThan(0);
}, 240_000);

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
