import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { SHARDS, shareOf } from '../../src/storage/shard-share.ts';
import { createShards, type Shards } from '../../src/storage/shards.ts';
import { createEvaluator } from '../../src/workers/evaluator.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment, type TestEnvironment } from '../support/environment.ts';

const database = await createTestDatabase();
const elsewhere = await createTestDatabase();
const logger = pino({ level: 'silent' });
const NOW = Date.UTC(2026, 10, 18, 12, 0, 10);

const open: Shards[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((shards) => shards.release()));
  // Only the server frees the locks, a moment later.
  await expect.poll(() => sessions()).toEqual([]);
});

function replica({ db } = database): Shards {
  const shards = createShards(db, logger);
  open.push(shards);
  return shards;
}

const sessions = async (): Promise<number[]> =>
  (
    await database.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'nself-slo-tracker shards'`,
    )
  ).map(({ pid }) => pid);

const numbersOf = (shards: Shards): number[] =>
  [...(shards.held() ?? Array.from({ length: SHARDS }, (_, shard) => shard))].sort((a, b) => a - b);
const sizes = (replicas: readonly Shards[]): number[] => replicas.map((one) => numbersOf(one).length);

/** Every shard is held, and by one replica only. */
function expectDealtOut(replicas: readonly Shards[]): void {
  const all = replicas.flatMap(numbersOf).sort((a, b) => a - b);
  expect(all).toEqual(Array.from({ length: SHARDS }, (_, shard) => shard));
}

test('shares differ by one at most and add up, however many replicas there are', () => {
  for (let count = 1; count <= SHARDS + 6; count += 1) {
    const replicas = Array.from({ length: count }, (_, i) => 1000 - 7 * i);
    const shares = replicas.map((me) => shareOf({ me, replicas, owners: new Map() }).take);
    const lengths = shares.map((share) => share.length);
    expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
    // Nobody tries for what another would.
    expect(new Set(shares.flat()).size).toBe(SHARDS);
    expect(lengths.reduce((sum, length) => sum + length)).toBe(SHARDS);
  }
});

describe('a replica', () => {
  test('that is alone holds all at once, and is told so', async () => {
    const only = replica();
    expect(only.held()).toEqual([]);
    expect(await only.balance()).toBe(true);
    expect(only.held()).toBeNull();
    expect(await only.balance()).toBe(false);
  });

  test('takes nothing from one in another database of the server', async () => {
    const [here, there] = [replica(), replica(elsewhere)];
    await here.balance();
    await there.balance();
    expect([here.held(), there.held()]).toEqual([null, null]);
  });

  test('that comes gets a fair share, and gives it back when it stops', async () => {
    const replicas = [replica(), replica(), replica()];
    const [first, second, third] = replicas as [Shards, Shards, Shards];
    await first.balance();
    await second.balance();
    expect(sizes(replicas)).toEqual([64, 0, 0]);
    // The first lets go of what is above its share, the second takes it.
    await first.balance();
    expect(await second.balance()).toBe(true);
    expect(sizes(replicas)).toEqual([32, 32, 0]);
    for (let i = 0; i < 2; i += 1) for (const one of replicas) await one.balance();
    // 64 / 3
    expect(sizes(replicas).sort()).toEqual([21, 21, 22]);
    expectDealtOut(replicas);
    const kept = numbersOf(first);
    await second.release();
    await expect.poll(async () => (await sessions()).length).toBe(2);
    for (const one of [first, third]) await one.balance();
    expect(sizes([first, third])).toEqual([32, 32]);
    expectDealtOut([first, third]);
    expect(numbersOf(first)).toEqual(expect.arrayContaining(kept));
  });

  test('shares in the same moment with the others that begin', async () => {
    const replicas = [replica(), replica(), replica(), replica()];
    for (let i = 0; i < 3; i += 1) await Promise.all(replicas.map((one) => one.balance()));
    expect(sizes(replicas)).toEqual([16, 16, 16, 16]);
    expectDealtOut(replicas);
  });

  test('holds nothing once its connection is gone, and others take over until it is back', async () => {
    const [first, second] = [replica(), replica()];
    await first.balance();
    const [session] = await sessions();
    await second.balance();
    await first.balance();
    await second.balance();
    expect(sizes([first, second])).toEqual([32, 32]);
    await database.query('SELECT pg_terminate_backend($1, 5000)', [session]);
    await expect.poll(() => first.held()).toEqual([]);
    expect(await second.balance()).toBe(true);
    expect(second.held()).toBeNull();
    for (let i = 0; i < 2; i += 1) for (const one of [first, second]) await one.balance();
    expect(sizes([first, second])).toEqual([32, 32]);
  });

  test('that hangs has lost its shards when its lease is over', async () => {
    const hanging = createShards(database.db, logger, { leaseMs: 2000 });
    open.push(hanging);
    await hanging.balance();
    const other = replica();
    await other.balance();
    expect(sizes([hanging, other])).toEqual([64, 0]);
    await expect.poll(() => hanging.held()).toEqual([]);
    await other.balance();
    expect(other.held()).toBeNull();
  });
});

test('where a pooler passes statements to changing sessions, each replica evaluates all', async () => {
  const others: { end(): Promise<void> }[] = [];
  const pooler = {
    async openSession(name: string, timeoutMs: number) {
      const first = await database.db.openSession(name, timeoutMs);
      const second = await database.db.openSession(name, timeoutMs);
      others.push(second);
      const [toFirst, toSecond] = [first, second].map((client) => client.query.bind(client));
      let statements = 0;
      first.query = ((...parameters: unknown[]) => {
        statements += 1;
        // As a pooler in transaction mode may: the third statement goes elsewhere.
        return Reflect.apply((statements < 3 ? toFirst : toSecond) ?? first.query, first, parameters);
      }) as typeof first.query;
      return first;
    },
  };
  const shards = createShards(pooler, logger);
  expect(await shards.balance()).toBe(true);
  expect(shards.held()).toBeNull();
  expect(await shards.balance()).toBe(false);
  await Promise.all(others.map((client) => client.end()));
});

test('only accounts of the given shards are evaluated, and each account is in one', async () => {
  const env = createTestEnvironment(database, NOW);
  const accounts = Array.from({ length: 40 }, (_, i) => `account-${i}`);
  for (const account of accounts) {
    await createSlo({ ctx: actingAs(env, account), input: { name: 'api', target: 0.9 } });
  }
  env.clock.advance(MINUTE_MS);
  const half = Array.from({ length: SHARDS / 2 }, (_, i) => i);
  const rest = half.map((shard) => shard + SHARDS / 2);
  expect((await evaluate(env, { held: () => [] })).objectives).toBe(0);
  const some = await evaluate(env, { held: () => half });
  expect(some.objectives).toBeGreaterThan(5);
  expect(some.objectives).toBeLessThan(35);
  expect((await evaluate(env, { held: () => half })).objectives).toBe(0);
  expect((await evaluate(env, { held: () => rest })).objectives).toBe(40 - some.objectives);
  expect((await evaluate(env)).objectives).toBe(0);
});

test('an evaluator whose connection is cut goes on by itself', async () => {
  const env = createTestEnvironment(database, NOW + 10 * MINUTE_MS);
  const rounds: number[] = [];
  const worker = createEvaluator(env, {
    intervalMs: 1000,
    shards: replica(),
    onRound: ({ objectives }) => rounds.push(objectives),
  });
  worker.start();
  try {
    await expect.poll(() => rounds.at(0), { timeout: 5000 }).toBe(40);
    const [session] = await sessions();
    await database.query('SELECT pg_terminate_backend($1, 5000)', [session]);
    env.clock.advance(MINUTE_MS);
    await expect.poll(() => rounds.filter((count) => count === 40).length, { timeout: 5000 }).toBe(2);
    expect(await sessions()).not.toContain(session);
  } finally {
    await worker.stop();
  }
});

describe('an evaluator has caught up', () => {
  const evaluator = (env: TestEnvironment, shards: Partial<Shards>, onRound: () => void = () => undefined) =>
    createEvaluator(env, {
      intervalMs: 60_000,
      shards: { held: () => null, balance: async () => true, release: async () => undefined, ...shards },
      onRound,
    });

  test('after its first round, and not before', async () => {
    const env = createTestEnvironment(database, NOW + 20 * MINUTE_MS);
    let rounds = 0;
    const worker = evaluator(env, {}, () => {
      rounds += 1;
    });
    worker.start();
    await worker.caughtUp;
    expect(rounds).toBe(1);
    await worker.stop();
  });

  test('at once where others hold all shards', async () => {
    const env = createTestEnvironment(database, NOW + 20 * MINUTE_MS);
    let rounds = 0;
    const worker = evaluator(env, { balance: async () => false }, () => {
      rounds += 1;
    });
    worker.start();
    await worker.caughtUp;
    await worker.stop();
    expect(rounds).toBe(0);
  });

  test.each<[string, Partial<Shards>]>([
    ['its round', {}],
    ['taking its share', { balance: () => Promise.reject(new Error('away')) }],
  ])('as far as it can where %s fails', async (_, shards) => {
    const env = createTestEnvironment(database, NOW + 20 * MINUTE_MS);
    const db = { ...env.db, owner: () => Promise.reject(new Error('away')) };
    const worker = evaluator({ ...env, db }, shards);
    worker.start();
    await worker.caughtUp;
    await worker.stop();
  });
});
