import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate as applyMigrations } from 'drizzle-orm/node-postgres/migrator';
import pg from 'pg';
import { z } from 'zod';
import { StartError } from '../lib/errors.ts';
import { connectFailure } from './connect-failure.ts';
import { ensureHasuraRole } from './hasura-role.ts';
import { assertMayMigrate } from './privileges.ts';
import { ensureRoles } from './roles.ts';

const FOLDER = fileURLToPath(new URL('../../drizzle', import.meta.url));
/** Drizzle's default table is shared by every program in a database, and only its newest row decides. */
const SCHEMA = 'drizzle';
const TABLE = 'np_slo_migrations';
/** Serialises migrations within a database. Any number does that nobody else uses. */
const LOCK = 3_835_000_001;
const OLDEST_SERVER = 150_000;
const CONNECT_TIMEOUT_MS = 10_000;
const NOT_READY_ATTEMPTS = 30;

const journalSchema = z.object({ entries: z.array(z.object({ when: z.number() })) });

/** Connects, and waits half a minute for a server that is just starting. Throws a StartError. */
async function connect(url: string): Promise<pg.Client> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const client = new pg.Client({
        connectionString: url,
        connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
        application_name: 'nself-slo-tracker migrations',
      });
      client.on('error', () => undefined);
      await client.connect();
      return client;
    } catch (error) {
      const isStarting = error instanceof pg.DatabaseError && error.code === '57P03';
      if (!isStarting || attempt === NOT_READY_ATTEMPTS) throw connectFailure(url, error);
      await sleep(1000);
    }
  }
}

async function serverVersion(client: pg.Client): Promise<number> {
  const found = await client.query<{ number: string; name: string }>(
    "SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS name",
  );
  const version = Number(found.rows[0]?.number);
  if (version < OLDEST_SERVER) {
    throw new StartError(
      `DATABASE_URL: the server is PostgreSQL ${found.rows[0]?.name}, and 15 or later is needed`,
      1,
    );
  }
  return version;
}

export interface MigrateOptions {
  /** HASURA_DB_ROLE; null: none. */
  readonly hasuraDbRole?: string | null;
}

/** The database's own error under drizzle's wrapper. */
function databaseError(error: unknown): pg.DatabaseError | null {
  if (error instanceof pg.DatabaseError) return error;
  return error instanceof Error && error.cause !== undefined ? databaseError(error.cause) : null;
}

/**
 * Brings the database at `url` to this version's schema: the roles, then the migrations that are missing, all
 * or none, then what Hasura's role may read. Any number of replicas may do so at once. Throws a StartError in
 * one line.
 */
export async function migrate(url: string, { hasuraDbRole = null }: MigrateOptions = {}): Promise<void> {
  const client = await connect(url);
  try {
    const version = await serverVersion(client);
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    await ensureRoles(client, version);
    await assertMayMigrate(client);
    await applyMigrations(drizzle({ client }), {
      migrationsFolder: FOLDER,
      migrationsSchema: SCHEMA,
      migrationsTable: TABLE,
    });
    await ensureHasuraRole(client, hasuraDbRole);
  } catch (error) {
    if (error instanceof StartError) throw error;
    const reason = databaseError(error);
    throw new StartError(
      `DATABASE_URL: the database cannot be migrated: ${reason?.message ?? String(error).split('\n')[0]}`,
      1,
      { cause: error },
    );
  } finally {
    // Frees the advisory lock too.
    await client.end().catch(() => undefined);
  }
}

/** Whether the database lacks migrations of this version. One that a newer version migrated lacks none. */
export async function migrationsPending(db: Pick<pg.Pool | pg.PoolClient, 'query'>): Promise<boolean> {
  const journal = journalSchema.parse(JSON.parse(await readFile(`${FOLDER}/meta/_journal.json`, 'utf8')));
  const newest = Math.max(0, ...journal.entries.map((entry) => entry.when));
  try {
    const found = await db.query(`SELECT max(created_at) AS newest FROM ${SCHEMA}.${TABLE}`);
    return Number(found.rows[0]?.newest ?? 0) < newest;
  } catch (error) {
    const undefinedTable = '42P01';
    const undefinedSchema = '3F000';
    if (
      error instanceof pg.DatabaseError &&
      (error.code === undefinedTable || error.code === undefinedSchema)
    ) {
      return true;
    }
    throw error;
  }
}
