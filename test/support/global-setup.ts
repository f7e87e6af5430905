import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { pino } from 'pino';
import type { TestProject } from 'vitest/node';
import { startEmbedded } from '../../src/storage/embedded.ts';
import { migrate } from '../../src/storage/migrate.ts';
import { buildService } from './build-service.ts';
import { databaseUrl } from './database-url.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A superuser's URL of the run's server. */
    readonly serverUrl: string;
    /** Migrated once, cloned for each test file. */
    readonly templateDatabase: string;
    /** Where the service is built, and what tests start beside it. */
    readonly builtFolder: string;
    /** For what files of the run share; removed at its end. */
    readonly scratchFolder: string;
  }
}

/** Nothing here has to survive a power cut. */
const WITHOUT_DURABILITY = [
  'fsync=off',
  'synchronous_commit=off',
  'full_page_writes=off',
  'max_wal_size=4GB',
  'checkpoint_timeout=1h',
  // Each file has a database and some pools of its own.
  'max_connections=200',
];

async function startServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const given = process.env.TEST_DATABASE_URL;
  if (given !== undefined && given !== '') return { url: given, stop: async () => undefined };
  const dataDir = await mkdtemp(join(tmpdir(), 'nself-slo-tracker-test-'));
  const server = await startEmbedded({
    dataDir,
    password: 'for-tests-only',
    logger: pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' }),
    settings: WITHOUT_DURABILITY,
  });
  return {
    url: server.url,
    async stop() {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/**
 * One real PostgreSQL for the whole run: an embedded one, or the server of TEST_DATABASE_URL, whose user must
 * be a superuser there.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  project.provide('builtFolder', await buildService());
  const scratch = await mkdtemp(join(tmpdir(), 'nself-slo-tracker-shared-'));
  project.provide('scratchFolder', scratch);
  const server = await startServer();
  const template = `slo_tracker_template_${process.pid}`;
  const admin = new pg.Client({ connectionString: server.url });
  const stop = async (): Promise<void> => {
    await admin.query(`DROP DATABASE IF EXISTS ${template} WITH (FORCE)`);
    await admin.end();
    await server.stop();
    await rm(scratch, { recursive: true, force: true });
  };
  await admin.connect();
  try {
    await admin.query(`CREATE DATABASE ${template}`);
    await migrate(databaseUrl(server.url, template));
    // A template can be cloned only while nobody is connected to it.
    await admin.query(`ALTER DATABASE ${template} WITH ALLOW_CONNECTIONS false`);
  } catch (error) {
    await stop();
    throw error;
  }
  project.provide('serverUrl', server.url);
  project.provide('templateDatabase', template);
  return stop;
}
