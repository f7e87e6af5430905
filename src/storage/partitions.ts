import type pg from 'pg';
import { DAY_MS, floorTo } from '../lib/duration.ts';
import type { Database } from './client.ts';
import { PARTITION_SCHEMA } from './schema.ts';

const WEEK_MS = 7 * DAY_MS;
/** A Monday, 00:00 UTC. */
const FIRST_MONDAY_MS = Date.UTC(1970, 0, 5);
/** Any number will do, as long as nothing else in the database locks it. */
const LOCK = 7_305_835;

const weekOf = (ms: number): number => floorTo(ms - FIRST_MONDAY_MS, WEEK_MS) + FIRST_MONDAY_MS;
const nameOf = (startMs: number): string =>
  `np_slo_snapshots_${new Date(startMs).toISOString().slice(0, 10).replaceAll('-', '')}`;

/** Start of the week that a partition's name stands for; null for any other name. */
export function partitionStart(name: string): number | null {
  const match = /^np_slo_snapshots_(\d{4})(\d{2})(\d{2})$/.exec(name);
  return match === null ? null : Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3]));
}

async function existing(client: pg.PoolClient): Promise<Set<number>> {
  const { rows } = await client.query<{ relname: string }>(
    `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'np_slo_snapshots'::regclass`,
  );
  return new Set(rows.map((row) => partitionStart(row.relname)).filter((start) => start !== null));
}

export interface Partitions {
  /** Makes the weekly partitions that rows with `fromMs <= at <= toMs` need. Known ones cost nothing. */
  ensure(fromMs: number, toMs: number): Promise<void>;
  /** Whether there are any whose rows are all older than the instant. */
  areBefore(ms: number): Promise<boolean>;
  /** Drops the partitions whose rows are all older than the instant; their number. */
  dropBefore(ms: number): Promise<number>;
}

/** Starts of the weeks that ended by the instant. */
const endedBy = (weeks: ReadonlySet<number>, ms: number): number[] =>
  [...weeks].filter((start) => start + WEEK_MS <= ms);

/**
 * The weekly partitions of the snapshots. They are made outside of any request's transaction, since only the
 * owner may; a table is made first and attached after, which does not stop readers and writers.
 */
export function createPartitions(db: Database): Partitions {
  const known = new Set<number>();

  async function create(client: pg.PoolClient, startMs: number): Promise<void> {
    const table = `${PARTITION_SCHEMA}.${nameOf(startMs)}`;
    const from = new Date(startMs).toISOString();
    const to = new Date(startMs + WEEK_MS).toISOString();
    await client.query(`CREATE TABLE ${table} (LIKE np_slo_snapshots INCLUDING DEFAULTS)`);
    await client.query(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`);
    // Spares the attaching a scan, and is not needed after it.
    await client.query(
      `ALTER TABLE ${table} ADD CONSTRAINT in_range CHECK (at >= '${from}' AND at < '${to}')`,
    );
    await client.query(
      `ALTER TABLE np_slo_snapshots ATTACH PARTITION ${table} FOR VALUES FROM ('${from}') TO ('${to}')`,
    );
    await client.query(`ALTER TABLE ${table} DROP CONSTRAINT in_range`);
  }

  return {
    async ensure(fromMs, toMs) {
      const missing: number[] = [];
      for (let start = weekOf(fromMs); start <= toMs; start += WEEK_MS) {
        if (!known.has(start)) missing.push(start);
      }
      if (missing.length === 0) return;
      await db.owner(async ({ client }) => {
        await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
        const present = await existing(client);
        for (const start of missing) if (!present.has(start)) await create(client, start);
      });
      for (const start of missing) known.add(start);
    },
    areBefore: (ms) => db.owner(async ({ client }) => endedBy(await existing(client), ms).length > 0),
    async dropBefore(ms) {
      return db.owner(async ({ client }) => {
        await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
        const old = endedBy(await existing(client), ms);
        for (const start of old) {
          await client.query(`DROP TABLE ${PARTITION_SCHEMA}.${nameOf(start)}`);
          known.delete(start);
        }
        return old.length;
      });
    },
  };
}
