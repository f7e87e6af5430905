import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import type { Logger } from 'pino';
import { isAccountId } from '../lib/account-id.ts';
import { ServiceError } from '../lib/errors.ts';
import { KeptSlos } from './kept-slos.ts';
import { migrationsPending } from './migrate.ts';
import { TENANT_ROLE } from './schema.ts';

/** A connection inside a transaction: drizzle for plain statements, `client` for the hot ones. */
export interface Tx {
  readonly orm: NodePgDatabase;
  readonly client: pg.PoolClient;
  /** Of the same database. */
  readonly keptSlos: KeptSlos;
}

/** A transaction that only reads, by statements that each have a name. */
export interface ReadTx {
  readonly client: {
    query<Row extends pg.QueryResultRow>(statement: {
      name: string;
      text: string;
      values: unknown[];
    }): Promise<{ readonly rows: Row[] }>;
  };
}

/** A statement that a connection prepares when it first needs it. */
export interface OnceStatement {
  readonly name: string;
  /** As PREPARE takes them. */
  readonly types: string;
  readonly text: string;
}

export interface Database {
  /** SLOs that were read through this database. */
  readonly keptSlos: KeptSlos;
  /**
   * Runs one statement in a transaction of its own that sees only the account's rows, in one round trip where
   * `tenant` takes three. Every value comes back as its text.
   */
  once(
    accountId: string,
    statement: OnceStatement,
    values: readonly string[],
  ): Promise<Record<string, string | null>[]>;
  /** Runs `work` in one transaction that sees and writes only the account's rows. */
  tenant<T>(accountId: string, work: (tx: Tx) => Promise<T>): Promise<T>;
  /** As `tenant`, to read only: all statements see the database as it is at the first one. */
  tenantSnapshot<T>(accountId: string, work: (tx: ReadTx) => Promise<T>): Promise<T>;
  /** Runs `work` in one transaction as the owner of the tables: for workers, over all accounts. */
  owner<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * Runs `work` in one transaction that cannot write, for tables that are not ours: with the service's own rights,
   * as the account where row level security asks for one. A statement of more than `timeoutMs` fails.
   */
  reader<T>(
    options: {
      readonly accountId: string | null;
      readonly timeoutMs: number;
      /** Cancels the statement under way. */
      readonly signal: AbortSignal;
    },
    work: (tx: Tx) => Promise<T>,
  ): Promise<T>;
  /** Answers when the database does. */
  ping(): Promise<void>;
  /** Whether tables or columns of this version are missing. */
  migrationsPending(): Promise<boolean>;
  /**
   * Opens a connection of its own, outside of the pool, for locks that a session holds. Whoever asks ends it.
   * A statement that is not answered within `timeoutMs` fails.
   */
  openSession(name: string, timeoutMs: number): Promise<pg.Client>;
  close(): Promise<void>;
}

/** Less than nginx waits for an answer, so that the reason comes through. */
const STATEMENT_TIMEOUT_MS = 60_000;
const QUERY_CANCELED = '57014';
const CANCEL_AGAIN_MS = 250;

const CONNECTION_CLASSES = /^(08|57P0|53300)/;
const CONNECTION_ERRNOS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'ETIMEDOUT',
  'EPIPE',
  'ENOENT',
]);

/** Whether the database is away, as against a statement that failed. */
function isConnectionFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (CONNECTION_CLASSES.test(code) || CONNECTION_ERRNOS.has(code)) return true;
  return /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/.test(
    error.message,
  );
}

/** What a request is told when a statement of it took too long. */
function asUnavailable(cause: unknown): never {
  if (!isTimeout(cause)) throw cause;
  throw new ServiceError('unavailable', 'The database took too long; ask for less, or try again.', { cause });
}

/** Whether a statement ran into its timeout. drizzle wraps what it is told. */
function isTimeout(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return error.code === QUERY_CANCELED;
  return error instanceof Error && error.cause !== undefined && isTimeout(error.cause);
}

/**
 * Look-ups go by keys. Plans are kept, and one that is made while a partition is still empty would read it
 * whole for ever after. Before PostgreSQL 18 a table that can only be read whole then looks dear enough to compile
 * for, which takes longer than any look-up.
 */
const BY_KEYS = 'SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL jit = off';
const BEGIN = `BEGIN; ${BY_KEYS}`;
/** Rows that are neighbours come in their order, and without other processes, whose start takes longer than most reads. */
const IN_ORDER = 'SET LOCAL max_parallel_workers_per_gather = 0';
const BEGIN_SNAPSHOT = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${BY_KEYS}; ${IN_ORDER}`;

/** A script answers with a result for each of its statements, which the driver's types do not know. */
function rowsOfLastBut(after: number, answer: unknown): Record<string, string | null>[] {
  const results: pg.QueryResult[] = Array.isArray(answer) ? answer : [];
  return results.at(-1 - after)?.rows ?? [];
}

/** What makes a transaction one of the account's, and bounds what one statement of it may take. */
function asTenant(accountId: string, statementTimeoutMs: number): string {
  // It is spliced into SET LOCAL, which takes no parameters.
  if (!isAccountId(accountId)) throw new ServiceError('malformed', 'The account id is not valid.');
  return `SET LOCAL statement_timeout = ${statementTimeoutMs}; SET LOCAL ROLE ${TENANT_ROLE}; SET LOCAL app.source_account_id = '${accountId}'`;
}

/** So many idle connections stay open: a new one takes several times as long as what it is mostly asked. */
export const KEPT_CONNECTIONS = 2;

export interface DatabaseOptions {
  readonly logger: Logger;
  readonly maxConnections?: number;
  /** How long a request waits for one statement, a lock included, in milliseconds. */
  readonly statementTimeoutMs?: number;
}

/** A pool on `url`. Nothing connects before the first use. */
export function createDatabase(
  url: string,
  { logger, maxConnections = 12, statementTimeoutMs = STATEMENT_TIMEOUT_MS }: DatabaseOptions,
): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: maxConnections,
    min: KEPT_CONNECTIONS,
    connectionTimeoutMillis: 5000,
    application_name: 'nself-slo-tracker',
  });
  const keptSlos = new KeptSlos();
  pool.on('error', (error) => logger.warn({ err: error }, 'an idle database connection failed'));

  /** Hands out a connection, and takes it back or, when it is broken, ends it. */
  async function connected<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    let client: pg.PoolClient;
    try {
      client = await pool.connect();
    } catch (cause) {
      throw new ServiceError('unavailable', 'The database cannot be reached; try again.', { cause });
    }
    let broken: Error | undefined;
    // The pool listens to idle connections only. The end of one between two statements would end the process;
    // heard here, it fails the next statement.
    const onEnd = (error: Error): void => {
      broken = error;
    };
    client.on('error', onEnd);
    try {
      return await work(client);
    } catch (error) {
      await client.query('ROLLBACK').catch((cause: Error) => {
        broken = cause;
      });
      if (isConnectionFailure(error)) {
        throw new ServiceError('unavailable', 'The database went away; try again.', { cause: error });
      }
      throw error;
    } finally {
      client.off('error', onEnd);
      client.release(broken);
    }
  }

  const transaction = <T>(begin: string, work: (tx: Tx) => Promise<T>): Promise<T> =>
    connected(async (client) => {
      await client.query(begin);
      const result = await work({ orm: drizzle({ client }), client, keptSlos });
      await client.query('COMMIT');
      return result;
    });

  /** As `transaction`, for reading only: nobody waits for its end. */
  const snapshot = <T>(begin: string, work: (tx: Tx) => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      transaction(begin, async (tx) => resolve(await work(tx))).catch(reject);
    });

  /** What each connection has prepared. */
  const prepared = new WeakMap<pg.PoolClient, Set<string>>();

  async function prepare(client: pg.PoolClient, { name, types, text }: OnceStatement): Promise<void> {
    const names = prepared.get(client) ?? new Set<string>();
    if (names.has(name)) return;
    await client.query(`PREPARE ${name} (${types}) AS ${text}`);
    prepared.set(client, names.add(name));
  }

  return {
    keptSlos,
    async once(accountId, statement, values) {
      const execute = `EXECUTE ${statement.name}(${values.map((value) => pg.escapeLiteral(value)).join(', ')})`;
      const script = `BEGIN; ${asTenant(accountId, statementTimeoutMs)}; ${execute}; COMMIT`;
      return connected(async (client) => {
        await prepare(client, statement);
        return rowsOfLastBut(1, await client.query(script));
      }).catch(asUnavailable);
    },
    async tenant(accountId, work) {
      const begin = `${BEGIN}; ${asTenant(accountId, statementTimeoutMs)}`;
      return transaction(begin, work).catch(asUnavailable);
    },
    async tenantSnapshot(accountId, work) {
      const begin = `${BEGIN_SNAPSHOT}; ${asTenant(accountId, statementTimeoutMs)}`;
      return snapshot(begin, work).catch(asUnavailable);
    },
    owner: (work) => transaction(BEGIN, work),
    async reader({ accountId, timeoutMs, signal }, work) {
      if (accountId !== null && !isAccountId(accountId)) {
        throw new ServiceError('malformed', 'The account id is not valid.');
      }
      const account = accountId === null ? '' : `; SET LOCAL app.source_account_id = '${accountId}'`;
      const begin = `BEGIN READ ONLY; SET LOCAL statement_timeout = ${Math.ceil(timeoutMs)}${account}`;
      return transaction(begin, async (tx) => {
        signal.throwIfAborted();
        const { rows } = await tx.client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
        let again: NodeJS.Timeout | undefined;
        const cancel = (): void => {
          // Where it fails, the statement ends by its timeout.
          pool.query('SELECT pg_cancel_backend($1)', [rows[0]?.pid]).catch(() => undefined);
          // It may have fallen between two statements, where there is nothing to cancel.
          again = setTimeout(cancel, CANCEL_AGAIN_MS);
        };
        signal.addEventListener('abort', cancel);
        try {
          return await work(tx);
        } finally {
          signal.removeEventListener('abort', cancel);
          clearTimeout(again);
        }
      });
    },
    async ping() {
      await pool.query('SELECT 1');
    },
    migrationsPending: () => migrationsPending(pool),
    async openSession(name, timeoutMs) {
      const client = new pg.Client({
        connectionString: url,
        connectionTimeoutMillis: timeoutMs,
        query_timeout: timeoutMs,
        application_name: `nself-slo-tracker ${name}`,
      });
      // An end without a listener would end the process.
      client.on('error', (error) => logger.warn({ err: error, name }, 'a database connection failed'));
      try {
        await client.connect();
      } catch (error) {
        void client.end().catch(() => undefined);
        throw error;
      }
      return client;
    },
    close: () => pool.end(),
  };
}
