import { behindSql } from './behind.ts';
import type { Change } from './changes.ts';
import type { Tx } from './client.ts';
import { shardSql } from './shard-share.ts';

/** Blocks of the table, `[from, to)`; all those from `from` on where `to` is null. */
export interface BlockRange {
  readonly from: number;
  readonly to: number | null;
}

/** Nobody's table is as long. */
const LAST_PLACE = '(4294967295,0)';

/** $2 are the virtual shards, $3 and $4 the places between which rows are looked at. */
const IN_PART = `ctid >= $3::tid AND ctid < $4::tid
    AND ($2::int[] IS NULL OR ${shardSql('source_account_id')} = ANY($2))`;

/**
 * SLOs that are due and that nobody is writing. A writer brings its SLOs up to date by itself; waiting for it
 * here, in any order but the writers' own, could end in a deadlock. Where an alert may begin or end in that minute,
 * it is judged with all the rest. The account stands first in a row: of those of other shards no more is looked at.
 */
const DUE = `
  SELECT source_account_id, ctid AS place, id, shown_objective, objective_names, snapshots_until IS NOT NULL AS has_data
  FROM np_slos
  WHERE ${IN_PART} AND ${behindSql('$1::timestamptz')}
    AND (evaluated_at IS NULL OR evaluated_at < $1) AND (snapshots_until IS NULL OR updated_at <= $1)
    AND (alerts_change_at IS NULL OR alerts_change_at > $1)
  FOR NO KEY UPDATE SKIP LOCKED`;

/**
 * Where every objective's snapshot of the minute stands already, since its points came in, the status columns are
 * copied from there. Where no data has ever come in, there is nothing to compute, and they stay. The objective that
 * is shown is the least of the arrays: the one that is set, else the one with the least budget. Aggregates with an
 * order would sort once an SLO, which takes longer than all else but the write. A row that was locked is found by its
 * place; where another wrote it in between, it is not, and stays behind.
 */
const SETTLE = `
  UPDATE np_slos s
  SET state = COALESCE(r.state, s.state), budget = r.shown[2], reliability = r.shown[3], burn_rate = r.shown[4],
    evaluated_at = $1, snapshots_until = CASE WHEN o.has_data THEN $1::timestamptz END
  FROM (${DUE}) o
  CROSS JOIN LATERAL (
    SELECT count(p.state) AS found, min(p.state) AS state,
      min(ARRAY[CASE WHEN p.objective = o.shown_objective THEN 0 ELSE 1 END, p.budget, p.reliability, p.burn_rate]) AS shown
    FROM np_slo_snapshots p
    WHERE p.source_account_id = o.source_account_id AND p.at = $1 AND p.slo_id = o.id
      AND p.objective = ANY (o.objective_names)
  ) r
  WHERE s.ctid = o.place AND s.source_account_id = o.source_account_id
    AND r.found = CASE WHEN o.has_data THEN cardinality(o.objective_names) ELSE 0 END
  RETURNING s.source_account_id, s.id, cardinality(s.objective_names) AS n, o.has_data`;

/** More SLOs of one account than this would hardly fit into a notice. */
const MAX_NAMED = 100;
/** One row at least, for the number of the SLOs that were behind. */
const PER_ACCOUNT = `
  WITH done AS (${SETTLE})
  SELECT b.behind, d.* FROM (
    SELECT count(*)::int AS behind FROM np_slos WHERE ${IN_PART} AND ${behindSql('$1::timestamptz')}
  ) b
  LEFT JOIN (
    SELECT source_account_id AS account, count(*)::int AS slos, sum(n)::int AS objectives, bool_or(has_data) AS has_data,
      CASE WHEN count(*) FILTER (WHERE has_data) <= ${MAX_NAMED}
        THEN array_agg(id) FILTER (WHERE has_data) END AS slo_ids
    FROM done GROUP BY source_account_id
  ) d ON true`;

/** Null all but the first, where nothing was settled. */
interface SettledRow {
  readonly behind: number;
  readonly account: string | null;
  readonly slos: number | null;
  readonly objectives: number | null;
  /** Whether any of the SLOs has. */
  readonly has_data: boolean | null;
  readonly slo_ids: string[] | null;
}

export interface Settled {
  readonly objectives: number;
  /** SLOs that are still behind. */
  readonly behind: number;
  /** To be announced. */
  readonly changes: readonly Change[];
}

/** How many blocks the table of the SLOs has. */
export async function blocksOfSlos({ client }: Tx): Promise<number> {
  const { rows } = await client.query<{ blocks: number }>(
    "SELECT (pg_relation_size('np_slos'::regclass) / current_setting('block_size')::int)::int AS blocks",
  );
  return rows[0]?.blocks ?? 0;
}

/**
 * Brings the status columns of those SLOs up to the minute for which nothing has to be computed any more: of
 * all accounts, or of those in the given virtual shards, as far as their rows stand in these blocks.
 */
export async function settleSlos(
  { client }: Tx,
  atMs: number,
  shards: readonly number[] | null,
  { from, to }: BlockRange = { from: 0, to: null },
): Promise<Settled> {
  const { rows } = await client.query<SettledRow>(PER_ACCOUNT, [
    new Date(atMs),
    shards,
    `(${from},0)`,
    to === null ? LAST_PLACE : `(${to},0)`,
  ]);
  const settled = rows.reduce((sum, row) => sum + (row.slos ?? 0), 0);
  return {
    objectives: rows.reduce((sum, row) => sum + (row.objectives ?? 0), 0),
    behind: (rows[0]?.behind ?? 0) - settled,
    // An SLO without data stands as it stood.
    changes: rows.flatMap(({ account, has_data, slo_ids }) =>
      account !== null && has_data === true
        ? [{ accountId: account, sloIds: slo_ids, kind: 'status', fromMs: null }]
        : [],
    ),
  };
}
