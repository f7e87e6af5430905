#!/usr/bin/env node
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { checkPort, type RunningHttpServer, startServer } from './api/server.ts';
import { createApp } from './app.ts';
import { runCommand } from './cli/run-command.ts';
import type { Terminal } from './cli/terminal.ts';
import { type Config, loadConfig } from './config.ts';
import { secretsOf } from './config-secrets.ts';
import { keepDevelopmentSecrets } from './development-secrets.ts';
import { systemClock } from './lib/clock.ts';
import { SECOND_MS } from './lib/duration.ts';
import { StartError } from './lib/errors.ts';
import { createLogger } from './lib/logger.ts';
import { whenParentEnds } from './lib/when-parent-ends.ts';
import { createLicenseGuard } from './services/license-guard.ts';
import { createDatabase } from './storage/client.ts';
import { startEmbedded } from './storage/embedded.ts';
import { migrate } from './storage/migrate.ts';
import { welcome } from './welcome.ts';

/** For the requests under way; the rest of the ten seconds is for the database. */
const DRAIN_MS = 7 * SECOND_MS;
const STOP_MS = 9.5 * SECOND_MS;
/** Ctrl-C reaches us from the terminal and once more through npm: within this time that is one signal. */
const SAME_SIGNAL_MS = 300;

/** What is running, newest last: each entry stops one thing. */
const running: (() => Promise<void>)[] = [];
let stopping = false;

async function stopAll(): Promise<void> {
  for (let stop = running.pop(); stop !== undefined; stop = running.pop()) await stop();
}

/** Stops what runs, newest first, and exits; after ten seconds at the latest. */
async function shutDown(exitCode: number, logger: Logger): Promise<never> {
  stopping = true;
  setTimeout(() => {
    logger.warn('stopping took too long; leaving the rest to the operating system');
    process.exit(exitCode);
  }, STOP_MS).unref();
  try {
    await stopAll();
  } catch (error) {
    logger.error({ err: error }, 'stopping failed');
    process.exit(1);
  }
  process.exit(exitCode);
}

function handleSignals(logger: Logger): void {
  let firstAtMs: number | null = null;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (firstAtMs === null) {
      firstAtMs = performance.now();
      logger.info(`${signal}: stopping`);
      void shutDown(0, logger);
    } else if (performance.now() - firstAtMs > SAME_SIGNAL_MS) {
      process.exit(1);
    }
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  const onFault = (error: unknown): void => {
    logger.fatal({ err: error }, 'unexpected failure');
    if (stopping) process.exit(1);
    void shutDown(1, logger);
  };
  process.on('uncaughtException', onFault);
  process.on('unhandledRejection', onFault);
}

/** A service left behind would keep port and data. */
function endWithParent(logger: Logger): void {
  whenParentEnds(() => {
    if (stopping) return;
    logger.info('npm is gone: stopping');
    void shutDown(0, logger);
  });
}

async function openDatabase(config: Config, logger: Logger): Promise<string> {
  if (config.databaseUrl !== null) return config.databaseUrl;
  const { databasePassword } = keepDevelopmentSecrets(config.dataDir);
  const embedded = await startEmbedded({ dataDir: config.dataDir, password: databasePassword, logger });
  running.push(() => embedded.stop());
  void embedded.ended.then(() => {
    if (stopping) return;
    logger.fatal('the embedded PostgreSQL ended by itself');
    void shutDown(1, logger);
  });
  return embedded.url;
}

async function start(config: Config, logger: Logger): Promise<void> {
  const { host, port } = config;
  await checkPort({ host, port, logger });
  const license = createLicenseGuard({ config, homeDir: homedir(), clock: systemClock, logger });
  const databaseUrl = await openDatabase(config, logger);
  await migrate(databaseUrl, { hasuraDbRole: config.hasuraDbRole });
  const db = createDatabase(databaseUrl, { logger });
  running.push(() => db.close());
  const app = createApp({ config, db, clock: systemClock, logger, license });
  let server: RunningHttpServer | null = null;
  running.push(async () => {
    // Together, since streams end only when the app stops.
    await Promise.all([server?.close(DRAIN_MS), app.stop()]);
  });
  app.start();
  await app.prepare();
  if (stopping) return;
  server = await startServer(app.fetch, { host, port, logger, upgrade: app.upgrade });
  const shown = host.includes(':') ? `[${host}]` : host;
  const url = `http://${shown}:${server.port}`;
  logger.info({ url }, 'ready');
  if (config.production) return;
  const kept = keepDevelopmentSecrets(config.dataDir).pluginSecret === config.pluginSecret;
  const secretsFile = kept ? join(config.dataDir, 'secrets.json') : null;
  console.log(welcome({ url, pluginSecret: config.pluginSecret, secretsFile }));
}

const terminal: Terminal = {
  loadConfig: () => loadConfig(keepDevelopmentSecrets),
  write: (text) => void process.stdout.write(text),
  note: (text) => void process.stderr.write(text),
};

async function main(): Promise<void> {
  let logger: Logger | null = null;
  try {
    const config = loadConfig(keepDevelopmentSecrets);
    logger = createLogger(config.logLevel, secretsOf(config));
    handleSignals(logger);
    if (config.startedByNpm) endWithParent(logger);
    await start(config, logger);
  } catch (error) {
    if (stopping) return;
    stopping = true;
    // Without its stack: whoever starts the service can act on the line, not on the code.
    const line = error instanceof Error ? error.message : String(error);
    console.error(error instanceof StartError ? line : `Unexpected failure: ${line}`);
    logger?.debug({ err: error }, 'the start failed');
    await stopAll().catch(() => undefined);
    process.exit(error instanceof StartError ? error.exitCode : 1);
  }
}

const args = process.argv.slice(2);
if (args.length === 0) await main();
else process.exitCode = await runCommand(args, terminal);
