import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { MINUTE_MS, SECOND_MS } from '../../src/lib/duration.ts';
import { builtProgram } from '../support/built-program.ts';
import { createTestDatabase } from '../support/database.ts';
import { createPulling } from './pulling.ts';

const database = await createTestDatabase();
const { query } = database;
const AT = Date.UTC(2026, 10, 18, 12, 0);
const SLOS = 60;
const TIMEOUT = { timeout: 90_000, interval: 50 };
const accounts = Array.from({ length: SLOS }, (_, n) => `account-${n}`);
const tables = {
  calls: { table: 'calls', columns: { time: 'at', good: 'good', total: 'total' }, accounts },
};
/** The end of minute `n` after AT; the tests go on where the one before has left off. */
const minute = (n: number): number => AT + n * MINUTE_MS;
let minutesDone = 0;

/**
 * One SLO for each of sixty accounts, over a table with ten events in each minute, one of them bad. The database
 * notes each step of a reading, in the transaction that makes it: who took which SLO from where to where.
 */
beforeAll(async () => {
  await query('CREATE TABLE calls (at timestamptz, good int, total int)');
  await query(
    `INSERT INTO calls SELECT $1::timestamptz + n * interval '1 minute', 9, 10 FROM generate_series(-60, 60) AS n`,
    [new Date(AT)],
  );
  const { create } = createPulling(database, AT, { prometheus: {}, tables });
  for (const account of accounts) await create('calls', { type: 'table', source: 'calls' }, { account });
  await query(`
    CREATE TABLE noted (replica text, slo_id uuid, from_at timestamptz, until_at timestamptz);
    CREATE TABLE halt (replica text);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO noted VALUES (current_setting('test.replica'), NEW.id, OLD.pulled_until, NEW.pulled_until);
      DELETE FROM halt WHERE replica = current_setting('test.replica');
      IF FOUND THEN PERFORM pg_sleep(2); END IF;
      RETURN NEW;
    END $$`);
  await query(
    `CREATE TRIGGER note BEFORE UPDATE ON np_slos FOR EACH ROW
     WHEN (OLD.pulled_until IS DISTINCT FROM NEW.pulled_until) EXECUTE FUNCTION note()`,
  );
});

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

/** The whole app as a process of its own, whose sessions carry its name. */
async function startReplica(name: string): Promise<ChildProcess> {
  const url = new URL(database.url);
  url.searchParams.set('options', `-c test.replica=${name}`);
  const child = fork(builtProgram('test/scaling/replica.ts'), {
    execArgv: [],
    env: {
      PATH: process.env.PATH,
      TEST_LOG_LEVEL: process.env.TEST_LOG_LEVEL,
      DATABASE_URL: url.toString(),
      START_MS: String(minute(minutesDone) + 4 * SECOND_MS),
      TABLE_SOURCES: JSON.stringify(tables),
    },
  });
  children.push(child);
  await once(child, 'message');
  return child;
}

function announceNext(replicas: readonly ChildProcess[]): void {
  minutesDone += 1;
  for (const child of replicas)
    if (child.connected) child.send({ nowMs: minute(minutesDone) + 4 * SECOND_MS });
}

/** Until every SLO is read up to the minute that was announced last. */
const untilRead = (): Promise<void> =>
  expect
    .poll(async () => {
      const [row] = await query<{ n: number }>(
        'SELECT count(*)::int AS n FROM np_slos WHERE pulled_until = $1',
        [new Date(minute(minutesDone))],
      );
      return row?.n;
    }, TIMEOUT)
    .toBe(SLOS);

/** How many virtual shards each session holds, most first. */
const shares = async (): Promise<number[]> =>
  (
    await query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND classid = 383500101
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       GROUP BY pid ORDER BY n DESC`,
    )
  ).map(({ n }) => n);

/** Each SLO went from step to step, none twice and none left out, and has each minute's events once. */
async function expectOnce(): Promise<Map<string, number>> {
  const [steps] = await query(
    `SELECT count(*) FILTER (WHERE from_at IS DISTINCT FROM previous AND n > 1)::int AS gaps,
       count(DISTINCT slo_id)::int AS slos
     FROM (SELECT slo_id, from_at, lag(until_at) OVER w AS previous, row_number() OVER w AS n
           FROM noted WINDOW w AS (PARTITION BY slo_id ORDER BY until_at, from_at)) s`,
  );
  expect(steps).toEqual({ gaps: 0, slos: SLOS });
  const stored = await query(
    `SELECT n, good, total, count(*)::int AS slos FROM (
       SELECT slo_id, count(*)::int AS n, min(used_good) AS good, max(used_total) AS total
       FROM np_slo_snapshots WHERE used_total IS NOT NULL GROUP BY slo_id) s GROUP BY n, good, total`,
  );
  // An hour before, and each minute since, of nine good events of ten.
  expect(stored).toEqual([{ n: 60 + minutesDone, good: 9, total: 10, slos: SLOS }]);
  const byReplica = await query<{ replica: string; n: number }>(
    'SELECT replica, count(*)::int AS n FROM noted GROUP BY replica',
  );
  return new Map(byReplica.map(({ replica, n }) => [replica, n]));
}

test('two replicas share the sources: each minute is read once, by one of them', async () => {
  const one = await startReplica('one');
  await untilRead();
  const two = await startReplica('two');
  await expect.poll(shares, TIMEOUT).toEqual([32, 32]);
  for (let i = 0; i < 3; i += 1) {
    announceNext([one, two]);
    await untilRead();
  }
  const steps = await expectOnce();
  // Sixty accounts fall on both halves of the shards.
  expect(steps.get('two')).toBeGreaterThan(0.2 * 3 * SLOS);
  expect(steps.get('two')).toBeLessThan(0.8 * 3 * SLOS);
}, 240_000);

test('one killed in the middle of storing what it read: the other reads it, and nothing counts twice', async () => {
  await expect.poll(shares, TIMEOUT).toEqual([]);
  const three = await startReplica('three');
  const four = await startReplica('four');
  await expect.poll(shares, TIMEOUT).toEqual([32, 32]);
  await query("INSERT INTO halt VALUES ('three')");
  announceNext([three, four]);
  // Its minutes are written, and its position is about to be.
  await expect
    .poll(
      () =>
        query(
          "SELECT 1 AS asleep FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()",
        ),
      { ...TIMEOUT, interval: 10 },
    )
    .toEqual([{ asleep: 1 }]);
  three.kill('SIGKILL');
  await untilRead();
  announceNext([four]);
  await untilRead();
  const steps = await expectOnce();
  // Undone with its transaction.
  expect(steps.has('three')).toBe(false);
  expect(steps.get('four')).toBe(2 * SLOS);
}, 240_000);
