import { mkdir, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from 'pino';
import { StartError } from '../lib/errors.ts';
import { findBinaries } from './embedded-binaries.ts';
import { prepareCluster, resetPassword } from './embedded-cluster.ts';
import { findServer, stopServer } from './embedded-leftover.ts';
import { lockDataDir } from './embedded-lock.ts';
import { chooseServerOwner } from './embedded-owner.ts';
import type { Cluster, RunningServer } from './embedded-server.ts';
import { launchServer, ServerStartError } from './embedded-server.ts';

const DATABASE = 'nself_slo_tracker';

export interface EmbeddedOptions {
  /** Made when missing; the server's files are in `postgres` under it. */
  readonly dataDir: string;
  /** Of the superuser `postgres`. Another one than last time is taken over. */
  readonly password: string;
  readonly logger: Logger;
  /** Further server settings, `name=value`. */
  readonly settings?: readonly string[];
}

export interface EmbeddedServer {
  readonly url: string;
  /** Resolves once the server has ended, also when nobody asked it to. */
  readonly ended: Promise<void>;
  /** Stops the server and frees the data directory. */
  stop(): Promise<void>;
}

async function openDataDir(dataDir: string): Promise<string> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    return await realpath(dataDir);
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
    throw new StartError(`DATA_DIR ${dataDir} cannot be made or opened (${reason})`, 1, { cause });
  }
}

/** Sees to it that no server of an earlier process is left, nor its note about one. */
async function clearLeftovers(dir: string, logger: Logger): Promise<void> {
  const leftover = await findServer(dir);
  if (leftover === null) return;
  if (leftover === 'stale') {
    // PostgreSQL takes any live process with that id for a server. It also checks its shared memory, so that
    // a server still at work on these files would be noticed even now.
    await rm(join(dir, 'postmaster.pid'), { force: true });
    return;
  }
  logger.info({ pid: leftover }, 'stopping the embedded PostgreSQL that an earlier process left behind');
  if (!(await stopServer(leftover))) {
    throw new StartError(
      `DATA_DIR: a PostgreSQL server left behind (process ${leftover}) works on ${dir} and cannot be stopped: ` +
        'stop it, then start again',
      1,
    );
  }
}

/** A port taken in between, or sessions of a killed server that have not noticed yet, pass by themselves. */
const PASSING = /could not (bind|create any TCP)|still in use|lock file "postmaster.pid" already exists/;

async function launch(cluster: Cluster, settings: readonly string[], logger: Logger): Promise<RunningServer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await launchServer(cluster, settings, logger);
    } catch (error) {
      if (!(error instanceof ServerStartError)) throw error;
      if (attempt < 10 && PASSING.test(error.message)) {
        await sleep(500);
        continue;
      }
      const lines = error.message.split('\n');
      const reason = lines.find((line) => /FATAL|PANIC/.test(line)) ?? lines.at(-1) ?? 'no reason given';
      throw new StartError(`The embedded PostgreSQL in ${cluster.dir} does not start: ${reason}`, 1, {
        cause: error,
      });
    }
  }
}

function urlOf({ port }: RunningServer, password: string, database: string): string {
  return `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
}

/** Makes our database where it is missing. False when the server has another password. */
async function ensureDatabase(server: RunningServer, password: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: urlOf(server, password, 'postgres') });
  try {
    await client.connect();
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
    return true;
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === '28P01') return false;
    throw error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function serve(
  cluster: Cluster,
  { password, logger, settings = [] }: EmbeddedOptions,
): Promise<RunningServer> {
  const server = await launch(cluster, settings, logger);
  try {
    if (await ensureDatabase(server, password)) return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
  logger.info('the password kept in DATA_DIR is not the one of the embedded PostgreSQL: setting it anew');
  await server.stop();
  await resetPassword(cluster, password);
  const again = await launch(cluster, settings, logger);
  if (await ensureDatabase(again, password)) return again;
  await again.stop();
  throw new StartError(`The embedded PostgreSQL in ${cluster.dir} refuses its password`, 1);
}

/**
 * Starts a PostgreSQL server of our own on the loopback interface, with its files in `dataDir`, and opens
 * whatever an earlier process left there, however it ended. Throws a StartError in one line.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const { logger } = options;
  const dataDir = await openDataDir(options.dataDir);
  const unlock = await lockDataDir(dataDir).catch((error: NodeJS.ErrnoException) => {
    if (error instanceof StartError) throw error;
    throw new StartError(`DATA_DIR ${dataDir} cannot be written (${error.code ?? error.message})`, 1, {
      cause: error,
    });
  });
  try {
    const dir = join(dataDir, 'postgres');
    const owner = await chooseServerOwner(dir);
    const cluster = { dir, owner, binaries: await findBinaries(dataDir, owner, logger) };
    await prepareCluster(cluster, dataDir, options.password);
    await clearLeftovers(dir, logger);
    const server = await serve(cluster, options);
    return {
      url: urlOf(server, options.password, DATABASE),
      ended: server.ended,
      async stop() {
        await server.stop();
        await unlock();
      },
    };
  } catch (error) {
    await unlock();
    throw error;
  }
}
