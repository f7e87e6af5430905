import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import { SECOND_MS } from '../lib/duration.ts';
import { CHANGE_CHANNEL, type Change, decodeChanges } from './changes.ts';
import type { Database } from './client.ts';

/** `resync`: changes may have been missed, so that all that is known must be looked at again. */
export type ChangeEvent =
  | { readonly type: 'changes'; readonly changes: readonly Change[] }
  | { readonly type: 'resync' };

export interface ChangeFeed {
  /** Tells of all that is committed from now on, on any replica. The result ends that. */
  listen(listener: (event: ChangeEvent) => void): () => void;
  /** Connects, and keeps at it until `stop`. */
  start(): void;
  /** Tells nobody of anything any more. */
  stop(): Promise<void>;
}

export interface ChangeFeedTimes {
  /** How often to see whether notices still arrive: a connection may be cut without a word. */
  readonly probeMs: number;
  readonly statementTimeoutMs: number;
  /** The first pause after a failure; each further one is twice as long, up to `maxPauseMs`. */
  readonly minPauseMs: number;
  readonly maxPauseMs: number;
  /** How often to tell `resync` where notices do not arrive at all. */
  readonly pollMs: number;
}

const TIMES: ChangeFeedTimes = {
  probeMs: 5 * SECOND_MS,
  statementTimeoutMs: 5 * SECOND_MS,
  minPauseMs: 100,
  maxPauseMs: 2 * SECOND_MS,
  pollMs: SECOND_MS,
};

/** Begins what a feed sends itself; no payload of changes begins so. */
const HELLO = 'hello';
/** For a notice that was sent on the very connection, and has been committed. */
const HELLO_MS = 500;

/**
 * Hears of changes over one connection of its own. Where that is lost it reconnects, and tells `resync` as soon
 * as it listens again. Behind a pooler that does not keep sessions no notice arrives; then it tells `resync` at
 * short intervals instead.
 */
export function createChangeFeed(
  db: Pick<Database, 'openSession'>,
  logger: Logger,
  times: ChangeFeedTimes = TIMES,
): ChangeFeed {
  const listeners = new Set<(event: ChangeEvent) => void>();
  const stopped = new AbortController();
  let running: Promise<void> = Promise.resolve();
  let hasComplained = false;

  function tell(event: ChangeEvent): void {
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        logger.error({ err: error }, 'a listener of the change feed failed');
      }
    }
  }

  function onNotice({ payload = '' }: pg.Notification): void {
    if (payload.startsWith(HELLO)) return;
    const changes = decodeChanges(payload);
    if (changes === null) logger.warn('a notice could not be read: another version may be running');
    tell(changes === null ? { type: 'resync' } : { type: 'changes', changes });
  }

  function complain(): void {
    if (hasComplained) return;
    hasComplained = true;
    logger.error(
      'notices do not arrive over DATABASE_URL, as behind a pooler: changes are looked for instead',
    );
  }

  /** Listens until the connection fails or the feed is stopped. */
  async function listenOnce(onConnected: () => void): Promise<void> {
    const client = await db.openSession('changes', times.statementTimeoutMs);
    const over = new AbortController();
    const end = (): void => over.abort();
    client.once('end', end);
    stopped.signal.addEventListener('abort', end);
    try {
      client.on('notification', onNotice);
      await client.query(`LISTEN ${CHANGE_CHANNEL}`);
      tell({ type: 'resync' });
      onConnected();
      while (!over.signal.aborted && !stopped.signal.aborted) {
        if (await hearsItself(client)) {
          await pause(times.probeMs, over.signal);
        } else if (!over.signal.aborted) {
          complain();
          tell({ type: 'resync' });
          await pause(times.pollMs, over.signal);
        }
      }
    } finally {
      stopped.signal.removeEventListener('abort', end);
      // Not waited for: the other end may be gone.
      void client.end().catch(() => undefined);
    }
  }

  async function run(): Promise<void> {
    let pauseMs = times.minPauseMs;
    while (!stopped.signal.aborted) {
      try {
        await listenOnce(() => {
          pauseMs = times.minPauseMs;
        });
        if (!stopped.signal.aborted) logger.warn('the connection that hears of changes was lost');
      } catch (error) {
        if (!stopped.signal.aborted) logger.warn({ err: error }, 'changes cannot be heard of; trying again');
      }
      await pause(pauseMs, stopped.signal);
      pauseMs = Math.min(2 * pauseMs, times.maxPauseMs);
    }
  }

  return {
    listen(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    start() {
      running = run();
    },
    async stop() {
      stopped.abort();
      listeners.clear();
      await running;
    },
  };
}

/** Whether a notice that goes out over the connection comes back over it. */
async function hearsItself(client: pg.Client): Promise<boolean> {
  const hello = `${HELLO} ${Math.random()}`;
  const heard = new AbortController();
  const onNotice = ({ payload }: pg.Notification): void => {
    if (payload === hello) heard.abort();
  };
  client.on('notification', onNotice);
  try {
    await client.query('SELECT pg_notify($1, $2)', [CHANGE_CHANNEL, hello]);
    await pause(HELLO_MS, heard.signal);
    return heard.signal.aborted;
  } finally {
    client.off('notification', onNotice);
  }
}

/** Resolves after the time, or as soon as the signal is given. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
