import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StartError } from '../../src/lib/errors.ts';
import { createDatabase } from '../../src/storage/client.ts';
import { type EmbeddedServer, startEmbedded } from '../../src/storage/embedded.ts';
import { migrate } from '../../src/storage/migrate.ts';
import { databaseUrl } from '../support/database-url.ts';

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

async function failure(url: string): Promise<string> {
  const error: unknown = await migrate(url).then(
    () => null,
    (cause: unknown) => cause,
  );
  if (error instanceof StartError) return error.message;
  throw error;
}

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
