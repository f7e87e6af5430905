import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, expect, test } from 'vitest';
import { floorTo, HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import type { ServiceContext } from '../../src/services/context.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { getSlo } from '../../src/services/find-slos.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { recordStream } from '../../src/services/record-stream.ts';
import { createDatabase } from '../../src/storage/client.ts';
import type { UsedMinute } from '../support/brute-force.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment, type TestEnvironment } from '../support/environment.ts';
import { expectSnapshots } from '../support/expect-snapshots.ts';
import { propertyRuns } from '../support/property-runs.ts';

const database = await createTestDatabase();
const replica = createDatabase(database.url, { logger: pino({ level: 'silent' }), maxConnections: 4 });
afterAll(() => replica.close());
/** Half past two, so that what is filled up crosses a midnight, and the end of summer time in Paris. */
const NOW = Date.UTC(2026, 9, 26, 2, 30, 5);
const AT = floorTo(NOW, MINUTE_MS);
const LONGEST_MS = 34 * HOUR_MS;

const timeslices = (time_slice_window: string) => ({
  budgeting_method: 'timeslices',
  time_slice_window,
  objectives: [{ name: 'default', target: 0.9, time_slice_target: 0.8 }],
});

const definitions = [
  { time_window: { type: 'rolling', duration: '28d' }, target: 0.9 },
  { time_window: { type: 'rolling', duration: '7h' }, target: 0.99 },
  { time_window: { type: 'calendar', unit: 'day', time_zone: 'Europe/Paris' }, target: 0.95 },
  {
    time_window: { type: 'rolling', duration: '28d' },
    objectives: [
      { name: 'default', target: 0.9, primary: true },
      { name: 'other', target: 0.5 },
    ],
  },
  { time_window: { type: 'rolling', duration: '28d' }, ...timeslices('15m') },
  // Days begin 18 h 15 min into the UTC day here, within a slice of an hour.
  { time_window: { type: 'calendar', unit: 'day', time_zone: 'Asia/Kathmandu' }, ...timeslices('60m') },
] as const;

const policies = [
  'default',
  [
    { type: 'burn_rate', severity: 'page', long_window: '1h', short_window: '5m', factor: 1 },
    { type: 'burn_rate', severity: 'ticket', long_window: '20h', short_window: '90m', factor: 1 },
    { type: 'budget', severity: 'ticket', below: 0.5 },
  ],
] as const;

/** Minutes that follow one another, or are left out. */
const stretch = fc.record({
  minutes: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 30, max: 400 })),
  bad: fc.constantFrom<(number | null)[]>(0, 0, 1, 10, null),
  /** Every so manieth minute of it has data. */
  every: fc.constantFrom(1, 1, 4, 23),
});

/** What happens when a chunk has been stored, but for a look at all that stands. */
const between = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: 'look' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('tick' as const), minutes: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('push' as const), back: fc.nat(2000) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('other stream' as const),
      back: fc.integer({ min: 60, max: 2000 }),
      minutes: fc.integer({ min: 1, max: 40 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'kill' as const }) },
);

const histories = fc.record({
  definition: fc.constantFrom(...definitions),
  policy: fc.constantFrom(...policies),
  /** Minutes that came in at once, before the silence. */
  before: fc.integer({ min: 1, max: 30 }),
  /** How far back the silence ends with other data, in minutes; null for one that lasts. */
  after: fc.constantFrom(null, null, 0, 30, 90, 600),
  /** The stream begins so many minutes after what came before, or before it. */
  beginsAt: fc.integer({ min: -60, max: 300 }),
  stretches: fc.array(stretch, { minLength: 3, maxLength: 10 }),
  chunkLines: fc.integer({ min: 20, max: 250 }),
  between: fc.array(between, { minLength: 3, maxLength: 6 }),
});
type History = typeof histories extends fc.Arbitrary<infer T> ? T : never;

const point = (minuteMs: number, bad: number): UsedMinute => ({ minuteMs, good: 10 - bad, total: 10 });

function planOf({ before, after, beginsAt, stretches }: History) {
  const startMs = AT - LONGEST_MS;
  const standing = Array.from({ length: before }, (_, i) => point(startMs + i * MINUTE_MS, i % 3));
  if (after !== null) {
    for (let i = 1; i < 50; i += 1) standing.push(point(AT - (after + i) * MINUTE_MS, i % 2));
  }
  const streamed: UsedMinute[] = [];
  let minuteMs = startMs + beginsAt * MINUTE_MS;
  for (const { minutes, bad, every } of stretches) {
    for (let i = 0; i < minutes && minuteMs < AT; i += 1, minuteMs += MINUTE_MS) {
      if (bad !== null && i % every === 0) streamed.push(point(minuteMs, bad));
    }
  }
  return { standing, streamed };
}

const linesOf = (minutes: readonly UsedMinute[], named: object = {}): object[] =>
  minutes.map(({ minuteMs, good, total }) => ({
    at: new Date(minuteMs).toISOString(),
    good,
    total,
    ...named,
  }));

const KILLED = new Error('killed');

let accounts = 0;

/** Streams the minutes in chunks, and has `stored` called with each that is stored. Throws what that throws. */
async function stream(
  ctx: ServiceContext,
  id: string,
  minutes: readonly UsedMinute[],
  chunkLines: number,
  stored: (chunk: readonly UsedMinute[]) => Promise<void>,
): Promise<void> {
  let chunks = 0;
  let wake: () => void = () => undefined;
  const onPointsStored = () => {
    chunks += 1;
    wake();
  };
  async function* body(): AsyncGenerator<Uint8Array> {
    for (let from = 0; from < minutes.length; from += chunkLines) {
      const chunk = minutes.slice(from, from + chunkLines);
      const before = chunks;
      yield Buffer.from(
        linesOf(chunk, { objective: 'default' })
          .map((line) => `${JSON.stringify({ slo: id, ...line })}\n`)
          .join(''),
      );
      // What does not fill one is stored when the stream ends.
      if (chunk.length < chunkLines) return;
      while (chunks === before) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      await stored(chunk);
    }
  }
  await recordStream({ ctx: { ...ctx, onPointsStored }, input: { body: body() }, limits: { chunkLines } });
}

/** What the SLO keeps of the alerts of `default`: at which minutes each condition held. */
async function runsOf(ctx: ServiceContext, id: string) {
  const { alerts } = await getSlo({ ctx, input: { id } });
  const held = Object.entries(alerts).filter(
    ([alert, { runs }]) => alert.startsWith('default/') && runs.length > 0,
  );
  return Object.fromEntries(held.map(([alert, { runs }]) => [alert, runs]));
}

async function check(history: History): Promise<void> {
  accounts += 1;
  const env = createTestEnvironment(database, NOW);
  const ctx = actingAs(env, `account-${accounts}`);
  const define = (name: string) =>
    createSlo({ ctx, input: { ...history.definition, name, alert_policy: { conditions: history.policy } } });
  const { id, objectives } = await define('filled');
  const { standing, streamed } = planOf(history);
  const known = new Map<number, UsedMinute>();
  /** Of the objective that the streams do not name, if there is one. */
  const knownOfOther = new Map<number, UsedMinute>();
  const know = (minutes: readonly UsedMinute[], to = known): void => {
    for (const minute of minutes) to.set(minute.minuteMs, minute);
  };
  const push = async (minutes: readonly UsedMinute[]): Promise<void> => {
    await recordMeasurements({ ctx, input: { id, body: { points: linesOf(minutes) } } });
    know(minutes);
    know(minutes, knownOfOther);
  };
  await push(standing);
  await evaluate(env);
  const other = async (minutes: readonly UsedMinute[]): Promise<void> => {
    await stream({ ...ctx, db: replica }, id, minutes, 7, async () => undefined);
    know(minutes);
  };
  const pending = [...history.between];
  const look = async (complete: boolean): Promise<void> => {
    const every = complete ? { snapshot: 3, status: 181 } : { snapshot: 11, status: 307 };
    const expected = { database, ctx, id, complete, every };
    await expectSnapshots({ ...expected, minutes: [...known.values()] });
    if (objectives.length === 1) return;
    await expectSnapshots({ ...expected, objective: 'other', minutes: [...knownOfOther.values()] });
  };
  try {
    await stream(ctx, id, streamed, history.chunkLines, async (stored) => {
      know(stored);
      const step = pending.shift();
      if (step !== undefined) await takeStep(step, { env, push, other });
      await look(false);
    });
    know(streamed.slice(streamed.length - (streamed.length % history.chunkLines)));
  } catch (error) {
    if (error !== KILLED) throw error;
    // Nobody has completed anything: the next evaluator does.
    env.clock.advance(3 * MINUTE_MS);
    await evaluate(env);
  }
  await look(true);
  const again = await define('in-order');
  const inOrder = [...known.values()].sort((a, b) => a.minuteMs - b.minuteMs);
  await stream(ctx, again.id, inOrder, 40_000, async () => undefined);
  expect(await runsOf(ctx, id)).toEqual(await runsOf(ctx, again.id));
}

interface Acting {
  readonly env: TestEnvironment;
  readonly push: (minutes: readonly UsedMinute[]) => Promise<void>;
  /** Has another replica take them in a stream of its own. */
  readonly other: (minutes: readonly UsedMinute[]) => Promise<void>;
}

async function takeStep(step: History['between'][number], { env, push, other }: Acting): Promise<void> {
  switch (step.kind) {
    case 'look':
      return;
    case 'tick':
      env.clock.advance(step.minutes * MINUTE_MS);
      await evaluate(env);
      return;
    case 'push':
      await push([point(AT - (step.back + 1) * MINUTE_MS, 5)]);
      return;
    case 'other stream':
      await other(Array.from({ length: step.minutes }, (_, i) => point(AT - (step.back - i) * MINUTE_MS, 5)));
      return;
    case 'kill':
      throw KILLED;
  }
}

const RUNS = propertyRuns(8);

test(
  'whatever stands while a stream fills up a silence is right, and all stands when it has ended, however it ends',
  () => fc.assert(fc.asyncProperty(histories, check), RUNS),
  60_000 + RUNS.numRuns * 60_000,
);
