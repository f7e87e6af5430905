import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { MINUTE_MS, SECOND_MS } from '../lib/duration.ts';
import { freePort } from '../lib/free-port.ts';
import type { Binaries } from './embedded-binaries.ts';
import type { ServerOwner } from './embedded-owner.ts';

/** A data directory with the programs and the user that serve it. */
export interface Cluster {
  readonly dir: string;
  readonly binaries: Binaries;
  readonly owner: ServerOwner;
}

/** Nothing of our own environment reaches the server: PGDATA, PGOPTIONS, locales. */
export const SERVER_ENV = { LC_ALL: 'C', PATH: '/usr/local/bin:/usr/bin:/bin' };

/**
 * How a server under another user names a directory it may not reach by path: it inherits it as its working
 * directory, entered before the user changes, and `/proc/self/cwd` leads there past the closed parents.
 */
export function dirArgument(dir: string, owner: ServerOwner): string {
  return 'uid' in owner && existsSync('/proc/self/cwd') ? '/proc/self/cwd' : dir;
}

/** Stands in the server's command line, and so tells it from a process that got its id later. */
export function serverMarker(dir: string): string {
  const { dev, ino } = statSync(dir);
  return `cluster_name=nself-slo-tracker-${dev}-${ino}`;
}

/** Fast shutdown: ends sessions and writes a checkpoint. Then without one. Then by force. */
export const STOP_SIGNALS: ReadonlyArray<readonly [signal: NodeJS.Signals, patienceMs: number]> = [
  ['SIGINT', 20 * SECOND_MS],
  ['SIGQUIT', 5 * SECOND_MS],
  ['SIGKILL', 5 * SECOND_MS],
];

export interface RunningServer {
  readonly port: number;
  /** Resolves once the server has ended, for whatever reason. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/** Why the server did not come up: the last lines it logged. */
export class ServerStartError extends Error {
  override readonly name = 'ServerStartError';
}

/** Ends the server when we are gone without having stopped it (kill -9): its input closes then. */
function watchOver(server: ChildProcess, owner: ServerOwner): ChildProcess | null {
  if (process.platform === 'win32') return null;
  const script = `read -r _; kill -INT ${server.pid}`;
  const guard = spawn('/bin/sh', ['-c', script], {
    ...owner,
    cwd: '/',
    env: {},
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.on('error', () => undefined);
  guard.stdin?.on('error', () => undefined);
  return guard;
}

/**
 * Starts the server on a free port of the loopback interface and waits until it takes connections, after a
 * crash until it has recovered. `settings` are `name=value`. Throws a ServerStartError.
 */
export async function launchServer(
  { dir, binaries, owner }: Cluster,
  settings: readonly string[],
  logger: Logger,
): Promise<RunningServer> {
  const port = await freePort();
  const all = [
    serverMarker(dir),
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    `port=${port}`,
    'lc_messages=C',
    'timezone=UTC',
    'log_timezone=UTC',
    // A failed statement's text may hold data.
    'log_min_error_statement=panic',
    ...settings,
  ];
  const args = ['-D', dirArgument(dir, owner), ...all.flatMap((setting) => ['-c', setting])];
  const child = spawn(binaries.postgres, args, {
    ...owner,
    cwd: dir,
    env: SERVER_ENV,
    // A session of its own: Ctrl-C in the terminal reaches us alone, and we stop the server last.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lastLines: string[] = [];
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      lastLines.push(error.message);
      resolve();
    });
    child.once('close', () => resolve());
  });
  const ready = new Promise<boolean>((resolve) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      lastLines.push(line);
      if (lastLines.length > 20) lastLines.shift();
      logger.debug({ postgres: line }, 'embedded PostgreSQL');
      if (line.includes('database system is ready to accept connections')) resolve(true);
    });
    void ended.then(() => resolve(false));
  });
  const guard = child.pid === undefined ? null : watchOver(child, owner);
  void ended.then(() => guard?.kill('SIGKILL'));

  const timeout = new AbortController();
  const up = await Promise.race([
    ready,
    sleep(5 * MINUTE_MS, null, { signal: timeout.signal }).catch(() => null),
  ]);
  timeout.abort();
  const stop = async (): Promise<void> => {
    for (const [signal, patienceMs] of STOP_SIGNALS) {
      child.kill(signal);
      const patience = new AbortController();
      const waited = sleep(patienceMs, 'still there', { signal: patience.signal }).catch(() => null);
      const outcome = await Promise.race([ended, waited]);
      patience.abort();
      if (outcome !== 'still there') return;
    }
  };
  if (up !== true) {
    if (up === null) await stop();
    throw new ServerStartError(lastLines.join('\n'));
  }
  return { port, ended, stop };
}
