import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { recordStream } from '../../src/services/record-stream.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';
import { expectSnapshots } from '../support/expect-snapshots.ts';

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

  await expectSnapshots({ database, ctx, id, minutes: [...known.values()], complete: true });
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
