import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { StartError } from '../../src/lib/errors.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { migrate } from '../../src/storage/migrate.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { databaseUrl } from '../support/database-url.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const PASSWORD = 'for-tests-only';
/** Roles belong to the whole server, which other test files use too. */
const unique = (name: string): string => `${name}_${randomBytes(4).toString('hex')}`;
const hasura = unique('hasura');
const other = unique('Other "Hasura"');
const owner = unique('owner');
const roles = [hasura, other, owner].map((name) => pg.escapeIdentifier(name));

let admin: pg.Client;
let database: TestDatabase;

beforeAll(async () => {
  admin = new pg.Client({ connectionString: inject('serverUrl') });
  await admin.connect();
  for (const role of roles) await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
  database = await createTestDatabase();
  const env = createTestEnvironment(database, Date.UTC(2026, 10, 18, 12));
  for (const account of ['one', 'two']) {
    const ctx = actingAs(env, account);
    const { id } = await createSlo({ ctx, input: { name: 'api', target: 0.9 } });
    const points = [{ at: '2026-11-18T11:58:00Z', good: 1, total: 2 }];
    await recordMeasurements({ ctx, input: { id, body: { points } } });
  }
});
afterAll(async () => {
  await database.query(`DROP OWNED BY ${roles.join(', ')}`);
  for (const role of roles) await admin.query(`DROP ROLE ${role}`);
  await admin.end();
});

function urlOf(role: string, url = database.url): string {
  const changed = new URL(url);
  changed.username = encodeURIComponent(role);
  changed.password = PASSWORD;
  return changed.href;
}

/** What a role reads, over a connection of its own. */
async function as<T extends pg.QueryResultRow>(role: string, statement: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: urlOf(role) });
  await client.connect();
  try {
    return (await client.query<T>(statement)).rows;
  } finally {
    await client.end();
  }
}

const accounts = async (role: string): Promise<string[]> =>
  (await as<{ a: string }>(role, 'SELECT source_account_id AS a FROM np_slos ORDER BY 1')).map(({ a }) => a);

async function failure(url: string, hasuraDbRole: string): Promise<string> {
  const error: unknown = await migrate(url, { hasuraDbRole }).catch((cause: unknown) => cause);
  if (error instanceof StartError) return error.message;
  throw new Error(`expected a StartError, got ${String(error)}`);
}

describe('HASURA_DB_ROLE', () => {
  afterEach(() => migrate(database.url));

  it('lets the role read every account, for Hasura to filter', async () => {
    await expect(accounts(hasura)).rejects.toThrow('permission denied');
    await migrate(database.url, { hasuraDbRole: hasura });
    expect(await accounts(hasura)).toEqual(['one', 'two']);
    const [counts] = await as(
      hasura,
      'SELECT (SELECT count(*)::int FROM np_slo_snapshots WHERE state IS NOT NULL) AS snapshots, (SELECT count(*)::int FROM np_slo_reports) AS reports',
    );
    // Of 11:58, and of 11:59 up to which the request completed them; for each account.
    expect(counts).toEqual({ snapshots: 4, reports: 0 });
  });

  it('is needed: a role that is granted SELECT alone silently sees no row', async () => {
    await database.query(`GRANT SELECT ON np_slos TO ${pg.escapeIdentifier(hasura)}`);
    expect(await accounts(hasura)).toEqual([]);
  });

  it('lets the role write nothing, whatever it is granted', async () => {
    await migrate(database.url, { hasuraDbRole: hasura });
    await expect(as(hasura, "UPDATE np_slos SET name = 'x'")).rejects.toThrow('permission denied');
    await database.query(`GRANT ALL ON np_slos TO ${pg.escapeIdentifier(hasura)}`);
    expect(await as(hasura, "UPDATE np_slos SET name = 'x' RETURNING id")).toEqual([]);
    expect(await as(hasura, 'DELETE FROM np_slos RETURNING id')).toEqual([]);
    await database.query(`REVOKE ALL ON np_slos FROM ${pg.escapeIdentifier(hasura)}`);
  });

  it('grants nothing that reaches a partition, and no grant would reach its rows', async () => {
    await migrate(database.url, { hasuraDbRole: hasura });
    const partitions = await database.query<{ name: string; acl: string | null; secured: boolean }>(
      `SELECT relname AS name, relacl::text AS acl, relrowsecurity AS secured FROM pg_class
       WHERE relnamespace = 'np_slo_parts'::regnamespace AND relkind = 'r'`,
    );
    expect(partitions.length).toBeGreaterThan(0);
    expect(partitions.filter(({ acl, secured }) => acl !== null || !secured)).toEqual([]);
    const [usage] = await database.query(
      "SELECT has_schema_privilege($1, 'np_slo_parts', 'USAGE') AS hasura, has_schema_privilege('np_slo_tenant', 'np_slo_parts', 'USAGE') AS tenant",
      [hasura],
    );
    expect(usage).toEqual({ hasura: false, tenant: false });
    const one = `np_slo_parts.${partitions[0]?.name}`;
    await expect(as(hasura, `SELECT * FROM ${one}`)).rejects.toThrow('permission denied for schema');
    await database.query(
      `GRANT USAGE ON SCHEMA np_slo_parts TO ${pg.escapeIdentifier(hasura)}; GRANT SELECT ON ${one} TO ${pg.escapeIdentifier(hasura)}`,
    );
    expect(await as(hasura, `SELECT * FROM ${one}`)).toEqual([]);
    await database.query(
      `REVOKE USAGE ON SCHEMA np_slo_parts FROM ${pg.escapeIdentifier(hasura)}; REVOKE SELECT ON ${one} FROM ${pg.escapeIdentifier(hasura)}`,
    );
  });

  it('that names another role takes the rows from the first; that is not set any more, from both', async () => {
    await migrate(database.url, { hasuraDbRole: hasura });
    await migrate(database.url, { hasuraDbRole: other });
    expect(await accounts(other)).toEqual(['one', 'two']);
    expect(await accounts(hasura)).toEqual([]);
    await migrate(database.url);
    expect(await accounts(other)).toEqual([]);
  });

  it('changes nothing at the next start, and is safe to start with many times at once', async () => {
    const policies = () =>
      database.query("SELECT oid, polname FROM pg_policy WHERE polname LIKE '%_hasura' ORDER BY 2");
    await Promise.all([1, 2, 3].map(() => migrate(database.url, { hasuraDbRole: hasura })));
    const before = await policies();
    expect(before).toHaveLength(3);
    await migrate(database.url, { hasuraDbRole: hasura });
    expect(await policies()).toEqual(before);
  });

  it('leaves requests bound to their account', async () => {
    await migrate(database.url, { hasuraDbRole: hasura });
    const rows = await database.db.tenant('one', ({ client }) =>
      client.query('SELECT source_account_id FROM np_slos'),
    );
    expect(rows.rows).toEqual([{ source_account_id: 'one' }]);
  });
});

describe('a start that cannot give HASURA_DB_ROLE its rights says what is missing', () => {
  it('a role that does not exist', async () => {
    expect(await failure(database.url, 'no such "role"')).toBe(
      'HASURA_DB_ROLE: there is no role "no such ""role"""; an administrator of the server must run: ' +
        'CREATE ROLE "no such ""role""" LOGIN;',
    );
  });

  it('the role of the requests, or one whose rights it has: nothing would be left of the accounts', async () => {
    expect(await failure(database.url, 'np_slo_tenant')).toMatch(
      /^HASURA_DB_ROLE: expected a role of Hasura's own/,
    );
    // PUBLIC is no role, by whatever name.
    expect(await failure(database.url, 'public')).toMatch(/^HASURA_DB_ROLE: there is no role "public"/);
    const rows = await database.db.tenant('one', ({ client }) =>
      client.query('SELECT source_account_id FROM np_slos'),
    );
    expect(rows.rows).toHaveLength(1);
  });

  describe('where the user of DATABASE_URL owns the tables, but not the schema public', () => {
    const name = unique('owned');
    let url: string;
    let inside: pg.Client;
    beforeEach(async () => {
      const me = pg.escapeIdentifier(owner);
      await admin.query(`GRANT np_slo_tenant TO ${me}`);
      await admin.query(`CREATE DATABASE ${name}`);
      await admin.query(`GRANT CREATE ON DATABASE ${name} TO ${me}`);
      inside = new pg.Client({ connectionString: databaseUrl(inject('serverUrl'), name) });
      await inside.connect();
      await inside.query(`GRANT CREATE ON SCHEMA public TO ${me}`);
      url = urlOf(owner, databaseUrl(inject('serverUrl'), name));
    });
    afterEach(async () => {
      await inside.end();
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    });

    it('it works as long as everybody may use public', async () => {
      await migrate(url, { hasuraDbRole: hasura });
      const { rows } = await inside.query("SELECT polname FROM pg_policy WHERE polname LIKE '%_hasura'");
      expect(rows).toHaveLength(3);
    });

    it('it names the GRANT where that was revoked, and works once it was run', async () => {
      await migrate(url);
      await inside.query(
        `REVOKE USAGE ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO ${pg.escapeIdentifier(owner)}, np_slo_tenant`,
      );
      const line = await failure(url, hasura);
      expect(line).toBe(
        'HASURA_DB_ROLE: the user of DATABASE_URL may not let it read the tables; an administrator of the ' +
          `server must run: GRANT USAGE ON SCHEMA public TO "${hasura}";`,
      );
      await inside.query(line.split('run: ')[1] ?? '');
      await migrate(url, { hasuraDbRole: hasura });
    });
  });
});
