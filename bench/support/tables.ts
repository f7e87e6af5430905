import type { BenchDatabase } from './postgres.ts';

interface Partition {
  readonly name: string;
  readonly bounds: string;
  readonly options: string | null;
}

/** The partitions of a table of the schema `public`, oldest first. */
async function partitionsOf({ query }: BenchDatabase, table: string): Promise<Partition[]> {
  return query<{ name: string; bounds: string; options: string | null }>(
    `SELECT i.inhrelid::regclass::text AS name, pg_get_expr(c.relpartbound, c.oid) AS bounds,
       array_to_string(c.reloptions, ', ') AS options
     FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = $1::regclass ORDER BY c.relname`,
    [table],
  );
}

/** Makes `copy`: columns, partitions, keys and indexes as the snapshots have them now, without their rows. */
export async function createCopy(database: BenchDatabase, copy: string): Promise<void> {
  await database.query(`CREATE TABLE ${copy} (LIKE np_slo_snapshots INCLUDING ALL) PARTITION BY RANGE (at)`);
  const partitions = await partitionsOf(database, 'np_slo_snapshots');
  for (const [i, { bounds, options }] of partitions.entries()) {
    const settings = options === null ? '' : ` WITH (${options})`;
    await database.query(`CREATE TABLE ${copy}_${i} PARTITION OF ${copy} ${bounds}${settings}`);
  }
}

/** What autovacuum does in time: statistics and the visibility map of every partition; then a checkpoint. */
export async function settle(database: BenchDatabase, tables: readonly string[]): Promise<void> {
  for (const table of tables) {
    const partitions = await partitionsOf(database, table);
    for (const { name } of partitions) await database.query(`VACUUM (ANALYZE) ${name}`);
    if (partitions.length === 0) await database.query(`VACUUM (ANALYZE) ${table}`);
  }
  await database.query('CHECKPOINT');
}

/** The bytes of a partitioned table, and those of its indexes among them. */
export async function sizeOf(
  database: BenchDatabase,
  table: string,
): Promise<{ bytes: number; indexBytes: number }> {
  const [row] = await database.query<{ bytes: string; index_bytes: string }>(
    `SELECT sum(pg_total_relation_size(inhrelid)) AS bytes, sum(pg_indexes_size(inhrelid)) AS index_bytes
     FROM pg_inherits WHERE inhparent = $1::regclass`,
    [table],
  );
  return { bytes: Number(row?.bytes ?? 0), indexBytes: Number(row?.index_bytes ?? 0) };
}

/** The columns of a table, in their order. */
export async function columnsOf({ query }: BenchDatabase, table: string): Promise<string[]> {
  const rows = await query<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [table],
  );
  return rows.map(({ name }) => name);
}
