import type { SloState } from '../slo/definition.ts';
import type { Tx } from './client.ts';

export interface SnapshotStatus {
  readonly atMs: number;
  readonly objective: string;
  readonly reliability: number | null;
  readonly budget: number | null;
  readonly burnRate: number | null;
  readonly countGood: number | null;
  readonly countTotal: number | null;
  readonly state: SloState;
  /** What came in for the minute that ends here, untouched; of a counter its last values. */
  readonly receivedGood: number | null;
  readonly receivedBad: number | null;
  readonly receivedTotal: number | null;
  /** What of that minute enters the budget. */
  readonly usedGood: number | null;
  readonly usedTotal: number | null;
}

export interface SnapshotQuery {
  readonly accountId: string;
  readonly sloId: string;
  /** Null for all. */
  readonly objective: string | null;
  /** Inclusive, like `toMs`. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Whole minutes; the last snapshot in each step is taken, steps ending at its multiples. */
  readonly stepMs: number;
  /** Only what stands behind it. */
  readonly after: { readonly atMs: number; readonly objective: string } | null;
  readonly limit: number;
}

interface SnapshotRow {
  at: Date;
  objective: string;
  reliability: number | null;
  budget: number | null;
  burn_rate: number | null;
  count_good: number | null;
  count_total: number | null;
  state: SloState;
  received_good: number | null;
  received_bad: number | null;
  received_total: number | null;
  used_good: number | null;
  used_total: number | null;
}

/** Snapshots by time and objective. */
export async function selectSnapshots({ client }: Tx, query: SnapshotQuery): Promise<SnapshotStatus[]> {
  const { rows } = await client.query<SnapshotRow>(
    `SELECT n.at, n.objective, n.reliability, n.budget, n.burn_rate, n.count_good, n.count_total, n.state,
       n.received_good, n.received_bad, n.received_total, n.used_good, n.used_total
     FROM (
       SELECT DISTINCT ON (s.objective, ceil(extract(epoch FROM s.at) / $6)) s.*
       FROM (
         SELECT d.objective, d.at FROM np_slo_snapshots d
         WHERE d.source_account_id = $1 AND d.slo_id = $2 AND ($3::text IS NULL OR d.objective = $3)
           AND d.base_good IS NOT NULL AND d.at > $4::timestamptz - interval '24 hours' AND d.at <= $5 OFFSET 0
       ) day CROSS JOIN LATERAL (
         SELECT * FROM np_slo_snapshots r
         WHERE r.source_account_id = $1 AND r.slo_id = $2 AND r.objective = day.objective
           AND r.at >= GREATEST(day.at, $4) AND r.at <= $5 AND r.state IS NOT NULL
           AND r.at = ANY (ARRAY(SELECT generate_series(day.at, day.at + interval '1439 minutes', interval '1 minute')))
         OFFSET 0
       ) s
       ORDER BY s.objective, ceil(extract(epoch FROM s.at) / $6), s.at DESC
     ) n
     WHERE $7::timestamptz IS NULL OR (n.at, n.objective) > ($7, $8::text)
     ORDER BY n.at, n.objective LIMIT $9`,
    [
      query.accountId,
      query.sloId,
      query.objective,
      new Date(Math.max(query.fromMs, query.after?.atMs ?? query.fromMs)),
      new Date(query.toMs),
      query.stepMs / 1000,
      query.after === null ? null : new Date(query.after.atMs),
      query.after?.objective ?? null,
      query.limit,
    ],
  );
  return rows.map((row) => {
    const { received_good: good, received_bad: bad, received_total: total } = row;
    // Nothing is kept beside what was used where that is what came in.
    const asItCame = good === null && bad === null && total === null;
    return {
      atMs: row.at.getTime(),
      objective: row.objective,
      reliability: row.reliability,
      budget: row.budget,
      burnRate: row.burn_rate,
      countGood: row.count_good,
      countTotal: row.count_total,
      state: row.state,
      receivedGood: asItCame ? row.used_good : good,
      receivedBad: bad,
      receivedTotal: asItCame ? row.used_total : total,
      usedGood: row.used_good,
      usedTotal: row.used_total,
    };
  });
}

/** Minutes of one objective and UTC day that burned faster than the budget allows. */
export interface BurnDay {
  readonly sloId: string;
  /** `2026-11-10`. */
  readonly date: string;
  readonly minutes: number;
  readonly burnRate: number;
}

/** Days since `fromMs` with minutes whose 1 h burn rate was above 1, worst objective of each SLO. */
export async function selectBurnDays(
  { client }: Tx,
  accountId: string,
  fromMs: number,
  toMs: number,
): Promise<BurnDay[]> {
  const { rows } = await client.query<{ slo_id: string; date: string; minutes: number; burn_rate: number }>(
    `SELECT m.slo_id, to_char(m.day, 'YYYY-MM-DD') AS date, count(*)::int AS minutes, max(m.burn_rate) AS burn_rate
     FROM (
       SELECT s.slo_id, s.at, date_trunc('day', s.at - interval '1 minute', 'UTC') AT TIME ZONE 'UTC' AS day,
         max(s.burn_rate) AS burn_rate
       FROM np_slo_snapshots s
       WHERE s.source_account_id = $1 AND s.at > $2 AND s.at <= $3 AND s.burn_rate > 1
       GROUP BY s.slo_id, s.at
     ) m
     GROUP BY m.slo_id, m.day ORDER BY m.slo_id, m.day`,
    [accountId, new Date(fromMs), new Date(toMs)],
  );
  return rows.map((row) => ({
    sloId: row.slo_id,
    date: row.date,
    minutes: row.minutes,
    burnRate: row.burn_rate,
  }));
}
