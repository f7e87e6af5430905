import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { pino } from 'pino';
import { createDatabase, type Database } from '../../src/storage/client.ts';
import { startEmbedded } from '../../src/storage/embedded.ts';
import { migrate } from '../../src/storage/migrate.ts';
import { databaseUrl } from '../../test/support/database-url.ts';
import { atEnd } from './cleanup.ts';
import { progress } from './progress.ts';

export interface BenchDatabase {
  readonly url: string;
  /** As the service uses it. */
  readonly db: Database;
  /** As the owner of the tables, on one connection of its own: for preparing, and for baselines. */
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(
    text: string,
    values?: readonly unknown[],
  ): Promise<Row[]>;
}

export interface BenchServer {
  /** An empty database with our schema. */
  createDatabase(name: string): Promise<BenchDatabase>;
}

/**
 * An embedded PostgreSQL with its own settings, durable as it comes, its data in a temporary directory. `settings`
 * are further ones, `name=value`.
 */
export async function startPostgres(settings: readonly string[] = []): Promise<BenchServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'nself-slo-tracker-bench-'));
  atEnd(() => rm(dataDir, { recursive: true, force: true }));
  const server = await startEmbedded({
    dataDir,
    password: 'for-benchmarks-only',
    logger: pino({ level: 'silent' }),
    settings,
  });
  atEnd(() => server.stop());
  progress('PostgreSQL is up');
  return {
    async createDatabase(name) {
      await statement(server.url, `CREATE DATABASE ${name}`);
      const url = databaseUrl(server.url, name);
      await migrate(url);
      const db = createDatabase(url, { logger: pino({ level: 'silent' }) });
      atEnd(() => db.close());
      const client = new pg.Client({ connectionString: url, application_name: 'bench' });
      await client.connect();
      atEnd(() => client.end());
      return {
        url,
        db,
        async query<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) {
          return (await client.query<Row>(text, [...values])).rows;
        },
      };
    },
  };
}

async function statement(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
