import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { MINUTE_MS, SECOND_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { storeReports } from '../../src/services/store-reports.ts';
import { builtProgram } from '../support/built-program.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const START = Date.UTC(2026, 10, 18, 12, 0, 10);
const OBJECTIVES = 10_000;
const ACCOUNTS = 200;
/** Few enough for the test to be quick; of a half of the SLOs they are more rows than one transaction writes. */
const OUTAGE_MINUTES = 8;
const TIMEOUT = { timeout: 180_000, interval: 50 };

/** The end of minute `n` after START's. */
const minute = (n: number): number => Math.floor(START / MINUTE_MS) * MINUTE_MS + n * MINUTE_MS;
/** The tests go on where the one before has left the fleet. */
let minutesDone = 0;
/** Several minutes that were missed are evaluated at once. */
let roundsDone = 0;
let database: TestDatabase;
beforeAll(async () => {
  database = await createFleet();
});

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

interface Replica {
  readonly child: ChildProcess;
  readonly name: string;
}

/** A replica whose sessions carry its name, so that the database can tell who wrote. */
async function startReplica(name: string): Promise<Replica> {
  const url = new URL(database.url);
  url.searchParams.set('options', `-c test.replica=${name}`);
  const child = fork(builtProgram('test/scaling/replica.ts'), {
    execArgv: [],
    env: {
      PATH: process.env.PATH,
      TEST_LOG_LEVEL: process.env.TEST_LOG_LEVEL,
      DATABASE_URL: url.toString(),
      START_MS: String(minute(minutesDone) + 3 * SECOND_MS),
    },
  });
  children.push(child);
  await once(child, 'message');
  return { child, name };
}

async function evaluatedBy({ child }: Replica): Promise<number> {
  const answer = once(child, 'message');
  child.send('metrics');
  const [{ evaluated }] = await answer;
  return evaluated;
}

/**
 * 10,000 SLOs of 200 accounts, each with one minute of data before START, all alike. From then on the database
 * notes who wrote which snapshot and which status, in the transaction that wrote it: what a killed replica has
 * committed is noted, and nothing else.
 */
async function createFleet(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  const { query } = database;
  const env = createTestEnvironment(database, START);
  const ctx = actingAs(env, 'template');
  const slo = await createSlo({ ctx, input: { name: 'api', target: 0.9 } });
  await recordMeasurements({
    ctx,
    input: {
      id: slo.id,
      body: { points: [{ at: new Date(START - MINUTE_MS).toISOString(), good: 8, total: 10 }] },
    },
  });
  // No report is due while the test goes on, so that only evaluations write the rows.
  await storeReports(env);
  const columns = async (table: string, own: readonly string[]): Promise<string> => {
    const rows = await query<{ name: string }>(
      'SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped',
      [table],
    );
    return rows
      .map(({ name }) => name)
      .filter((name) => !own.includes(name))
      .join(', ');
  };
  const ofSlo = await columns('np_slos', ['source_account_id', 'id', 'name']);
  await query(
    `INSERT INTO np_slos (source_account_id, name, ${ofSlo})
     SELECT 'account-' || n % $1, 'slo-' || n, ${ofSlo} FROM np_slos, generate_series(1, $2::int) AS n`,
    [ACCOUNTS, OBJECTIVES],
  );
  const ofSnapshot = await columns('np_slo_snapshots', ['source_account_id', 'slo_id']);
  await query(
    `INSERT INTO np_slo_snapshots (source_account_id, slo_id, ${ofSnapshot})
     SELECT s.source_account_id, s.id, ${ofSnapshot
       .split(', ')
       .map((name) => `t.${name}`)
       .join(', ')}
     FROM np_slo_snapshots t, np_slos s WHERE s.source_account_id <> 'template'`,
  );
  await query("DELETE FROM np_slo_snapshots WHERE source_account_id = 'template'");
  await query("DELETE FROM np_slos WHERE source_account_id = 'template'");
  for (const [table, id, at] of [
    ['np_slo_snapshots', 'slo_id', 'at'],
    ['np_slos', 'id', 'evaluated_at'],
  ] as const) {
    await query(`CREATE TABLE noted_${table} (replica text, slo_id uuid, at timestamptz)`);
    await query(
      `CREATE FUNCTION note_${table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         INSERT INTO noted_${table} SELECT current_setting('test.replica'), w.${id}, w.${at} FROM written w;
         RETURN NULL;
       END $$`,
    );
    for (const event of ['INSERT', 'UPDATE']) {
      await query(
        `CREATE TRIGGER note_${event} AFTER ${event} ON ${table} REFERENCING NEW TABLE AS written
         FOR EACH STATEMENT EXECUTE FUNCTION note_${table}()`,
      );
    }
  }
  await query('ANALYZE np_slos, np_slo_snapshots');
  return database;
}

/** Lets the next minute, or several at once, be over for the replicas. */
function announceNext(replicas: readonly Replica[], minutes = 1): void {
  minutesDone += minutes;
  roundsDone += 1;
  for (const { child } of replicas) {
    if (child.connected) child.send({ nowMs: minute(minutesDone) + 3 * SECOND_MS });
  }
}

/** Until every objective is evaluated for the minute that was announced last. */
const untilEvaluated = (): Promise<void> =>
  expect
    .poll(async () => {
      const [row] = await database.query<{ n: number }>(
        'SELECT count(*)::int AS n FROM np_slos WHERE evaluated_at = $1',
        [new Date(minute(minutesDone))],
      );
      return row?.n;
    }, TIMEOUT)
    .toBe(OBJECTIVES);

/** How many objectives a replica has evaluated for minute `n`. */
async function doneBy(name: string, n: number): Promise<number> {
  const [row] = await database.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM noted_np_slos WHERE replica = $1 AND at = $2',
    [name, new Date(minute(n))],
  );
  return row?.n ?? 0;
}

/** How many shards each session holds, most first. */
const shares = async (): Promise<number[]> =>
  (
    await database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND classid = 383500101
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       GROUP BY pid ORDER BY n DESC`,
    )
  ).map(({ n }) => n);

/** Every objective has each of the minutes, and was evaluated once for it. Answers the rows by replica. */
async function expectOnce(): Promise<Map<string, number>> {
  const { query } = database;
  const minutes = minutesDone;
  const [snapshots] = await query(
    `SELECT count(*)::int AS rows, count(DISTINCT slo_id)::int AS slos FROM np_slo_snapshots
     WHERE at > $1 AND state IS NOT NULL`,
    [new Date(minute(0))],
  );
  expect(snapshots).toEqual({ rows: OBJECTIVES * minutes, slos: OBJECTIVES });
  for (const [table, times] of [
    ['noted_np_slo_snapshots', minutes],
    ['noted_np_slos', roundsDone],
  ] as const) {
    const [noted] = await query(
      `SELECT count(*)::int AS notes, count(DISTINCT (slo_id, at))::int AS minutes FROM ${table}`,
    );
    // As many notes as minutes: none was written twice.
    expect(noted, table).toEqual({ notes: OBJECTIVES * times, minutes: OBJECTIVES * times });
  }
  const byReplica = await query<{ replica: string; n: number }>(
    'SELECT replica, count(*)::int AS n FROM noted_np_slos GROUP BY replica',
  );
  return new Map(byReplica.map(({ replica, n }) => [replica, n]));
}

test('two replicas share 10,000 objectives: no minute twice, none left out', async () => {
  const first = await startReplica('one');
  await expect.poll(shares, TIMEOUT).toEqual([64]);
  announceNext([first]);
  await untilEvaluated();
  const second = await startReplica('two');
  await expect.poll(shares, TIMEOUT).toEqual([32, 32]);
  for (let i = 0; i < 2; i += 1) {
    announceNext([first, second]);
    await untilEvaluated();
  }
  const written = await expectOnce();
  // Half of the shards of 200 accounts are about half of the objectives, in each of two minutes.
  expect(written.get('two')).toBeGreaterThan(0.3 * 2 * OBJECTIVES);
  expect(written.get('two')).toBeLessThan(0.7 * 2 * OBJECTIVES);
  // What the replicas tell of themselves adds up to it.
  await expect
    .poll(async () => [await evaluatedBy(first), await evaluatedBy(second)], TIMEOUT)
    .toEqual([written.get('one'), written.get('two')]);
  second.child.send('stop');
  expect(await once(second.child, 'exit')).toEqual([0, null]);
  await expect.poll(shares, TIMEOUT).toEqual([64]);
}, 400_000);

test('four replicas, one killed in the middle of its minute: the others take over its share', async () => {
  await expect.poll(shares, TIMEOUT).toEqual([]);
  const names = ['three', 'four', 'five', 'six'] as const;
  const replicas = await Promise.all(names.map(startReplica));
  await expect.poll(shares, TIMEOUT).toEqual([16, 16, 16, 16]);
  announceNext(replicas);
  await untilEvaluated();
  const share = await doneBy('four', minutesDone);

  announceNext(replicas);
  const struck = minutesDone;
  await expect.poll(() => doneBy('four', struck), { ...TIMEOUT, interval: 10 }).toBeGreaterThan(0);
  replicas[1]?.child.kill('SIGKILL');
  const killedAt = performance.now();
  await expect.poll(shares, TIMEOUT).toEqual([22, 21, 21]);
  // Others look every half interval, here 500 ms; the rest is slack for a busy machine.
  expect(performance.now() - killedAt).toBeLessThan(10_000);
  await untilEvaluated();
  const done = await doneBy('four', struck);
  expect(done).toBeLessThan(share);
  announceNext(replicas);
  await untilEvaluated();

  const written = await expectOnce();
  expect(written.size).toBe(6);
  expect(await doneBy('four', struck + 1)).toBe(0);
}, 400_000);

test('two replicas catch up after an outage, one killed in the middle: no minute twice, none left out', async () => {
  await expect.poll(shares, TIMEOUT).toEqual([]);
  const [seven, eight] = await Promise.all([startReplica('seven'), startReplica('eight')]);
  await expect.poll(shares, TIMEOUT).toEqual([32, 32]);
  announceNext([seven, eight], OUTAGE_MINUTES);
  const struck = minutesDone;
  await expect.poll(() => doneBy('eight', struck), { ...TIMEOUT, interval: 10 }).toBeGreaterThan(0);
  eight.child.kill('SIGKILL');
  await untilEvaluated();
  // What it had begun and not committed is there once, written by the other.
  expect((await expectOnce()).size).toBe(8);
}, 400_000);
