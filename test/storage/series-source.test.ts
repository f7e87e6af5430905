import { beforeEach, expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { evaluateInstant } from '../../src/promql/engine.ts';
import { makeMatcher } from '../../src/promql/matcher.ts';
import { parsePromql } from '../../src/promql/parser.ts';
import type { SampleSource, Selection } from '../../src/promql/source.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { createSeriesStore, type SeriesStore, type SeriesWork } from '../../src/storage/series-source.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const NOON = Date.UTC(2026, 2, 10, 12);
const LOOKBACK = 5 * MINUTE_MS;
const NEWEST: Selection = {
  matchers: [makeMatcher('__name__', '=', 'sli_ratio_used_good')],
  fromMs: NOON - LOOKBACK,
  toMs: NOON,
  hints: {
    kind: 'instant',
    startMs: NOON,
    endMs: NOON,
    stepMs: 1,
    windowMs: LOOKBACK,
    around: null,
    grouping: null,
  },
};

const database = await createTestDatabase();
const env = createTestEnvironment(database, NOON);
let accounts = 0;
let accountId = '';
let push: (good: number) => Promise<unknown>;
/** What happens once the database was asked what stands, and before it answers, or fails to. */
let beforeAnswer: () => Promise<unknown>;
let asked = 0;
let store: SeriesStore;

beforeEach(async () => {
  accounts += 1;
  accountId = `account-${accounts}`;
  const ctx = actingAs(env, accountId);
  await createSlo({ ctx, input: { name: 'api', target: 0.9 } });
  const at = new Date(NOON - MINUTE_MS).toISOString();
  push = (good) =>
    recordMeasurements({
      ctx,
      input: { id: 'default.api', body: { points: [{ at, good, total: 10 }] } },
    });
  await push(9);
  await evaluate(env);
  asked = 0;
  beforeAnswer = async () => undefined;
  store = createSeriesStore({
    clock: env.clock,
    cacheBytes: 1024 * 1024,
    db: {
      tenantSnapshot: env.db.tenantSnapshot,
      async once(...statement) {
        asked += 1;
        await beforeAnswer();
        return env.db.once(...statement);
      },
    },
  });
});

const { signal } = new AbortController();
const query = <T>(work: SeriesWork<T>): Promise<T> => store.query(accountId, signal, work);

const newest: SeriesWork<number | undefined> = async (source) => {
  const [[series] = []] = await source.select([NEWEST], signal);
  return series?.values[series.end - 1];
};

/** Notes what each go at the work has seen, and the source that it went by. */
function noting() {
  const seen: (number | undefined)[] = [];
  const sources: SampleSource[] = [];
  const work: SeriesWork<number | undefined> = async (source) => {
    sources.push(source);
    const value = await newest(source);
    seen.push(value);
    return value;
  };
  return { seen, sources, work };
}

test('work is done over what is kept while the database is asked whether that stands', async () => {
  expect(await query(newest)).toBe(9);
  expect(asked).toBe(0);
  const { seen, work } = noting();
  let answered = false;
  beforeAnswer = async () => {
    await expect.poll(() => seen, { timeout: 60_000 }).toEqual([9]);
    answered = true;
  };
  expect(await query(work)).toBe(9);
  expect([answered, seen, asked]).toEqual([true, [9], 1]);
});

test('where it stands no more, what was done is done over', async () => {
  await query(newest);
  const { seen, sources, work } = noting();
  beforeAnswer = async () => {
    await expect.poll(() => seen, { timeout: 60_000 }).toEqual([9]);
    expect(sources.map((source) => source.isOutdated?.())).toEqual([false]);
    await push(4);
  };
  expect(await query(work)).toBe(4);
  expect(seen).toEqual([9, 4]);
  expect(sources.map((source) => source.isOutdated?.() ?? false)).toEqual([true, false]);
});

test('a long evaluation over what stands no more ends in the middle', async () => {
  await query(newest);
  beforeAnswer = () => push(4);
  // 600 windows of 600,000 samples that differ: a minute of work, if nothing ends it.
  const text = 'sli_ratio_used_good + 0 * max_over_time(stddev_over_time(vector(time())[1h:10ms])[10m:1s])';
  const expr = parsePromql(text);
  let evaluations = 0;
  const outcomes: string[] = [];
  await query(async (source) => {
    evaluations += 1;
    if (evaluations === 2) return;
    const evaluated = evaluateInstant({ text, expr, source, signal }, NOON);
    await evaluated.catch((error: Error) => outcomes.push(error.message));
    throw new Error('ended');
  });
  expect([evaluations, outcomes]).toEqual([2, ['The samples are out of date.']]);
});

test('a failure over what stands no more is none; over what stands it is told', async () => {
  await query(newest);
  const work: SeriesWork<number | undefined> = async (source) => {
    const found = await newest(source);
    if (found === 9) throw new RangeError('nine');
    return found;
  };
  await expect(query(work)).rejects.toThrow('nine');
  beforeAnswer = () => push(4);
  expect(await query(work)).toBe(4);
});

test('without an answer of the database there is none, whatever is kept', async () => {
  await query(newest);
  const { seen, work } = noting();
  beforeAnswer = async () => {
    await expect.poll(() => seen, { timeout: 60_000 }).toEqual([9]);
    throw new Error('away');
  };
  await expect(query(work)).rejects.toThrow('away');
  expect(seen).toEqual([9]);
});

test('what selects nothing asks nothing', async () => {
  await query(newest);
  beforeAnswer = () => Promise.reject(new Error('away'));
  expect(await query(async () => 1)).toBe(1);
  expect(asked).toBe(0);
});
