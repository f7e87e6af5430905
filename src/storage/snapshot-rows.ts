import { DAY_MS, MINUTE_MS } from '../lib/duration.ts';
import { rowsByMinute } from '../slo/rows-by-minute.ts';
import { SnapshotBatch, type SnapshotColumns } from '../slo/snapshot-batch.ts';
import { encodeInstantArray } from './arrays.ts';
import { type BoundRows, bindRows, writtenColumns } from './bound-rows.ts';
import type { Tx } from './client.ts';
import type { SeriesKey } from './series-columns.ts';

function insertSql({ columns, select }: BoundRows): string {
  return `INSERT INTO np_slo_snapshots (${columns.join(', ')}) ${select}`;
}

/** For a long run of one series: to take the rows out and to put them in again is the faster way. */
const REMOVE_RANGE = `
  DELETE FROM np_slo_snapshots
  WHERE source_account_id = $1 AND slo_id = $2 AND objective = ANY ($3) AND at >= $4 AND at <= $5
    AND at = ANY (ARRAY(SELECT generate_series($4::timestamptz, $5::timestamptz, interval '1 minute')))`;

/** From so many rows of a series on. */
const LONG_RUN = 200;

/** Writes rows that do not stand yet. Their partitions must exist. */
export async function insertSnapshots(
  { client }: Tx,
  keys: readonly SeriesKey[],
  rows: SnapshotBatch,
): Promise<void> {
  if (rows.length > 0) await insertRows(client, keys, rowsByMinute(rows));
}

/**
 * Writes rows anew that stand already. Between the first and the last row of a series no other may stand; rows
 * to be inserted there come after.
 */
export async function replaceSnapshots(
  tx: Tx,
  keys: readonly SeriesKey[],
  rows: SnapshotBatch,
): Promise<void> {
  const few = new SnapshotBatch();
  for (const run of rows.bySeries()) {
    if (run.length < LONG_RUN) few.addAll(run);
    else await replaceRun(tx, keys, run);
  }
  if (few.length === 0) return;
  // For a few rows of each of many series: not an UPDATE, whose join could read the whole account.
  const bound = bindRows(keys, few);
  const anew = writtenColumns(few).map((column) => `${column} = excluded.${column}`);
  await tx.client.query(
    `${insertSql(bound)}
     ON CONFLICT (source_account_id, at, slo_id, objective) DO UPDATE SET ${anew.join(', ')}`,
    [...bound.parameters],
  );
}

async function insertRows(
  client: Tx['client'],
  keys: readonly SeriesKey[],
  rows: SnapshotColumns,
): Promise<void> {
  const bound = bindRows(keys, rows);
  await client.query(insertSql(bound), [...bound.parameters]);
}

async function replaceRun({ client }: Tx, keys: readonly SeriesKey[], run: SnapshotColumns): Promise<void> {
  const key = keys[run.series[0] ?? -1];
  const first = run.at[0];
  const last = run.at.at(-1);
  if (key === undefined || first === undefined || last === undefined) return;
  await client.query(REMOVE_RANGE, [
    key.accountId,
    key.sloId,
    [key.objective],
    new Date(first),
    new Date(last),
  ]);
  await insertRows(client, keys, run);
}

/** What is to be added to the base of one day. Decimal text. */
export interface BaseShift {
  readonly key: SeriesKey;
  readonly dayMs: number;
  readonly good: string;
  readonly total: string;
}

/** Adds to the bases of later days what a late change has added before them. */
export async function shiftBases({ client }: Tx, shifts: readonly BaseShift[]): Promise<void> {
  if (shifts.length === 0) return;
  await client.query(
    `UPDATE np_slo_snapshots s
     SET base_good = s.base_good + n.good::numeric, base_total = s.base_total + n.total::numeric
     FROM unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::text[])
       AS n(account, slo_id, objective, at, good, total)
     WHERE s.source_account_id = n.account AND s.slo_id = n.slo_id AND s.objective = n.objective AND s.at = n.at`,
    [
      shifts.map(({ key }) => key.accountId),
      shifts.map(({ key }) => key.sloId),
      shifts.map(({ key }) => key.objective),
      encodeInstantArray(shifts.map(({ dayMs }) => dayMs)),
      shifts.map(({ good }) => good),
      shifts.map(({ total }) => total),
    ],
  );
}

/**
 * Removes the rows of the SLO, or of some of its objectives, from that time on; all of them where none is given. The
 * SLO's row must be locked.
 */
export async function removeSnapshots(
  { client }: Tx,
  accountId: string,
  sloId: string,
  objectives: readonly string[] | null = null,
  fromMs = Number.NEGATIVE_INFINITY,
): Promise<void> {
  const isWhole = fromMs === Number.NEGATIVE_INFINITY;
  const { rows } = await client.query<{ objectives: string[]; first: Date; last: Date }>(
    `SELECT array_agg(DISTINCT d.objective) AS objectives, min(d.at) AS first, max(d.at) AS last
     FROM np_slo_snapshots d
     WHERE d.source_account_id = $1 AND d.slo_id = $2 AND ($3::text[] IS NULL OR d.objective = ANY ($3))
       AND d.base_good IS NOT NULL AND ($4::timestamptz IS NULL OR d.at > $4::timestamptz - interval '24 hours')
     GROUP BY date_trunc('week', d.at, 'UTC')`,
    [accountId, sloId, objectives, isWhole ? null : new Date(fromMs)],
  );
  // A week, and so a partition, at a time, of all the objectives together.
  for (const week of rows) {
    const last = new Date(week.last.getTime() + DAY_MS - MINUTE_MS);
    const first = new Date(Math.max(week.first.getTime(), fromMs));
    await client.query(REMOVE_RANGE, [accountId, sloId, week.objectives, first, last]);
  }
}
