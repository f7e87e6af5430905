import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { getSlo } from '../../src/services/find-slos.ts';
import { readStatuses } from '../../src/services/read-status.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { recordStream } from '../../src/services/record-stream.ts';
import { ruleAt } from '../../src/slo/revision.ts';
import { objectiveStatus } from '../../src/slo/status.ts';
import { windowAt } from '../../src/slo/window.ts';
import { bruteStraddle, bruteSumsBetween } from '../support/brute-force.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const database = await createTestDatabase();
const START = Date.UTC(2026, 9, 25, 21, 0);
/** Of the whole history: it crosses midnight twice, and the end of summer time in Paris. */
const MINUTES = 30 * 60;

interface Write {
  readonly kind: 'batch' | 'stream';
  /** The clock moves on by so many minutes before the write. */
  readonly after: number;
  readonly points: readonly { readonly back: number; readonly good: number; readonly bad: number }[];
}

const count = fc.oneof(fc.nat(3), fc.nat(1000), fc.double({ min: 1e-6, max: 50, noNaN: true }));
const writes = fc.array(
  fc.record<Write>({
    kind: fc.constantFrom('batch', 'stream'),
    after: fc.oneof(fc.nat(3), fc.nat(200)),
    points: fc.array(fc.record({ back: fc.oneof(fc.nat(4), fc.nat(MINUTES)), good: count, bad: count }), {
      minLength: 1,
      maxLength: 12,
    }),
  }),
  { minLength: 1, maxLength: 8 },
);

const definitions = [
  { time_window: { type: 'rolling', duration: '90m' }, objectives: [{ name: 'default', target: 0.9 }] },
  { time_window: { type: 'rolling', duration: '14h' }, objectives: [{ name: 'default', target: 0.99 }] },
  {
    time_window: { type: 'calendar', unit: 'day', time_zone: 'Europe/Paris' },
    objectives: [{ name: 'default', target: 0.95 }],
  },
  {
    time_window: { type: 'rolling', duration: '2h' },
    budgeting_method: 'timeslices',
    objectives: [{ name: 'default', target: 0.9, time_slice_target: 0.8 }],
  },
  {
    time_window: { type: 'rolling', duration: '3h' },
    budgeting_method: 'timeslices',
    time_slice_window: '15m',
    objectives: [{ name: 'default', target: 0.9, time_slice_target: 0.8 }],
  },
  {
    // Days begin 18 h 15 min into the UTC day here, within a slice of an hour.
    time_window: { type: 'calendar', unit: 'day', time_zone: 'Asia/Kathmandu' },
    budgeting_method: 'timeslices',
    time_slice_window: '60m',
    objectives: [{ name: 'default', target: 0.9, time_slice_target: 0.8 }],
  },
] as const;

const close = (actual: unknown, expected: number | null): boolean => {
  if (expected === null || typeof actual !== 'number') return actual === expected;
  return Math.abs(actual - expected) <= 1e-9 * Math.max(1, Math.abs(expected));
};

let account = 0;

async function check(definition: (typeof definitions)[number], history: readonly Write[]): Promise<void> {
  const env = createTestEnvironment(database, START);
  account += 1;
  const ctx = actingAs(env, `account-${account}`);
  const { id } = await createSlo({ ctx, input: { name: 'slo', ...definition } });
  const known = new Map<number, { minuteMs: number; good: number; total: number }>();
  for (const { kind, after, points } of history) {
    env.clock.advance(after * MINUTE_MS + 1000);
    const nowMs = env.clock.now();
    const sent = new Map<number, { good: number; total: number }>();
    for (const { back, good, bad } of points) {
      const minuteMs = Math.floor(nowMs / MINUTE_MS - back) * MINUTE_MS;
      const before = sent.get(minuteMs) ?? { good: 0, total: 0 };
      sent.set(minuteMs, { good: before.good + good, total: before.total + good + bad });
    }
    for (const [minuteMs, counts] of sent) known.set(minuteMs, { minuteMs, ...counts });
    // Points of a minute stand together, so that batch and stream mean the same.
    const lines = points
      .toSorted((a, b) => a.back - b.back)
      .map(({ back, good, bad }) => ({
        at: new Date(nowMs - back * MINUTE_MS).toISOString(),
        good,
        total: good + bad,
      }));
    if (kind === 'batch') {
      await recordMeasurements({ ctx, input: { id, body: { points: lines } } });
    } else {
      const body = lines.map((line) => JSON.stringify({ slo: 'default.slo', ...line })).join('\n');
      const result = await recordStream({ ctx, input: { body: new Blob([body]).stream() } });
      expect(result).toEqual({ accepted: lines.length, rejected: 0, errors: [] });
    }
  }
  env.clock.advance(7 * MINUTE_MS);
  await evaluate(env);

  const slo = await getSlo({ ctx, input: { id } });
  const minutes = [...known.values()];
  const nowMs = Math.floor(env.clock.now() / MINUTE_MS) * MINUTE_MS;
  const rows = await database.query<{ at: Date; state: string | null; [column: string]: unknown }>(
    'SELECT * FROM np_slo_snapshots WHERE slo_id = $1 ORDER BY at',
    [id],
  );
  const byTime = new Map(rows.map((row) => [row.at.getTime(), row]));
  expect(byTime.size).toBe(rows.length);
  const first = Math.min(...known.keys());
  const probes: number[] = [];
  for (let at = first - 3 * MINUTE_MS; at <= nowMs; at += MINUTE_MS) {
    const rule = ruleAt(slo, 'default', at);
    if (rule === null) throw new Error('no rule');
    const seen = minutes.filter(({ minuteMs }) => minuteMs + MINUTE_MS <= at);
    const window = windowAt(rule.timeWindow, at);
    const expected = objectiveStatus(
      rule,
      at,
      bruteSumsBetween(rule, seen),
      bruteStraddle(rule, window, seen),
    );
    const row = byTime.get(at);
    const snapshot = row?.state === null ? undefined : row;
    if (expected.reliability !== null) expect(snapshot, new Date(at).toISOString()).toBeDefined();
    if (snapshot !== undefined) {
      const where = new Date(at).toISOString();
      expect(snapshot.state, where).toBe(expected.state);
      for (const [column, value] of [
        ['reliability', expected.reliability],
        ['budget', expected.budget],
        ['burn_rate', expected.burnRate],
        ['count_good', expected.countGood],
        ['count_total', expected.countTotal],
      ] as const) {
        expect(close(snapshot[column], value), `${where} ${column} ${snapshot[column]} ${value}`).toBe(true);
      }
    }
    if (at % (37 * MINUTE_MS) === 0 || at === nowMs) {
      probes.push(at);
      const status = (await readStatuses({ ctx, input: { slos: [slo], atMs: at } })).get(id)?.objectives[0];
      expect(close(status?.reliability ?? null, expected.reliability), `read at ${at}`).toBe(true);
      expect(status?.state).toBe(expected.state);
    }
  }
  expect(probes.length).toBeGreaterThan(0);
  const [columns] = await database.query<{ state: string; budget: number | null; evaluated_at: Date }>(
    'SELECT state, budget, evaluated_at FROM np_slos WHERE id = $1',
    [id],
  );
  const current = (await readStatuses({ ctx, input: { slos: [slo] } })).get(id);
  expect(columns?.state).toBe(current?.state);
  expect(columns?.evaluated_at.getTime()).toBe(nowMs);
  expect(close(columns?.budget ?? null, current?.objectives[0]?.budget ?? null)).toBe(true);
}

test.each(definitions.map((definition) => [JSON.stringify(definition), definition] as const))(
  'every snapshot and every status equals the brute-force one under random, late and repeated writes: %s',
  async (_, definition) => {
    await fc.assert(
      fc.asyncProperty(writes, (history) => check(definition, history)),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 6), endOnFailure: true },
    );
  },
  240_000,
);
