import { expect, test } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { addBudgetAdjustment } from '../../src/services/budget-adjustments.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { dropOldSnapshots } from '../../src/services/drop-old-snapshots.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { generateReports } from '../../src/services/generate-reports.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { recordStream } from '../../src/services/record-stream.ts';
import { storeReports } from '../../src/services/store-reports.ts';
import { createReporter } from '../../src/workers/reporter.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

/** A Monday. */
const NOW = Date.parse('2026-03-02T12:00:00Z');
const ACCOUNT = 'account';

interface Row {
  readonly period: string;
  readonly starts_at: Date;
  readonly ends_at: Date;
  readonly good: number | null;
  readonly total: number | null;
  readonly bad: number | null;
  readonly minutes_observed: number;
  readonly minutes_bad: number;
  readonly revision: number;
  readonly created_at: Date;
  readonly revised_at: Date | null;
}

/** A database of its own: reports are stored for all accounts together. */
async function account(definition: object = {}, nowMs = NOW) {
  const database = await createTestDatabase();
  const env = createTestEnvironment(database, nowMs);
  const ctx = actingAs(env, ACCOUNT);
  const slo = await createSlo({
    ctx,
    input: { name: 'api', target: 0.9, time_window: { type: 'rolling', duration: '2h' }, ...definition },
  });
  const push = (at: string, good: number, total: number) =>
    recordMeasurements({ ctx, input: { id: slo.id, body: { points: [{ at, good, total }] } } });
  /** Time goes on to `to`: the minutes are evaluated, and what has closed is reported. */
  const go = async (to: string) => {
    env.clock.set(Date.parse(to));
    await evaluate(env);
    return storeReports(env);
  };
  const stored = (period?: string) =>
    database.query<Row>(
      `SELECT * FROM np_slo_reports WHERE source_account_id = $1 AND ($2::text IS NULL OR period::text = $2)
       ORDER BY period, starts_at, objective`,
      [ACCOUNT, period ?? null],
    );
  const read = (input: Parameters<typeof generateReports>[0]['input']) => generateReports({ ctx, input });
  return { database, env, ctx, slo, push, go, stored, read };
}

const day = (row: { starts_at: Date }): string => row.starts_at.toISOString().slice(0, 10);

test('a day that closes is stored once, and read from the table from then on', async () => {
  const { database, env, push, go, stored, read } = await account();
  await push('2026-03-02T11:58:00Z', 80, 100);
  await go('2026-03-02T23:59:00Z');
  expect(await stored()).toEqual([]);
  await go('2026-03-03T00:00:30Z');
  const rows = await stored();
  // 20 of 100 were bad, of 10 that may be.
  expect(rows).toMatchObject([
    {
      period: 'day',
      good: 80,
      total: 100,
      bad: 20,
      budget_used: 2,
      met: false,
      minutes_observed: 1,
      revision: 1,
    },
  ]);
  expect(rows[0]?.starts_at).toEqual(new Date('2026-03-02T00:00:00Z'));
  expect(rows[0]?.created_at).toEqual(new Date('2026-03-03T00:00:30Z'));
  expect(await storeReports(env)).toBe(0);
  expect(await stored()).toEqual(rows);
  await database.query('UPDATE np_slo_reports SET good = 81 WHERE period = $1 AND starts_at = $2', [
    'day',
    rows[0]?.starts_at,
  ]);
  const [closed, open] = await read({ period: 'day' });
  expect(closed).toMatchObject({ open: false, good: 81 });
  expect(open).toMatchObject({ open: true, good: null });
});

test('what closed before its minutes are evaluated is not stored, and is computed when asked for', async () => {
  const { env, push, stored, read } = await account();
  await push('2026-03-02T11:58:00Z', 80, 100);
  env.clock.set(Date.parse('2026-03-03T00:05:00Z'));
  expect(await storeReports(env)).toBe(0);
  expect(await stored()).toEqual([]);
  expect((await read({ period: 'day' }))[0]).toMatchObject({ open: false, good: 80, total: 100 });
});

test('after a downtime over several periods each of them is stored once', async () => {
  const { push, go, stored } = await account();
  await push('2026-03-02T11:58:00Z', 90, 100);
  await go('2026-07-05T10:00:00Z');
  const days = await stored('day');
  // March 2 to July 4: 30 + 30 + 31 + 30 + 4.
  expect(days.length).toBe(125);
  expect(new Set(days.map(day)).size).toBe(125);
  expect((await stored('week')).length).toBe(17);
  expect((await stored('month')).map(day)).toEqual(['2026-03-01', '2026-04-01', '2026-05-01', '2026-06-01']);
  expect((await stored('quarter')).map(day)).toEqual(['2026-01-01', '2026-04-01']);
  expect(await stored('year')).toEqual([]);
  expect((await stored('month'))[0]).toMatchObject({ good: 90, total: 100 });
  expect((await stored('month'))[1]).toMatchObject({ good: null, met: null, reliability: null });
});

test('replicas that report at once store each row once', async () => {
  const { database, env, push, stored } = await account();
  await push('2026-03-02T11:58:00Z', 90, 100);
  env.clock.set(Date.parse('2026-05-01T00:01:00Z'));
  await evaluate(env);
  const replicas = Array.from({ length: 4 }, () => createTestEnvironment(database, env.clock.now()));
  const written = await Promise.all(replicas.map((replica) => storeReports(replica)));
  const rows = await stored();
  // 60 days, 8 weeks, March and April, the first quarter is among them.
  expect(rows.length).toBe(60 + 8 + 2 + 1);
  expect(rows.every(({ revision, revised_at }) => revision === 1 && revised_at === null)).toBe(true);
  expect(written.reduce((sum, n) => sum + n, 0)).toBe(rows.length);
});

test('late data revises the periods that it belongs to, and no other row changes', async () => {
  const { push, go, stored } = await account();
  await push('2026-03-02T11:58:00Z', 90, 100);
  await go('2026-04-02T00:01:00Z');
  const before = await stored();
  await push('2026-03-10T08:00:00Z', 0, 50);
  await go('2026-04-02T00:02:00Z');
  const after = await stored();
  expect(after.length).toBe(before.length);
  const changed = after.filter((row, i) => JSON.stringify(row) !== JSON.stringify(before[i]));
  expect(changed.map((row) => `${row.period} ${day(row)}`)).toEqual([
    'day 2026-03-10',
    'week 2026-03-09',
    'month 2026-03-01',
    'quarter 2026-01-01',
  ]);
  expect(changed[0]).toMatchObject({ good: 0, total: 50, bad: 50, revision: 2, minutes_bad: 1 });
  expect(changed[2]).toMatchObject({ good: 90, total: 150, bad: 60, revision: 2 });
  for (const row of changed) {
    expect(row.revised_at).toEqual(new Date('2026-04-02T00:02:00Z'));
    expect(row.created_at).toEqual(new Date('2026-04-02T00:01:00Z'));
  }
  // The same points again change nothing.
  await push('2026-03-10T08:00:00Z', 0, 50);
  await go('2026-04-02T00:03:00Z');
  expect(await stored()).toEqual(after);
});

test('the last minute of a day revises that day, and the first one of the next only the next', async () => {
  const { push, go, stored } = await account();
  await push('2026-03-02T11:58:00Z', 90, 100);
  await go('2026-03-05T00:01:00Z');
  await push('2026-03-03T23:59:00Z', 7, 10);
  await go('2026-03-05T00:02:00Z');
  expect((await stored('day')).map(({ revision, total }) => [revision, total])).toEqual([
    [1, 100],
    [2, 10],
    [1, null],
  ]);
  await push('2026-03-04T00:00:00Z', 7, 10);
  await go('2026-03-05T00:03:00Z');
  expect((await stored('day')).map(({ revision, total }) => [revision, total])).toEqual([
    [1, 100],
    [2, 10],
    [2, 10],
  ]);
});

test('the first data of all may be late, and data from before the creation adds its periods', async () => {
  const { push, go, stored } = await account();
  await go('2026-03-04T00:01:00Z');
  expect((await stored('day')).map(({ total }) => total)).toEqual([null, null]);
  await push('2026-03-03T05:00:00Z', 9, 10);
  await go('2026-03-04T00:02:00Z');
  expect((await stored('day')).map(({ total, revision }) => [total, revision])).toEqual([
    [null, 1],
    [10, 2],
  ]);
  await push('2026-02-20T05:00:00Z', 5, 10);
  await go('2026-03-04T00:03:00Z');
  expect((await stored('day')).map((row) => [day(row), row.total, row.revision])).toEqual([
    ['2026-02-20', 10, 1],
    ['2026-03-02', null, 1],
    ['2026-03-03', 10, 2],
  ]);
  expect((await stored('month')).map((row) => [day(row), row.good, row.total])).toEqual([
    ['2026-02-01', 5, 10],
  ]);
});

test('an adjustment in the past revises what it covers', async () => {
  const { ctx, slo, push, go, stored } = await account();
  await push('2026-03-02T11:57:00Z', 10, 100);
  await push('2026-03-02T11:58:00Z', 100, 100);
  await go('2026-03-03T00:01:00Z');
  expect(await stored('day')).toMatchObject([{ good: 110, total: 200, revision: 1 }]);
  await addBudgetAdjustment({
    ctx,
    input: {
      id: slo.id,
      body: { starts_at: '2026-03-02T11:57:00Z', duration: '1m', reason: 'maintenance' },
    },
  });
  await go('2026-03-03T00:02:00Z');
  expect(await stored('day')).toMatchObject([{ good: 100, total: 100, revision: 2 }]);
});

test('rows outlive their minutes, and are what is read', async () => {
  const { database, env, push, go, stored, read } = await account();
  await push('2026-03-02T11:58:00Z', 80, 100);
  await go('2026-06-20T00:01:00Z');
  await push('2026-06-19T23:00:00Z', 10, 10);
  const rows = await stored();
  // 20 days of minutes are kept, and the partitions are weeks.
  await dropOldSnapshots({ ...env, retentionMs: 20 * DAY_MS });
  const [left] = await database.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM np_slo_snapshots WHERE at < $1',
    [new Date('2026-05-01T00:00:00Z')],
  );
  expect(left?.n).toBe(0);
  await go('2026-06-20T00:02:00Z');
  const after = await stored();
  expect(after.length).toBe(rows.length);
  expect((await stored('month'))[0]).toMatchObject({ good: 80, total: 100, revision: 1 });
  const [march] = await read({ period: 'month', fromMs: NOW, toMs: NOW + DAY_MS });
  expect(march).toMatchObject({ open: false, good: 80, total: 100, revision: 1 });
  // The quarter reached back over what is gone: April to June, of which only June 19 has events.
  const [quarter] = await read({ period: 'quarter', fromMs: Date.parse('2026-06-01T00:00:00Z') });
  expect(quarter).toMatchObject({ open: true, good: 10, total: 10 });
});

test('minutes that no report has counted are not dropped', async () => {
  const { database, env, push } = await account();
  await push('2026-03-02T11:58:00Z', 80, 100);
  // Nothing was evaluated since, so that no day could close.
  env.clock.set(NOW + 60 * DAY_MS);
  await dropOldSnapshots({ ...env, retentionMs: 20 * DAY_MS });
  const [left] = await database.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM np_slo_snapshots WHERE source_account_id = $1',
    [ACCOUNT],
  );
  expect(left?.n).toBeGreaterThan(0);
});

test('a year is put together from its days where its minutes are gone', async () => {
  const { env, push, go, stored } = await account({}, Date.parse('2026-01-05T12:00:00Z'));
  await push('2026-01-05T11:57:00Z', 0, 10);
  await push('2026-01-05T11:58:00Z', 0, 10);
  await go('2026-05-01T00:01:00Z');
  await dropOldSnapshots({ ...env, retentionMs: 30 * DAY_MS });
  await push('2026-04-30T12:00:00Z', 90, 100);
  await go('2026-09-01T00:01:00Z');
  await dropOldSnapshots({ ...env, retentionMs: 30 * DAY_MS });
  env.clock.set(Date.parse('2026-12-30T12:00:00Z'));
  await push('2026-12-30T11:58:00Z', 0, 1);
  await go('2027-01-01T00:01:00Z');
  // 20 of January, 100 of April, 1 of December; the two bad minutes of January side by side.
  expect(await stored('year')).toMatchObject([
    {
      good: 90,
      total: 121,
      bad: 31,
      minutes_observed: 4,
      minutes_bad: 3,
      longest_bad_minutes: 2,
      revision: 1,
    },
  ]);
  // Late data of what is kept revises it, with what is gone still in it.
  await push('2026-12-30T11:59:00Z', 1, 1);
  await go('2027-01-01T00:02:00Z');
  expect(await stored('year')).toMatchObject([{ good: 91, total: 122, bad: 31, revision: 2 }]);
});

test('a year of time slices is put together in the same way', async () => {
  const { database, env, push, go, stored } = await account(
    {
      budgeting_method: 'timeslices',
      time_slice_window: '5m',
      target: undefined,
      objectives: [{ name: 'default', target: 0.99, time_slice_target: 0.9 }],
    },
    Date.parse('2026-01-05T12:00:00Z'),
  );
  await push('2026-01-05T11:57:00Z', 0, 10);
  await go('2026-05-01T00:01:00Z');
  await dropOldSnapshots({ ...env, retentionMs: 30 * DAY_MS });
  env.clock.set(Date.parse('2026-12-30T12:00:00Z'));
  await push('2026-12-30T11:58:00Z', 10, 10);
  await go('2027-01-01T00:01:00Z');
  const [year] = await database.query<{ reliability: number }>(
    "SELECT * FROM np_slo_reports WHERE source_account_id = $1 AND period = 'year'",
    [ACCOUNT],
  );
  // Two slices of 5 minutes, one of them bad, of the 105,120 of the year.
  expect(year).toMatchObject({ good: 5, total: 10, bad: 5, minutes_bad: 5, longest_bad_minutes: 5 });
  expect(year?.reliability).toBeCloseTo(1 - 1 / 105_120, 12);
  expect((await stored('year')).length).toBe(1);
});

test('weeks start on Monday, and days follow the zone of the SLO through its clock changes', async () => {
  const { push, go, stored } = await account({
    time_window: { type: 'calendar', unit: 'day', time_zone: 'Europe/Berlin' },
  });
  // 23:30 in Berlin, and 00:30 of the next day there.
  await push('2026-03-01T22:30:00Z', 9, 10);
  await push('2026-03-01T23:30:00Z', 8, 10);
  await go('2026-04-01T00:00:00Z');
  const days = await stored('day');
  expect(days.slice(0, 2).map(({ starts_at, good }) => [starts_at.toISOString(), good])).toEqual([
    ['2026-02-28T23:00:00.000Z', 9],
    ['2026-03-01T23:00:00.000Z', 8],
  ]);
  const hours = days.map(({ starts_at, ends_at }) => (ends_at.getTime() - starts_at.getTime()) / HOUR_MS);
  // On March 29 the clocks of Berlin go forward.
  expect(days[28]?.starts_at.toISOString()).toBe('2026-03-28T23:00:00.000Z');
  expect(hours.filter((length) => length !== 24)).toEqual([23]);
  expect(hours[28]).toBe(23);
  const weeks = await stored('week');
  expect(weeks.map(({ starts_at }) => starts_at.toISOString())).toEqual([
    '2026-02-22T23:00:00.000Z',
    '2026-03-01T23:00:00.000Z',
    '2026-03-08T23:00:00.000Z',
    '2026-03-15T23:00:00.000Z',
    '2026-03-22T23:00:00.000Z',
  ]);
  expect(weeks.map(({ good }) => good)).toEqual([9, 8, null, null, null]);
  expect((await stored('month')).map(({ starts_at }) => starts_at.toISOString())).toEqual([
    '2026-02-28T23:00:00.000Z',
  ]);
});

test('the worker stores what has closed by itself', async () => {
  const { env, push, stored } = await account();
  await push('2026-03-02T11:58:00Z', 90, 100);
  env.clock.set(Date.parse('2026-03-03T00:00:30Z'));
  await evaluate(env);
  const worker = createReporter(env, { intervalMs: 20, held: () => null });
  worker.start();
  try {
    await expect.poll(stored, { timeout: 30_000 }).toMatchObject([{ period: 'day', good: 90 }]);
  } finally {
    await worker.stop();
  }
});

test('an account whose shard is not held is left to others', async () => {
  const { database, env, push, stored } = await account();
  await push('2026-03-02T11:58:00Z', 90, 100);
  env.clock.set(Date.parse('2026-03-03T00:00:30Z'));
  await evaluate(env);
  expect(await storeReports(env, { held: () => [] })).toBe(0);
  const [shard] = await database.query<{ n: number }>(`SELECT hashtext('${ACCOUNT}') & 63 AS n`);
  const others = Array.from({ length: 64 }, (_, n) => n).filter((n) => n !== shard?.n);
  expect(await storeReports(env, { held: () => others })).toBe(0);
  expect(await stored()).toEqual([]);
  expect(await storeReports(env, { held: () => [shard?.n ?? -1] })).toBe(1);
});

test('data of minutes that are still open leave the closed ones alone, and cost no write', async () => {
  const { database, env, slo, push, go, stored } = await account();
  await push('2026-03-02T11:58:00Z', 90, 100);
  env.clock.set(Date.parse('2026-03-03T10:31:00Z'));
  await push('2026-03-03T10:30:00Z', 9, 10);
  await go('2026-03-03T12:00:00Z');
  const rows = await stored();
  const position = () =>
    database.query('SELECT report_due_at, reported_version FROM np_slos WHERE id = $1', [slo.id]);
  const before = await position();
  await push('2026-03-03T11:00:00Z', 9, 10);
  env.clock.advance(MINUTE_MS);
  await evaluate(env);
  expect(await storeReports(env)).toBe(0);
  expect(await stored()).toEqual(rows);
  expect(await position()).toEqual(before);
});

test('SLOs of an account close together, each with its own figures, and one that is being written later', async () => {
  const { database, env, ctx, go } = await account();
  const points: string[] = [];
  for (let n = 1; n <= 20; n += 1) {
    await createSlo({ ctx, input: { name: `slo-${n}`, target: 0.9 } });
    // n of 20 are good in the first minute and all in the second; of the third there is nothing.
    for (const [minute, good] of [
      ['11:57', n],
      ['11:58', 20],
    ] as const) {
      points.push(
        JSON.stringify({ slo: `default.slo-${n}`, at: `2026-03-02T${minute}:00Z`, good, total: 20 }),
      );
    }
  }
  const body = async function* () {
    yield new TextEncoder().encode(points.join('\n'));
  };
  await recordStream({ ctx, input: { body: body() } });
  env.clock.set(Date.parse('2026-03-03T00:00:30Z'));
  await evaluate(env);
  await env.db.owner(async (tx) => {
    await tx.client.query("SELECT FROM np_slos WHERE source_account_id = $1 AND name = 'slo-7' FOR UPDATE", [
      ACCOUNT,
    ]);
    // 20 of them, and the one without data that every account of these tests has; but for the locked one.
    expect(await storeReports(env)).toBe(20);
  });
  expect(await go('2026-03-03T00:01:30Z')).toBe(1);
  const rows = await database.query(
    `SELECT s.name, r.good, r.total, r.minutes_observed, r.minutes_bad FROM np_slo_reports r
     JOIN np_slos s ON s.source_account_id = r.source_account_id AND s.id = r.slo_id
     WHERE r.source_account_id = $1 AND r.total IS NOT NULL ORDER BY r.good`,
    [ACCOUNT],
  );
  expect(rows).toEqual(
    Array.from({ length: 20 }, (_, i) => ({
      name: `slo-${i + 1}`,
      good: i + 21,
      total: 40,
      minutes_observed: 2,
      // 18 of 20 are the 0.9 that was promised.
      minutes_bad: i + 1 < 18 ? 1 : 0,
    })),
  );
});
