import { pino } from 'pino';
import { afterAll } from 'vitest';
import { startServer } from '../../src/api/server.ts';
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { createDatabase, type Database } from '../../src/storage/client.ts';
import { ACCESS_KEY_SECRET, PLUGIN_SECRET } from './auth-config.ts';
import type { TestDatabase } from './database.ts';
import { fakeClock } from './fake-clock.ts';

export interface TrackerOptions {
  /** Beside PLUGIN_SECRET and ACCESS_KEY_SECRET. */
  readonly environment?: Readonly<Record<string, string>>;
  /** 0, and so any free one, when left out. */
  readonly port?: number;
  /** What the services get instead of the pool as it is. */
  readonly wrap?: (db: Database) => Database;
}

export interface Tracker {
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

const NOW = '2026-03-10T12:00:00Z';
const logger = pino({ level: 'silent' });

const running = new Set<() => Promise<void>>();
afterAll(async () => {
  await Promise.all([...running].map((stop) => stop()));
});

/** The whole service behind a port of its own, but for its workers, on the database and a clock that stands. */
export async function startTracker(database: TestDatabase, options: TrackerOptions = {}): Promise<Tracker> {
  const { environment = {}, port = 0, wrap = (db) => db } = options;
  const secrets = { pluginSecret: PLUGIN_SECRET, accessKeySecret: ACCESS_KEY_SECRET };
  const config = loadConfig(() => secrets, { PLUGIN_SECRET, ACCESS_KEY_SECRET, ...environment });
  const pool = createDatabase(database.url, { logger, maxConnections: 8 });
  const app = createApp({
    config,
    db: wrap(pool),
    clock: fakeClock(NOW),
    logger,
    license: { assertCanChangeDefinitions: () => undefined },
  });
  const server = await startServer(app.fetch, { host: '127.0.0.1', port, logger });
  const stop = async () => {
    if (!running.delete(stop)) return;
    await server.close(0);
    await app.stop();
    await pool.close();
  };
  running.add(stop);
  return { url: `http://127.0.0.1:${server.port}`, port: server.port, stop };
}
