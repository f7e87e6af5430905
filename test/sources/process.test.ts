import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { startProcess } from '../support/process.ts';

const database = await createTestDatabase();
const { query } = database;
const SECRET = 'a-secret-for-these-tests';
const TIMEOUT = { timeout: 60_000, interval: 100 };
const columns = { time: 'at', good: 'good', total: 'total' };
const accounts = ['primary'];

async function start(env: Readonly<Record<string, string>>) {
  const started = await startProcess({
    env: { DATABASE_URL: database.url, PLUGIN_SECRET: SECRET, RATE_LIMIT: 'off', ...env },
  });
  const url = await started.url();
  const create = async (name: string, source: object): Promise<void> => {
    const answer = await fetch(`${url}/api/v1/slos`, {
      method: 'POST',
      headers: { authorization: `Bearer ${SECRET}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ name, target: 0.9, sli: { type: 'ratio', source } },
        time_window: { type: 'rolling', duration: '2h' },
      }),
    });
    expect(await answer.json()).toMatchObject({ name });
  };
  return { ...started, url, create };
}

/** What `/metrics` says under a name, labels included. */
async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

const asleep = async (): Promise<number> =>
  (
    await query(
      "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()",
    )
  ).length;

test('/metrics tells how reading goes: what was read, what fails, and how far behind it is', async () => {
  await query('CREATE TABLE calls (at timestamptz, good int, total int)');
  await query(
    "INSERT INTO calls SELECT now() - n * interval '1 minute', 9, 10 FROM generate_series(10, 39) AS n",
  );
  const tables = { calls: { table: 'calls', columns, accounts }, late: { table: 'late', columns, accounts } };
  const { url, create } = await start({ TABLE_SOURCES: JSON.stringify(tables) });
  await create('calls', { type: 'table', source: 'calls' });
  await expect
    .poll(() => metric(url, 'nself_slo_tracker_pulls_total{result="read"}'), TIMEOUT)
    .toBeGreaterThan(0);
  // A point for each of the thirty minutes.
  expect(await metric(url, 'nself_slo_tracker_points_recorded_total')).toBe(30);
  expect(await metric(url, 'nself_slo_tracker_pulls_failing')).toBe(0);
  expect(await metric(url, 'nself_slo_tracker_pulls_total{result="failed"}')).toBe(0);

  await create('late', { type: 'table', source: 'late' });
  await expect
    .poll(() => metric(url, 'nself_slo_tracker_pulls_total{result="failed"}'), TIMEOUT)
    .toBeGreaterThan(0);
  await expect.poll(() => metric(url, 'nself_slo_tracker_pulls_failing'), TIMEOUT).toBe(1);
  // The window of two hours, of which nothing is read.
  expect(await metric(url, 'nself_slo_tracker_pull_lag_seconds')).toBeGreaterThan(7190);

  await query('CREATE TABLE late (at timestamptz, good int, total int)');
  await expect.poll(() => metric(url, 'nself_slo_tracker_pulls_failing'), TIMEOUT).toBe(0);
  await expect.poll(() => metric(url, 'nself_slo_tracker_pull_lag_seconds'), TIMEOUT).toBeLessThan(65);
});

test('SIGTERM ends what is being asked of a table and of a Prometheus, and waits for neither', async () => {
  await query('DELETE FROM np_slos');
  // Not foreseeable, so that the planner cannot do without the sleep.
  await query(
    `CREATE VIEW slow AS SELECT clock_timestamp() - interval '5 minutes' AS at, 1 AS good, 1 AS total FROM pg_sleep(600)`,
  );
  let asked = 0;
  let hungUp = 0;
  const silent = createServer((_request, response) => {
    asked += 1;
    response.once('close', () => {
      hungUp += 1;
    });
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  const started = await start({
    TABLE_SOURCES: JSON.stringify({ slow: { table: 'slow', columns, accounts } }),
    PROMETHEUS_SOURCES: JSON.stringify({ silent: { url, accounts } }),
  });
  await started.create('slow', { type: 'table', source: 'slow' });
  await started.create('silent', { type: 'prometheus', source: 'silent', good: 'up', total: 'up' });
  await expect.poll(async () => [await asleep(), asked], TIMEOUT).toEqual([1, 2]);
  expect(await started.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  // By itself, not by the deadline that would leave the statement behind.
  expect(started.stdout.join('\n')).not.toContain('stopping took too long');
  expect(started.stderr).toEqual([]);
  await expect.poll(async () => [await asleep(), hungUp], TIMEOUT).toEqual([0, 2]);
  // Ended by us: nothing is wrong with the sources.
  expect(await query('SELECT DISTINCT last_error FROM np_slos')).toEqual([{ last_error: null }]);
  silent.close();
});
