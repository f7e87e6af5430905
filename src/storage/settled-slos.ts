import type { Change } from './changes.ts';
import type { Tx } from './client.ts';
import { shardSql } from './shard-share.ts';

/**
 * SLOs that are due and that nobody is writing. A writer brings its SLOs up to date by itself; waiting for it
 * here, in any order but the writers' own, could end in a deadlock. Where an alert may begin or end in that minute,
 * it is judged with all the rest.
 */
const dueSlos = (due: string): string => `
  SELECT source_account_id, id, shown_objective, objective_names FROM np_slos
  WHERE ${due} AND (alerts_change_at IS NULL OR alerts_change_at > $1)
    AND ($2::int[] IS NULL OR ${shardSql('source_account_id')} = ANY($2))
  FOR NO KEY UPDATE SKIP LOCKED`;

/**
 * Every objective's snapshot of the minute stands already, since its points came in: the status columns are
 * copied from there. The objective that is shown is the least of the arrays: the one that is set, else the one with
 * the least budget. Aggregates with an order would sort once an SLO, which takes longer than all else but the write.
 */
const COPY_STATUSES = `
  UPDATE np_slos s
  SET state = r.state, budget = r.shown[2], reliability = r.shown[3], burn_rate = r.shown[4],
    evaluated_at = $1, snapshots_until = $1
  FROM (${dueSlos('evaluated_at < $1 AND snapshots_until IS NOT NULL AND updated_at <= $1')}) o
  CROSS JOIN LATERAL (
    SELECT count(x.state) AS found, min(x.state) AS state,
      min(ARRAY[CASE WHEN n.name = o.shown_objective THEN 0 ELSE 1 END, x.budget, x.reliability, x.burn_rate]) AS shown
    FROM unnest(o.objective_names) AS n(name)
    CROSS JOIN LATERAL (
      SELECT p.state, p.reliability, p.budget, p.burn_rate FROM np_slo_snapshots p
      WHERE p.source_account_id = o.source_account_id AND p.slo_id = o.id AND p.objective = n.name AND p.at = $1
      LIMIT 1
    ) x
  ) r
  WHERE s.source_account_id = o.source_account_id AND s.id = o.id AND r.found = cardinality(o.objective_names)`;

/** No data has ever come in, so that there is nothing to compute. */
const STAY_WITHOUT_DATA = `
  UPDATE np_slos s SET evaluated_at = $1
  FROM (${dueSlos('snapshots_until IS NULL AND (evaluated_at IS NULL OR evaluated_at < $1)')}) o
  WHERE s.source_account_id = o.source_account_id AND s.id = o.id`;

const RETURNING = 'RETURNING s.source_account_id, s.id, cardinality(s.objective_names) AS n';

/** More SLOs of one account than this would hardly fit into a notice. */
const MAX_NAMED = 100;
const PER_ACCOUNT = `
  SELECT source_account_id AS account, sum(n)::int AS objectives,
    CASE WHEN count(*) <= ${MAX_NAMED} THEN array_agg(id::text) END AS slo_ids
  FROM done GROUP BY source_account_id`;

interface SettledRow {
  account: string;
  objectives: number;
  slo_ids: string[] | null;
}

export interface Settled {
  readonly objectives: number;
  /** To be announced. */
  readonly changes: readonly Change[];
}

/**
 * Brings the status columns of those SLOs up to the minute for which nothing has to be computed any more: of
 * all accounts, or of those in the given virtual shards.
 */
export async function settleSlos(
  { client }: Tx,
  atMs: number,
  shards: readonly number[] | null,
): Promise<Settled> {
  const parameters = [new Date(atMs), shards];
  const settled = async (statement: string): Promise<SettledRow[]> => {
    const { rows } = await client.query<SettledRow>(
      `WITH done AS (${statement} ${RETURNING}) ${PER_ACCOUNT}`,
      parameters,
    );
    return rows;
  };
  const copied = await settled(COPY_STATUSES);
  const stayed = await settled(STAY_WITHOUT_DATA);
  return {
    objectives: [...copied, ...stayed].reduce((sum, row) => sum + row.objectives, 0),
    // An SLO without data stands as it stood.
    changes: copied.map(({ account, slo_ids }) => ({
      accountId: account,
      sloIds: slo_ids,
      kind: 'status',
      fromMs: null,
    })),
  };
}
