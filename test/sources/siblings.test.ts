import { afterEach, expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { updateSlo } from '../../src/services/update-slo.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs } from '../support/environment.ts';
import { createPulling } from './pulling.ts';

const database = await createTestDatabase();
const NOW = Date.UTC(2026, 10, 18, 12, 0, 10);
const API = '11111111-1111-4111-8111-111111111111';
const WEB = '22222222-2222-4222-8222-222222222222';

const at = (time: string): string => `2026-11-18T${time}Z`;

afterEach(async () => {
  await database.query(`DROP TABLE IF EXISTS np_uptime_results, np_uptime_targets, np_synthetic_runs,
    np_synthetic_flows; DELETE FROM np_slos`);
});

async function uptimeTables({ account = true, targets = true } = {}): Promise<void> {
  const column = account ? "source_account_id text NOT NULL DEFAULT 'primary'," : '';
  if (targets) {
    await database.query(
      `CREATE TABLE np_uptime_targets (${column} id uuid PRIMARY KEY, name text, url text)`,
    );
    await database.query(
      `INSERT INTO np_uptime_targets (id, name) VALUES ('${API}', 'api'), ('${WEB}', 'web')`,
    );
  }
  await database.query(`CREATE TABLE np_uptime_results (${column} target_id uuid NOT NULL, status text NOT NULL,
    checked_at timestamptz NOT NULL)`);
}

async function check(target: string, time: string, status: string, account?: string): Promise<void> {
  if (account === undefined) {
    await database.query(
      'INSERT INTO np_uptime_results (target_id, status, checked_at) VALUES ($1, $2, $3)',
      [target, status, at(time)],
    );
    return;
  }
  await database.query(
    'INSERT INTO np_uptime_results (source_account_id, target_id, status, checked_at) VALUES ($1, $2, $3, $4)',
    [account, target, status, at(time)],
  );
}

test('checks count as soon as an SLO names their target, by its name or its id', async () => {
  await uptimeTables();
  await check(API, '11:57:05', 'up');
  await check(API, '11:57:35', 'down');
  await check(API, '11:58:05', 'up');
  await check(API, '11:58:35', 'paused');
  await check(WEB, '11:58:05', 'down');
  const { create, settle, counts, slo } = createPulling(database, NOW);
  const byName = await create('by-name', { type: 'uptime', target: 'api' });
  const byId = await create('by-id', { type: 'uptime', target: API });
  await settle();
  // A status that is neither up nor down is no check.
  expect(await counts(byName)).toEqual({ '11:57': [1, 2], '11:58': [1, 1] });
  expect(await counts(byId)).toEqual({ '11:57': [1, 2], '11:58': [1, 1] });
  expect((await slo(byName)).pull).toMatchObject({
    untilMs: Date.UTC(2026, 10, 18, 12, 0),
    lastPulledAtMs: NOW,
    lastError: null,
  });
  expect((await slo(byName)).state).toBe('exhausted');
});

test('a check that comes late is counted, one that changes replaces, and what stays writes nothing', async () => {
  await uptimeTables();
  await check(API, '11:50:05', 'up');
  await check(API, '11:59:05', 'up');
  const { create, settle, counts, env } = createPulling(database, NOW);
  const id = await create('api', { type: 'uptime', target: 'api' });
  await settle();
  const versions = async () =>
    Object.fromEntries(
      (
        await database.query<{ at: Date; xmin: string }>(
          'SELECT at, xmin::text FROM np_slo_snapshots WHERE slo_id = $1',
          [id],
        )
      ).map((row) => [row.at.toISOString(), row.xmin]),
    );
  const before = await versions();
  env.clock.advance(MINUTE_MS);
  await settle();
  const after = await versions();
  for (const [time, xmin] of Object.entries(before)) expect(after[time]).toBe(xmin);

  await check(API, '11:46:30', 'down');
  await database.query("UPDATE np_uptime_results SET status = 'down' WHERE checked_at = $1", [
    at('11:59:05'),
  ]);
  // 16 minutes late at 12:01, so that it is not looked for any more.
  await check(API, '11:44:30', 'down');
  env.clock.advance(MINUTE_MS);
  await settle();
  expect(await counts(id)).toEqual({ '11:46': [0, 1], '11:50': [1, 1], '11:59': [0, 1] });
});

test('each account sees its own checks where the tables tell accounts apart', async () => {
  await uptimeTables();
  await database.query('DELETE FROM np_uptime_targets');
  await database.query(
    `INSERT INTO np_uptime_targets (source_account_id, id, name) VALUES ('a', '${API}', 'api'), ('b', '${WEB}', 'api')`,
  );
  await check(API, '11:59:05', 'up', 'a');
  await check(WEB, '11:59:05', 'down', 'b');
  const { create, settle, counts, slo } = createPulling(database, NOW);
  const a = await create('api', { type: 'uptime', target: 'api' }, { account: 'a' });
  const b = await create('api', { type: 'uptime', target: 'api' }, { account: 'b' });
  const thief = await create('api', { type: 'uptime', target: API }, { account: 'c' });
  await settle();
  expect(await counts(a)).toEqual({ '11:59': [1, 1] });
  expect(await counts(b)).toEqual({ '11:59': [0, 1] });
  expect(await counts(thief)).toEqual({});
  expect((await slo(thief, 'c')).pull?.lastError).toBe(`there is no target "${API}" in np_uptime_targets`);
});

test('without a column for accounts only the account primary is served', async () => {
  await uptimeTables({ account: false });
  await check(API, '11:59:05', 'up');
  const { create, settle, counts, slo } = createPulling(database, NOW);
  const mine = await create('api', { type: 'uptime', target: 'api' });
  const other = await create('api', { type: 'uptime', target: 'api' }, { account: 'b' });
  await settle();
  expect(await counts(mine)).toEqual({ '11:59': [1, 1] });
  expect(await counts(other)).toEqual({});
  expect((await slo(other, 'b')).pull?.lastError).toBe(
    'the table np_uptime_results has no column source_account_id, so that only the account primary can use it',
  );
});

test('says what is missing, and goes on from where it was once that is there', async () => {
  const { create, settle, counts, slo, env } = createPulling(database, NOW);
  const id = await create('api', { type: 'uptime', target: 'api' });
  await settle();
  expect((await slo(id)).pull?.lastError).toBe('the table np_uptime_results does not exist');
  await database.query('CREATE TABLE np_uptime_results (target_id uuid, seen_at timestamptz)');
  env.clock.advance(10 * MINUTE_MS);
  await settle();
  expect((await slo(id)).pull?.lastError).toBe(
    'the table np_uptime_results has no columns checked_at, status',
  );
  await database.query('DROP TABLE np_uptime_results');
  await uptimeTables();
  await check(API, '11:20:05', 'up');
  await check(API, '12:05:05', 'down');
  env.clock.advance(10 * MINUTE_MS);
  await settle();
  expect(await counts(id)).toEqual({ '11:20': [1, 1], '12:05': [0, 1] });
  expect((await slo(id)).pull?.lastError).toBeNull();
});

test('what is wrong with a table is told to every SLO over it, from wherever each is read', async () => {
  const { create, settle, slo } = createPulling(database, NOW);
  const over = (duration: string): Promise<string> =>
    create(
      `over-${duration}`,
      { type: 'uptime', target: 'api' },
      { slo: { time_window: { type: 'rolling', duration } } },
    );
  // Windows of their own begin elsewhere, and so are read by calls of their own, of which the first one fails.
  const ids = [await over('1h'), await over('2h'), await over('3h')];
  await settle();
  for (const id of ids) {
    expect((await slo(id)).pull?.lastError).toBe('the table np_uptime_results does not exist');
  }
});

test('without a table of targets the id is enough; a name that two have is not', async () => {
  await uptimeTables({ targets: false });
  await check(API, '11:59:05', 'up');
  const { create, settle, counts, slo, env } = createPulling(database, NOW);
  const id = await create('api', { type: 'uptime', target: API });
  const named = await create('named', { type: 'uptime', target: 'api' });
  await settle();
  expect(await counts(id)).toEqual({ '11:59': [1, 1] });
  expect((await slo(named)).pull?.lastError).toBe('"api" cannot be a target_id of np_uptime_results');
  await database.query('CREATE TABLE np_uptime_targets (id uuid, name text)');
  await database.query(`INSERT INTO np_uptime_targets VALUES ('${API}', 'api'), ('${WEB}', 'api')`);
  env.clock.advance(10 * MINUTE_MS);
  await settle();
  expect((await slo(named)).pull?.lastError).toBe('2 targets are named "api"; use the id');
});

test('runs of a synthetic flow count once they are finished', async () => {
  await database.query('CREATE TABLE np_synthetic_flows (id bigint, name varchar(40))');
  await database.query("INSERT INTO np_synthetic_flows VALUES (7, 'sign-up'), (8, 'pay')");
  await database.query(
    'CREATE TABLE np_synthetic_runs (flow_id bigint, status text, started_at timestamp, finished_at timestamp)',
  );
  await database.query(
    `INSERT INTO np_synthetic_runs (flow_id, status, finished_at) VALUES
       (7, 'passed', '2026-11-18 11:58:10'), (7, 'failed', '2026-11-18 11:58:20'), (7, 'timed_out', '2026-11-18 11:58:30'),
       (7, 'error', '2026-11-18 11:59:10'), (7, 'running', NULL), (7, 'pending', '2026-11-18 11:59:20'), (8, 'failed', '2026-11-18 11:59:10')`,
  );
  const { create, settle, counts } = createPulling(database, NOW);
  const id = await create('sign-up', { type: 'synthetic', flow: 'sign-up' });
  await settle();
  // Times without a zone are UTC.
  expect(await counts(id)).toEqual({ '11:58': [1, 3], '11:59': [0, 1] });
});

test('row level security on the tables is kept, and hides no rows of the account', async () => {
  await uptimeTables();
  await database.query('CREATE ROLE np_slo_test_reader');
  await database.query('GRANT SELECT ON np_uptime_results, np_uptime_targets TO np_slo_test_reader');
  for (const table of ['np_uptime_results', 'np_uptime_targets']) {
    await database.query(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`);
    await database.query(
      `CREATE POLICY own ON ${table} USING (source_account_id = current_setting('app.source_account_id', true))`,
    );
  }
  await check(API, '11:59:05', 'up', 'primary');
  // A superuser sees everything; whoever runs the service is mostly none.
  const asReader: typeof database.db = {
    ...database.db,
    reader: (options, work) =>
      database.db.reader(options, async (tx) => {
        await tx.client.query('SET LOCAL ROLE np_slo_test_reader');
        return work(tx);
      }),
  };
  const { create, settle, counts } = createPulling({ ...database, db: asReader }, NOW);
  const id = await create('api', { type: 'uptime', target: 'api' });
  const other = await create('api', { type: 'uptime', target: 'api' }, { account: 'b' });
  await settle();
  expect(await counts(id)).toEqual({ '11:59': [1, 1] });
  expect(await counts(other)).toEqual({});
  await database.query('DROP OWNED BY np_slo_test_reader; DROP ROLE np_slo_test_reader');
});

test('many SLOs are read in one statement', async () => {
  await uptimeTables();
  await check(API, '11:59:05', 'up');
  let statements = 0;
  const counting: typeof database.db = {
    ...database.db,
    reader: (options, work) =>
      database.db.reader(options, (tx) => {
        const { client } = tx;
        const query = (...args: unknown[]) => {
          if (/np_uptime_results/.test(String(args[0]))) statements += 1;
          return Reflect.apply(client.query, client, args);
        };
        return work({
          ...tx,
          client: new Proxy(client, {
            get: (target, property) => (property === 'query' ? query : Reflect.get(target, property, target)),
          }),
        });
      }),
  };
  const { create, settle, counts } = createPulling({ ...database, db: counting }, NOW);
  const ids: string[] = [];
  for (let i = 0; i < 30; i += 1) ids.push(await create(`api-${i}`, { type: 'uptime', target: 'api' }));
  await settle();
  expect(statements).toBe(1);
  for (const id of ids) expect(await counts(id)).toEqual({ '11:59': [1, 1] });
});

test('another target is read from where the old one was left', async () => {
  await uptimeTables();
  await check(API, '11:59:05', 'up');
  await check(WEB, '11:59:05', 'down');
  const { create, settle, counts, env } = createPulling(database, NOW);
  const id = await create('api', { type: 'uptime', target: 'api' });
  await settle();
  await updateSlo({
    ctx: actingAs(env, 'primary'),
    input: { id, patch: { sli: { source: { target: 'web' } } } },
  });
  await check(WEB, '12:00:05', 'down');
  env.clock.advance(MINUTE_MS);
  await settle();
  expect(await counts(id)).toEqual({ '11:59': [1, 1], '12:00': [0, 1] });
});

test('what the source says does not write into the database that it is read from', async () => {
  await uptimeTables();
  await database.query(`
    CREATE FUNCTION sneaky() RETURNS text LANGUAGE plpgsql AS $$
    BEGIN DELETE FROM np_slos; RETURN 'up'; END $$`);
  await database.query(`ALTER TABLE np_uptime_results RENAME TO hidden_results`);
  await database.query(
    'CREATE VIEW np_uptime_results AS SELECT source_account_id, target_id, sneaky() AS status, checked_at FROM hidden_results',
  );
  await database.query(
    `INSERT INTO hidden_results (target_id, status, checked_at) VALUES ('${API}', 'up', $1)`,
    [at('11:59:05')],
  );
  const { create, settle, slo } = createPulling(database, NOW);
  const id = await create('api', { type: 'uptime', target: 'api' });
  await settle();
  expect((await slo(id)).pull?.lastError).toBe(
    'the table np_uptime_results cannot be read: cannot execute DELETE in a read-only transaction',
  );
  await database.query('DROP VIEW np_uptime_results; DROP TABLE hidden_results; DROP FUNCTION sneaky');
});
