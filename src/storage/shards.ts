import type pg from 'pg';
import type { Logger } from 'pino';
import { SECOND_MS } from '../lib/duration.ts';
import type { Database } from './client.ts';
import { SHARDS, type ShardView, shareOf } from './shard-share.ts';

/** First halves of the advisory lock keys. Any numbers do that nobody else uses with a second half. */
const SHARD_LOCK = 383_500_101;
const PRESENCE_LOCK = 383_500_102;

/**
 * The server ends a session that says nothing for so long, and with it the locks of a replica that hangs, or
 * whose machine is gone without a word. A replica that is cut off gives up sooner: a balance is never later than
 * 5 s after the one before, and its statements fail after STATEMENT_TIMEOUT_MS.
 */
const LEASE_MS = 20 * SECOND_MS;
const STATEMENT_TIMEOUT_MS = 5 * SECOND_MS;
/** Others may take what was seen free a moment ago. */
const ATTEMPTS = 3;

const VIEW = `
  SELECT pg_backend_pid() AS me, l.pid, l.classid::bigint = ${SHARD_LOCK} AS is_shard, l.objid::int AS shard
  FROM pg_locks l
  WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted
    AND l.classid::bigint IN (${SHARD_LOCK}, ${PRESENCE_LOCK})
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

interface LockRow {
  me: number;
  pid: number;
  is_shard: boolean;
  shard: number;
}

export interface Shards {
  /** The shards that are held; null for all of them. Changes at any time. */
  held(): readonly number[] | null;
  /**
   * Looks who is there, takes free shards up to a fair share and lets go of those above it. True when there are
   * new ones. Reconnects where the connection was lost. Rejects when the database cannot be reached; then
   * nothing is held.
   */
  balance(): Promise<boolean>;
  /** Lets go of all. */
  release(): Promise<void>;
}

interface Session {
  readonly client: pg.Client;
  readonly pid: number;
}

/**
 * The replica's share of the accounts, by session-level advisory locks on one connection of its own: whatever
 * ends the connection frees the shards for the others. The locks only spare work. Two replicas at the same
 * account stay correct, since each locks the rows that it brings up to date.
 */
export function createShards(
  db: Pick<Database, 'openSession'>,
  logger: Logger,
  { leaseMs = LEASE_MS }: { readonly leaseMs?: number } = {},
): Shards {
  let session: Session | null = null;
  let held: readonly number[] = [];
  /** Session locks do not hold here, so that every replica looks after every account. */
  let isPooled = false;
  let released = false;

  function lose(lost: Session): void {
    if (session !== lost) return;
    session = null;
    held = [];
    // Not waited for: the other end may be gone.
    void lost.client.end().catch(() => undefined);
  }

  async function connect(): Promise<Session> {
    const client = await db.openSession('shards', STATEMENT_TIMEOUT_MS);
    try {
      await client.query(`SET idle_session_timeout = ${leaseMs}`);
      const { rows } = await client.query<{ pid: number }>(
        'SELECT pg_backend_pid() AS pid, pg_advisory_lock_shared($1, 0)',
        [PRESENCE_LOCK],
      );
      const opened = { client, pid: rows[0]?.pid ?? 0 };
      client.once('end', () => {
        if (session === opened && !released) logger.warn('the connection that holds the shards was lost');
        lose(opened);
      });
      return opened;
    } catch (error) {
      void client.end().catch(() => undefined);
      throw error;
    }
  }

  async function look({ client }: Session): Promise<ShardView> {
    const { rows } = await client.query<LockRow>(VIEW);
    return {
      me: rows[0]?.me ?? 0,
      replicas: rows.filter((row) => !row.is_shard).map(({ pid }) => pid),
      owners: new Map(rows.filter((row) => row.is_shard).map(({ shard, pid }) => [shard, pid])),
    };
  }

  async function take({ client }: Session, shards: readonly number[]): Promise<number[]> {
    const { rows } = await client.query<{ shard: number }>(
      'SELECT s.shard FROM unnest($2::int[]) AS s(shard) WHERE pg_try_advisory_lock($1, s.shard)',
      [SHARD_LOCK, shards],
    );
    return rows.map(({ shard }) => shard);
  }

  async function letGo({ client }: Session, shards: readonly number[]): Promise<void> {
    // No pass that begins from now on looks at them.
    held = held.filter((shard) => !shards.includes(shard));
    await client.query('SELECT pg_advisory_unlock($1, s.shard) FROM unnest($2::int[]) AS s(shard)', [
      SHARD_LOCK,
      shards,
    ]);
  }

  async function settle(current: Session): Promise<boolean> {
    const before = new Set(held);
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const view = await look(current);
      if (view.me !== current.pid) {
        isPooled = true;
        logger.error(
          'DATABASE_URL leads through a pooler that does not keep sessions: replicas cannot share the evaluation',
        );
        // Whatever server connection gets it: locks that nobody knows of would only puzzle others.
        await current.client.query('SELECT pg_advisory_unlock_all()');
        lose(current);
        return true;
      }
      const share = shareOf(view);
      if (share.letGo.length > 0) await letGo(current, share.letGo);
      const taken = share.take.length > 0 ? await take(current, share.take) : [];
      if (session !== current) return false;
      held = [...share.held.filter((shard) => !share.letGo.includes(shard)), ...taken];
      if (taken.length === share.take.length) break;
    }
    logger.debug({ shards: held.length }, 'shards');
    return held.some((shard) => !before.has(shard));
  }

  return {
    held: () => (isPooled || held.length === SHARDS ? null : held),
    async balance() {
      if (isPooled || released) return false;
      if (session === null) session = await connect();
      const current = session;
      try {
        return await settle(current);
      } catch (error) {
        lose(current);
        throw error;
      }
    },
    async release() {
      released = true;
      const current = session;
      session = null;
      held = [];
      await current?.client.end();
    },
  };
}
