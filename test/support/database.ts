import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, inject } from 'vitest';
import { createDatabase, type Database } from '../../src/storage/client.ts';
import { databaseUrl } from './database-url.ts';

export interface TestDatabase {
  /** For what connects by itself. */
  readonly url: string;
  /** As the service uses it. */
  readonly db: Database;
  /** As the owner, past row level security: to look behind the scenes. */
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(
    text: string,
    values?: readonly unknown[],
  ): Promise<Row[]>;
}

export interface TestDatabaseOptions {
  /** False for an empty database, to be migrated by the test. */
  readonly migrated?: boolean;
}

const cleanups: (() => Promise<void>)[] = [];
// At the top of the importing file, where it counts for whatever test or hook asks for a database.
afterAll(async () => {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await cleanup();
});

/**
 * A database of the calling test file alone, cloned from the migrated template, dropped after the file's last
 * test.
 */
export async function createTestDatabase({
  migrated = true,
}: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const serverUrl = inject('serverUrl');
  const name = `slo_tracker_test_${randomBytes(6).toString('hex')}`;
  const template = migrated ? inject('templateDatabase') : 'template0';
  await asAdmin(serverUrl, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  const url = databaseUrl(serverUrl, name);
  const db = createDatabase(url, { logger: pino({ level: 'silent' }), maxConnections: 8 });
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  // A session that is still saying goodbye when its database goes.
  pool.on('error', () => undefined);
  cleanups.push(async () => {
    await pool.end();
    await db.close();
    await asAdmin(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`);
  });
  return {
    url,
    db,
    async query<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) {
      return (await pool.query<Row>(text, [...values])).rows;
    },
  };
}

async function asAdmin(serverUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
