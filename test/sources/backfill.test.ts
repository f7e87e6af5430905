import { expect, test, vi } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { cancelBackfill, startBackfill } from '../../src/services/backfill.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs } from '../support/environment.ts';
import { createPulling, writtenOf } from './pulling.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 10, 18, 12, 0, 10);
const AT = NOW - 10_000;
const tables = {
  orders: { table: 'orders', columns: { time: 'at', good: 'good', total: 'total' }, accounts: ['primary'] },
};

await database.query('CREATE TABLE orders (at timestamptz, good int, total int)');
// Ten events in each of the last 50 hours' minutes, one of them bad in every fifth minute.
await database.query(
  `INSERT INTO orders SELECT $1::timestamptz - n * interval '1 minute', CASE WHEN n % 5 = 0 THEN 9 ELSE 10 END, 10
   FROM generate_series(1, 3000) AS n`,
  [new Date(AT)],
);

test('a past range is read in the background, once, whatever interrupts it', async () => {
  const { create, settle, counts, slo, env } = createPulling(database, NOW, { prometheus: {}, tables });
  const ctx = actingAs(env, 'primary');
  const source = { type: 'table', source: 'orders' };
  const id = await create('orders', source, { slo: { time_window: { type: 'rolling', duration: '5m' } } });
  await settle();
  expect(Object.keys(await counts(id))).toHaveLength(5);

  const fromMs = AT - 40 * HOUR_MS;
  const asked = await startBackfill({ ctx, input: { id, fromMs } });
  expect(asked.backfill).toMatchObject({ fromMs, toMs: AT, nextMs: fromMs, finishedAtMs: null });
  // Asked again it is the same work; another range has to wait.
  expect((await startBackfill({ ctx, input: { id, fromMs } })).backfill?.id).toBe(asked.backfill?.id);
  await expect(startBackfill({ ctx, input: { id, fromMs: fromMs + HOUR_MS } })).rejects.toMatchObject({
    code: 'conflict',
  });
  // The table is away in the middle of it.
  await database.query('ALTER TABLE orders RENAME TO orders_away');
  await settle();
  expect((await slo(id)).backfill?.lastError).toBe('the table orders does not exist');
  await database.query('ALTER TABLE orders_away RENAME TO orders');
  env.clock.advance(10 * MINUTE_MS);
  await settle();
  const { backfill, pull } = await slo(id);
  expect(backfill).toMatchObject({ nextMs: AT, minutes: 2400, lastError: null });
  expect(backfill?.finishedAtMs).toBe(env.clock.now());
  expect(pull?.lastError).toBeNull();
  const [sums] = await database.query<{ good: number; total: number; n: number }>(
    `SELECT sum(used_good) AS good, sum(used_total) AS total, count(*)::int AS n FROM np_slo_snapshots
     WHERE slo_id = $1 AND used_total IS NOT NULL`,
    [id],
  );
  // 2,400 minutes of ten, of which 480 have a bad one.
  expect(sums).toEqual({ good: 23_520, total: 24_000, n: 2400 });

  await evaluate(env);
  const before = await writtenOf(database, id);
  await startBackfill({ ctx, input: { id, fromMs, toMs: AT } });
  await settle();
  await evaluate(env);
  expect(await writtenOf(database, id)).toEqual(before);
});

test('refuses ranges and SLOs for which there is nothing to read', async () => {
  const { create, env } = createPulling(database, NOW, { prometheus: {}, tables });
  const ctx = actingAs(env, 'primary');
  const id = await create('more', { type: 'table', source: 'orders' });
  const pushed = await create('pushed', { type: 'push' });
  const start = (input: { id: string; fromMs: number; toMs?: number }) => startBackfill({ ctx, input });
  await expect(start({ id: pushed, fromMs: AT - HOUR_MS })).rejects.toMatchObject({ code: 'invalid' });
  await expect(start({ id, fromMs: AT - 101 * 24 * HOUR_MS })).rejects.toMatchObject({
    details: [{ path: 'from', message: 'is older than 100d, as far as data is kept' }],
  });
  await expect(start({ id, fromMs: AT, toMs: AT + HOUR_MS })).rejects.toMatchObject({
    details: [{ path: 'to', message: 'must be at least a minute after from' }],
  });
  await expect(
    startBackfill({ ctx: actingAs(env, 'other'), input: { id, fromMs: AT - HOUR_MS } }),
  ).rejects.toMatchObject({ code: 'not_found' });
  await start({ id, fromMs: AT - HOUR_MS });
  const cancelled = await cancelBackfill({ ctx, input: { id } });
  expect(cancelled.backfill).toMatchObject({ finishedAtMs: NOW, nextMs: AT - HOUR_MS });
  await start({ id, fromMs: AT - 2 * HOUR_MS });
});

test('a past range gives way to requests, the newest minutes do not', async () => {
  const { create, settle, env } = createPulling(database, NOW, { prometheus: {}, tables });
  // What other tests have begun.
  await settle();
  const turn = vi.spyOn(env.courtesy, 'turn');
  const slo = { time_window: { type: 'rolling', duration: '5m' } };
  const id = await create('gentle', { type: 'table', source: 'orders' }, { slo });
  await settle();
  expect(turn).not.toHaveBeenCalled();
  await startBackfill({ ctx: actingAs(env, 'primary'), input: { id, fromMs: AT - HOUR_MS } });
  await settle();
  expect(turn).toHaveBeenCalledTimes(1);
});
