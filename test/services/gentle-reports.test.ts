import { expect, test } from 'vitest';
import { createCourtesy } from '../../src/lib/courtesy.ts';
import { DAY_MS } from '../../src/lib/duration.ts';
import type { ServiceEnvironment } from '../../src/services/context.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { dropOldSnapshots } from '../../src/services/drop-old-snapshots.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { storeReports } from '../../src/services/store-reports.ts';
import type { Database } from '../../src/storage/client.ts';
import { createReporter } from '../../src/workers/reporter.ts';
import { createRetention } from '../../src/workers/retention.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const NOW = Date.parse('2026-03-02T12:00:00Z');
const ACCOUNT = 'account';

/** An SLO with one bad minute on March 2, evaluated up to March 20, with nothing reported. */
async function unreported() {
  const database = await createTestDatabase();
  const env = createTestEnvironment(database, NOW);
  const ctx = actingAs(env, ACCOUNT);
  const timeWindow = { type: 'rolling', duration: '2h' };
  const slo = await createSlo({ ctx, input: { name: 'api', target: 0.9, time_window: timeWindow } });
  const points = [{ at: '2026-03-02T11:58:00Z', good: 8, total: 10 }];
  await recordMeasurements({ ctx, input: { id: slo.id, body: { points } } });
  env.clock.set(Date.parse('2026-03-20T00:01:00Z'));
  await evaluate(env);
  const stored = () =>
    database.query<{ total: number | null; minutes_bad: number }>(
      'SELECT total, minutes_bad FROM np_slo_reports WHERE source_account_id = $1 ORDER BY period, starts_at',
      [ACCOUNT],
    );
  return { env, stored };
}

/** March 2 to 19, and two weeks. */
const ROWS = 18 + 2;

/** A courtesy whose time is only what is slept; `meanwhile` is done in each sleep. */
function courtesyOf(meanwhile: () => Promise<unknown> | unknown = () => undefined) {
  let nowMs = 0;
  return createCourtesy({
    now: () => nowMs,
    async sleep(ms, signal) {
      nowMs += ms;
      await meanwhile();
      signal?.throwIfAborted();
    },
  });
}

const unanswered = (): Promise<never> => new Promise(() => undefined);

test('reports close while requests never cease', async () => {
  const { env, stored } = await unreported();
  let sleeps = 0;
  const courtesy = courtesyOf(() => {
    sleeps += 1;
  });
  void courtesy.answering(unanswered);
  expect(await storeReports({ ...env, courtesy })).toBe(ROWS);
  expect(sleeps).toBeGreaterThan(0);
  const rows = await stored();
  expect(rows.length).toBe(ROWS);
  expect(rows[0]).toEqual({ total: 10, minutes_bad: 1 });
});

test('a request under way is waited for before anything is read or written, by no open transaction', async () => {
  const { env, stored } = await unreported();
  let answer = (): void => undefined;
  let waits = 0;
  let open = 0;
  const db: typeof env.db = {
    ...env.db,
    async owner(work) {
      open += 1;
      try {
        return await env.db.owner(work);
      } finally {
        open -= 1;
      }
    },
  };
  const courtesy = courtesyOf(async () => {
    waits += 1;
    expect(open).toBe(0);
    expect(await stored()).toEqual([]);
    if (waits === 3) answer();
  });
  void courtesy.answering(
    () =>
      new Promise<void>((resolve) => {
        answer = resolve;
      }),
  );
  expect(await storeReports({ ...env, db, courtesy })).toBe(ROWS);
  // Three looks to the answer, two to be sure that none follows.
  expect(waits).toBe(5);
});

test('who is told to stop while it waits stores nothing more', async () => {
  const { env, stored } = await unreported();
  const aborted = new AbortController();
  const courtesy = courtesyOf(() => aborted.abort());
  void courtesy.answering(unanswered);
  await expect(storeReports({ ...env, courtesy }, { signal: aborted.signal })).rejects.toThrow();
  expect(await stored()).toEqual([]);
});

test.each([
  ['reporter', (env: ServiceEnvironment) => createReporter(env, { intervalMs: 20, held: () => null })],
  ['retention', (env: ServiceEnvironment) => createRetention({ ...env, retentionMs: 8 * DAY_MS })],
])('the worker stops while it waits: %s', async (_, create) => {
  const { env, stored } = await unreported();
  let isWaiting = false;
  const courtesy = createCourtesy({
    now: () => 0,
    // For ever, but for the signal.
    sleep: (_ms, signal) =>
      new Promise((_, reject) => {
        isWaiting = true;
        signal?.addEventListener('abort', () => reject(signal.reason));
      }),
  });
  void courtesy.answering(unanswered);
  const worker = create({ ...env, courtesy });
  worker.start();
  await expect.poll(() => isWaiting, { timeout: 60_000 }).toBe(true);
  await worker.stop();
  expect(await stored()).toEqual([]);
});

/** The database, with something done before the first statement of that name. */
function withBefore(db: Database, name: string, before: () => Promise<unknown>): Database {
  let isDone = false;
  return {
    ...db,
    owner: (work) =>
      db.owner((tx) => {
        const client = new Proxy(tx.client, {
          get(target, property, receiver) {
            if (property !== 'query') return Reflect.get(target, property, receiver);
            return async (query: { name?: string }) => {
              if (query.name === name && !isDone) {
                isDone = true;
                await before();
              }
              return Reflect.apply(target.query, target, [query]);
            };
          },
        });
        return work({ ...tx, client });
      }),
  };
}

test.each([
  // Between what is known of the minutes and reading them, and between reading them and their sums.
  ['used-minutes'],
  ['totals-by-key'],
])('an SLO whose minutes are dropped before %s is left for the next time', async (name) => {
  const { env, stored } = await unreported();
  let isDropped = false;
  const db = withBefore(env.db, name, async () => {
    isDropped = (await env.partitions.dropBefore(Date.parse('2026-03-12T00:00:00Z'))) > 0;
  });
  expect(await storeReports({ ...env, db })).toBe(0);
  expect(isDropped).toBe(true);
  expect(await stored()).toEqual([]);
  // By what there is.
  expect(await storeReports(env)).toBe(ROWS);
  expect((await stored())[0]).toEqual({ total: null, minutes_bad: 0 });
});

test('the retention leaves reports to the reporter where there is nothing to be dropped', async () => {
  const { env, stored } = await unreported();
  expect(await dropOldSnapshots(env)).toBe(0);
  expect(await stored()).toEqual([]);
  expect(await dropOldSnapshots({ ...env, retentionMs: 8 * DAY_MS })).toBeGreaterThan(0);
  expect((await stored())[0]).toEqual({ total: 10, minutes_bad: 1 });
});

test('the reporter does not wait for its next round when its first one had no shards', async () => {
  const { env, stored } = await unreported();
  let looks = 0;
  const held = (): readonly number[] | null => {
    looks += 1;
    return looks < 4 ? [] : null;
  };
  const worker = createReporter(env, { intervalMs: DAY_MS, held });
  worker.start();
  await expect.poll(async () => (await stored()).length, { timeout: 60_000 }).toBe(ROWS);
  await worker.stop();
});
