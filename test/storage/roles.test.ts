import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { StartError } from '../../src/lib/errors.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { deleteSlo } from '../../src/services/delete-slo.ts';
import { dropOldSnapshots } from '../../src/services/drop-old-snapshots.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { listSlos } from '../../src/services/list-slos.ts';
import { readStatuses } from '../../src/services/read-status.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { createDatabase } from '../../src/storage/client.ts';
import { type EmbeddedServer, startEmbedded } from '../../src/storage/embedded.ts';
import { migrate } from '../../src/storage/migrate.ts';
import { databaseUrl } from '../support/database-url.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

// Roles belong to a whole server: these tests change them, so they have a server of their own.
let dataDir = '';
let server: EmbeddedServer;
let admin: pg.Client;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'nself-slo-tracker-roles-'));
  const logger = pino({ level: 'silent' });
  server = await startEmbedded({ dataDir, password: 'for-tests-only', logger, settings: ['fsync=off'] });
  admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
  await server.stop();
  await rm(dataDir, { recursive: true });
});

/** A database of a user that is no superuser, as its URL. */
async function ownedDatabase(user: string, attributes: string): Promise<string> {
  await admin.query(`CREATE ROLE ${user} LOGIN PASSWORD 'secret-of-the-owner' ${attributes}`);
  await admin.query(`CREATE DATABASE ${user} OWNER ${user}`);
  const url = new URL(databaseUrl(server.url, user));
  url.username = user;
  url.password = 'secret-of-the-owner';
  return url.toString();
}

/** The line that a start ends with; '' when the migration succeeds. */
async function failure(url: string): Promise<string> {
  const error: unknown = await migrate(url).then(
    () => null,
    (cause: unknown) => cause,
  );
  if (error === null) return '';
  if (error instanceof StartError) return error.message;
  throw error;
}

/** Does all that one account can ask for, and what the workers do. Partitions are made and dropped. */
async function useEverything(url: string): Promise<void> {
  const db = createDatabase(url, { logger: pino({ level: 'silent' }) });
  try {
    const env = createTestEnvironment({ db }, Date.UTC(2026, 10, 18, 12));
    const ctx = actingAs(env, 'primary');
    const slo = await createSlo({ ctx, input: { name: 'api', target: 0.9 } });
    const { id } = slo;
    const points = [{ at: '2026-11-18T11:58:00Z', good: 1, total: 2 }];
    await recordMeasurements({ ctx, input: { id, body: { points } } });
    env.clock.advance(MINUTE_MS);
    await evaluate(env);
    const status = (await readStatuses({ ctx, input: { slos: [slo] } })).get(id);
    expect(status?.objectives).toMatchObject([{ reliability: 0.5 }]);
    expect(await listSlos({ ctx: actingAs(env, 'other'), input: {} })).toMatchObject({ total: 0 });
    await deleteSlo({ ctx, input: { id } });
    env.clock.advance(300 * DAY_MS);
    expect(await dropOldSnapshots(env)).toBeGreaterThan(0);
  } finally {
    await db.close();
  }
}

describe('the user of DATABASE_URL', () => {
  it('may be a superuser', async () => {
    await admin.query('CREATE DATABASE of_superuser');
    const url = databaseUrl(server.url, 'of_superuser');
    await migrate(url);
    await useEverything(url);
    await admin.query('DROP DATABASE of_superuser WITH (FORCE)');
    await admin.query('DROP ROLE np_slo_tenant');
  });

  it('may be nobody in particular, given what the lines ask for, one after the other', async () => {
    await admin.query("CREATE ROLE nobody_yet LOGIN PASSWORD 'secret-of-the-owner'");
    await admin.query('CREATE DATABASE "Some Base"');
    const url = new URL(databaseUrl(server.url, 'Some Base'));
    url.username = 'nobody_yet';
    url.password = 'secret-of-the-owner';
    const inside = new pg.Client({ connectionString: databaseUrl(server.url, 'Some Base') });
    await inside.connect();
    const asked: string[] = [];
    for (let line = await failure(url.href); line !== ''; line = await failure(url.href)) {
      const statement = line.split('run: ')[1] ?? '';
      expect(asked).not.toContain(statement);
      asked.push(statement);
      await inside.query(statement);
    }
    await inside.end();
    expect(asked).toEqual([
      expect.stringMatching(/^CREATE ROLE np_slo_tenant /),
      'GRANT np_slo_tenant TO "nobody_yet" WITH SET TRUE, INHERIT FALSE;',
      'GRANT CREATE ON DATABASE "Some Base" TO nobody_yet;',
      'GRANT CREATE ON SCHEMA public TO nobody_yet;',
    ]);
    await useEverything(url.href);
  });

  it('must own the tables, or act as their owner', async () => {
    await admin.query("CREATE ROLE another LOGIN PASSWORD 'secret-of-the-owner'");
    await admin.query('GRANT np_slo_tenant TO another');
    await admin.query('GRANT CREATE ON DATABASE "Some Base" TO another');
    const url = new URL(databaseUrl(server.url, 'Some Base'));
    url.username = 'another';
    url.password = 'secret-of-the-owner';
    const line = await failure(url.href);
    expect(line).toBe(
      'DATABASE_URL: the tables belong to nobody_yet, and another may not act as it; an administrator of the ' +
        'server must run: GRANT nobody_yet TO another;',
    );
    await admin.query(line.split('run: ')[1] ?? '');
    expect(await failure(url.href)).toBe('');
    await useEverything(url.href);

    await admin.query('CREATE DATABASE of_superuser');
    await migrate(databaseUrl(server.url, 'of_superuser'));
    await admin.query('GRANT CREATE ON DATABASE of_superuser TO another');
    url.pathname = '/of_superuser';
    expect(await failure(url.href)).toMatch(
      /^DATABASE_URL: the tables belong to the superuser (\w+), whom another cannot stand in for: connect as \1$/,
    );
    for (const name of ['of_superuser', '"Some Base"'])
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await admin.query('DROP ROLE np_slo_tenant');
  });
});

describe('the tenant role', () => {
  it('that is missing and may not be created is asked of an administrator, statement and all', async () => {
    const url = await ownedDatabase('plain_owner', '');
    const lines: string[] = [await failure(url)];
    expect(lines[0]).toMatch(
      /^DATABASE_URL: the role np_slo_tenant is missing, and "plain_owner" may not create it; .*run: CREATE ROLE np_slo_tenant LOGIN [A-Z ]+;$/,
    );
    // What the line says is enough: run it, read the next line, run that, and it works.
    await admin.query(lines[0]?.split('run: ')[1] ?? '');
    lines.push(await failure(url));
    expect(lines[1]).toMatch(
      /"plain_owner" may not take on the role np_slo_tenant; .*run: GRANT np_slo_tenant TO "plain_owner"/,
    );
    await admin.query(lines[1]?.split('run: ')[1] ?? '');
    await migrate(url);
    await migrate(url);
  });

  it('is created and taken on by an owner who may create roles', async () => {
    await admin.query('DROP DATABASE plain_owner WITH (FORCE)');
    await admin.query('DROP ROLE np_slo_tenant');
    const url = await ownedDatabase('role_maker', 'CREATEROLE');
    await Promise.all([migrate(url), migrate(url)]);
    const db = createDatabase(url, { logger: pino({ level: 'silent' }) });
    const who = await db.tenant('primary', ({ client }) =>
      client.query<{ name: string }>('SELECT current_user AS name, count(*) FROM np_slos'),
    );
    await db.close();
    expect(who.rows).toMatchObject([{ name: 'np_slo_tenant', count: '0' }]);
    const role = await admin.query(
      `SELECT rolcanlogin, rolpassword, rolsuper, rolbypassrls, rolcreaterole FROM pg_authid
       WHERE rolname = 'np_slo_tenant'`,
    );
    expect(role.rows).toEqual([
      { rolcanlogin: true, rolpassword: null, rolsuper: false, rolbypassrls: false, rolcreaterole: false },
    ]);
  });

  it('survives that several databases of the server are migrated at once', async () => {
    await admin.query('DROP DATABASE role_maker WITH (FORCE)');
    await admin.query('DROP ROLE np_slo_tenant');
    const names = ['one', 'two', 'three', 'four'];
    for (const name of names) await admin.query(`CREATE DATABASE ${name}`);
    await Promise.all(names.map((name) => migrate(databaseUrl(server.url, name))));
  });

  it('that row level security does not bind stops the start', async () => {
    await admin.query('ALTER ROLE np_slo_tenant BYPASSRLS');
    expect(await failure(server.url)).toMatch(
      /row level security does not bind .*run: ALTER ROLE np_slo_tenant NOSUPERUSER NOBYPASSRLS;$/,
    );
    await admin.query('ALTER ROLE np_slo_tenant NOBYPASSRLS');
    await migrate(server.url);
  });
});
