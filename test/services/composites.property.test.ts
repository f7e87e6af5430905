import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { addBudgetAdjustment } from '../../src/services/budget-adjustments.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { getSlo } from '../../src/services/find-slos.ts';
import { readBurnRates } from '../../src/services/read-burn-rate.ts';
import { readStatuses } from '../../src/services/read-status.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { recordStream } from '../../src/services/record-stream.ts';
import { type BruteComponent, bruteComposite } from '../support/brute-composite.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';
import { propertyRuns } from '../support/property-runs.ts';

const database = await createTestDatabase();
/** The history lies on both sides of a midnight. */
const START = Date.UTC(2026, 10, 9, 22, 40);
const MINUTES = 150;
const WINDOW_MS = HOUR_MS;
const TARGET = 0.9;

interface Drawn {
  readonly weight: number;
  readonly whenDelayed: BruteComponent['whenDelayed'];
  /** Runs of minutes with data and without. */
  readonly runs: readonly {
    readonly length: number;
    readonly data: boolean;
    readonly good: number;
    readonly bad: number;
  }[];
  readonly adjusted: { readonly start: number; readonly minutes: number } | null;
}

const drawn = fc.record<Drawn>({
  weight: fc.constantFrom(1, 2, 0.5, 3),
  whenDelayed: fc.constantFrom('count_as_good', 'count_as_bad', 'ignore'),
  runs: fc.array(
    fc.record({
      length: fc.integer({ min: 1, max: 40 }),
      data: fc.boolean(),
      good: fc.nat(3),
      bad: fc.nat(2),
    }),
    { minLength: 1, maxLength: 7 },
  ),
  adjusted: fc.option(fc.record({ start: fc.nat(MINUTES), minutes: fc.integer({ min: 1, max: 20 }) })),
});

const histories = fc.record({
  components: fc.array(drawn, { minLength: 1, maxLength: 3 }),
  maxDelay: fc.integer({ min: 1, max: 15 }),
  /** How the points come in: each write has the points of some components and minutes. */
  order: fc.array(fc.nat(1_000_000), { minLength: 60, maxLength: 60 }),
  writes: fc.integer({ min: 1, max: 6 }),
  createdFirst: fc.boolean(),
});

let account = 0;

type History = typeof histories extends fc.Arbitrary<infer T> ? T : never;

function minutesOf({ runs }: Drawn): Map<number, { good: number; total: number }> {
  const minutes = new Map<number, { good: number; total: number }>();
  let k = 0;
  for (const { length, data, good, bad } of runs) {
    for (let i = 0; i < length && k < MINUTES; i += 1, k += 1) {
      if (data) minutes.set(START + k * MINUTE_MS, { good, total: good + bad });
    }
  }
  return minutes;
}

async function check(history: History): Promise<void> {
  const env = createTestEnvironment(database, START + 20 * MINUTE_MS + 30_000);
  account += 1;
  const ctx = actingAs(env, `account-${account}`);
  const components = history.components.map((one): BruteComponent => {
    const { adjusted } = one;
    const from = START + (adjusted?.start ?? 0) * MINUTE_MS;
    return {
      weight: one.weight,
      whenDelayed: one.whenDelayed,
      minutes: minutesOf(one),
      isAdjusted: (ms) => adjusted !== null && ms >= from && ms < from + adjusted.minutes * MINUTE_MS,
    };
  });
  for (const [i, { adjusted }] of history.components.entries()) {
    const { id } = await createSlo({ ctx, input: { name: `c${i}`, target: 0.9 } });
    if (adjusted === null) continue;
    const starts_at = new Date(START + adjusted.start * MINUTE_MS).toISOString();
    await addBudgetAdjustment({ ctx, input: { id, body: { starts_at, duration: `${adjusted.minutes}m` } } });
  }
  const create = async () => {
    await createSlo({
      ctx,
      input: {
        name: 'all',
        target: TARGET,
        time_window: { type: 'rolling', duration: '1h' },
        sli: {
          type: 'composite',
          max_delay: `${history.maxDelay}m`,
          components: history.components.map(({ weight, whenDelayed }, i) => ({
            slo: `c${i}`,
            weight,
            when_delayed: whenDelayed,
          })),
        },
      },
    });
  };
  if (history.createdFirst) await create();

  const points = components.flatMap(({ minutes }, i) =>
    [...minutes].map(([ms, counts]) => ({ i, at: new Date(ms).toISOString(), ms, ...counts })),
  );
  const shuffled = points
    .map((point, n) => ({ point, key: ((history.order[n % 60] ?? 0) * (n + 7919)) % 1_000_003 }))
    .sort((a, b) => a.key - b.key)
    .map(({ point }) => point);
  const size = Math.ceil(Math.max(1, shuffled.length) / history.writes);
  env.clock.set(START + MINUTES * MINUTE_MS - 40 * MINUTE_MS + 20_000);
  let rest = shuffled;
  while (rest.length > 0) {
    const nowMs = env.clock.now();
    const some = rest.slice(0, size);
    rest = rest.slice(size);
    const ready = some.filter(({ ms }) => ms <= nowMs);
    rest.push(...some.filter(({ ms }) => ms > nowMs));
    if (rest.length > 0 && ready.length < some.length) env.clock.advance(7 * MINUTE_MS);
    if (ready.length % 2 === 0) {
      const body = ready
        .map(({ i, at, good, total }) => JSON.stringify({ slo: `default.c${i}`, at, good, total }))
        .join('\n');
      await recordStream({ ctx, input: { body: new Blob([body]).stream() } });
    } else {
      for (let i = 0; i < components.length; i += 1) {
        const own = ready.filter((one) => one.i === i).map(({ at, good, total }) => ({ at, good, total }));
        if (own.length > 0)
          await recordMeasurements({ ctx, input: { id: `default.c${i}`, body: { points: own } } });
      }
    }
    await evaluate(env);
  }
  if (!history.createdFirst) await create();
  env.clock.set(START + (MINUTES + 25) * MINUTE_MS + 10_000);
  await evaluate(env);

  const slo = await getSlo({ ctx, input: { id: 'default.all' } });
  const rows = await database.query<{
    at: Date;
    state: string | null;
    reliability: number | null;
    budget: number | null;
    burn_rate: number | null;
    component_impact: number[] | null;
  }>('SELECT * FROM np_slo_snapshots WHERE slo_id = $1 ORDER BY at', [slo.id]);
  const byTime = new Map(rows.map((row) => [row.at.getTime(), row]));
  if (points.length === 0) {
    expect(rows).toEqual([]);
    return;
  }
  const nowMs = Math.floor(env.clock.now() / MINUTE_MS) * MINUTE_MS;
  const close = (actual: number | null | undefined, expected: number | null, where: string): void => {
    if (expected === null) expect(actual ?? null, where).toBeNull();
    else expect(actual, where).toBeCloseTo(expected, 8);
  };
  for (let at = START + MINUTE_MS; at <= nowMs; at += MINUTE_MS) {
    const { minutes, waits, newestMs } = bruteComposite(components, history.maxDelay * MINUTE_MS, at);
    const over = (fromMs: number, toMs: number) =>
      [...minutes].filter(([ms]) => ms >= fromMs && ms < toMs).map(([, minute]) => minute);
    const window = over(at - WINDOW_MS, at);
    const mean = (list: readonly { quality: number }[]): number | null =>
      list.length === 0 ? null : list.reduce((sum, { quality }) => sum + quality, 0) / list.length;
    const reliability = mean(window);
    const budget = reliability === null ? null : 1 - (1 - reliability) / (1 - TARGET);
    const firstMs = Math.min(...components.flatMap((one) => [...one.minutes.keys()]));
    const end = waits ? Math.max(firstMs, newestMs + MINUTE_MS) : at;
    const hour = mean(over(end - HOUR_MS, end));
    const burn = hour === null ? null : (1 - hour) / (1 - TARGET);
    const where = new Date(at).toISOString();
    const row = byTime.get(at);
    if (reliability !== null) expect(row?.state, where).not.toBeUndefined();
    if (row !== undefined) {
      close(row.reliability, reliability, `reliability ${where}`);
      close(row.budget, budget, `budget ${where}`);
      if (row.state !== null) close(row.burn_rate, burn, `burn ${where}`);
      if (budget !== null) {
        const impacts = components.map(
          (_, i) =>
            window.reduce((sum, { losses }) => sum + (losses[i] ?? 0), 0) / window.length / (1 - TARGET),
        );
        impacts.forEach((impact, i) => {
          close(row.component_impact?.[i], impact, `impact ${i} ${where}`);
        });
        expect(
          (row.component_impact ?? []).reduce((sum, one) => sum + one, 0),
          where,
        ).toBeCloseTo(1 - budget, 8);
      }
    }
    if (at % (11 * MINUTE_MS) !== 0 && at !== nowMs) continue;
    const status = (await readStatuses({ ctx, input: { slos: [slo], atMs: at } })).get(slo.id)?.objectives[0];
    close(status?.reliability, reliability, `read ${where}`);
    close(status?.burnRate, burn, `read burn ${where}`);
    if (reliability !== null) close(status?.countTotal, 1, `count ${where}`);
    const rates = (await readBurnRates({ ctx, input: { slos: [slo], atMs: at } })).get(slo.id)?.objectives[0];
    const five = mean(over(end - 5 * MINUTE_MS, end));
    close(
      rates?.windows.find((one) => one.window === '5m')?.burnRate,
      five === null ? null : (1 - five) / (1 - TARGET),
      `burn over 5m ${where}`,
    );
  }
}

test('a composite equals the brute-force reading of its components, however their points came in', async () => {
  await fc.assert(fc.asyncProperty(histories, check), propertyRuns(4, 1));
}, 240_000);
