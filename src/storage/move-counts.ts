import type { Tx } from './client.ts';
import type { SeriesKey } from './series-columns.ts';

/** Rows of which a change has altered what their windows count, and nothing else. */
export interface MovedRows {
  readonly key: SeriesKey;
  /** `at` of the first and of the last row. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** What has been added to each window: whole numbers. */
  readonly good: number;
  readonly total: number;
  /** The share of the events that may be bad. */
  readonly allowedRatio: number;
  /** Budgets up to here are spent, and below here at risk. */
  readonly exhaustedUpTo: number;
  readonly atRiskBelow: number;
  /** Up to here burn rates are asked about. */
  readonly burnUntilMs: number;
}

export interface Moved {
  /** How many rows were moved: those of which it can be known from the row alone what is to stand there. */
  readonly rows: number;
  /** The highest burn rate of the rows up to `burnUntilMs`; null where none has any. */
  readonly highestBurn: number | null;
}

/** Counts above this are looked up: what of them was rounded could show when most of it is taken away again. */
const MOST = 2 ** 40;
/** And those of which less than one in so many is left. */
const SHRUNK = 1000;

const TOTAL = '(s.count_total + $7::float8)';
const BAD = `GREATEST(0, ${TOTAL} - (s.count_good + $6::float8))`;
/** As `objectiveStatus` has it for occurrences, step by step. */
const BUDGET = `(1 - ${BAD} / ${TOTAL} / $8::float8)`;
const isWhole = (column: string): string => `${column} = trunc(${column})`;

/**
 * A budget that is no longer at risk leaves open whether a page condition holds; where it never was at risk, the
 * state says so.
 */
const MOVE = `
  WITH moved AS (
    UPDATE np_slo_snapshots s SET
      reliability = (${TOTAL} - ${BAD}) / ${TOTAL}, budget = ${BUDGET},
      count_good = ${TOTAL} - ${BAD}, count_total = ${TOTAL},
      state = CASE WHEN ${BUDGET} <= $9::float8 THEN 'exhausted' WHEN ${BUDGET} < $10::float8 THEN 'at_risk'
        ELSE s.state END
    WHERE s.source_account_id = $1 AND s.slo_id = $2 AND s.objective = $3 AND s.at >= $4 AND s.at <= $5
      AND s.at = ANY (ARRAY(SELECT generate_series($4::timestamptz, $5::timestamptz, interval '1 minute')))
      AND s.state IS NOT NULL AND ${isWhole('s.count_good')} AND ${isWhole('s.count_total')}
      AND GREATEST(s.count_total, ${TOTAL}) < ${MOST} AND ${TOTAL} > 0 AND ${TOTAL} * ${SHRUNK} > s.count_total
      AND (s.budget >= $10::float8 OR ${BUDGET} < $10::float8)
    RETURNING s.at, s.burn_rate
  )
  SELECT count(*)::int AS rows, max(burn_rate) FILTER (WHERE at <= $11) AS highest_burn FROM moved`;

/**
 * Adds to what the windows of one series count, and makes their statuses anew where they stand: a third of what it
 * takes to compute the rows here and to write them. Occurrences only.
 */
export async function moveCounts({ client }: Tx, moved: MovedRows): Promise<Moved> {
  const { key } = moved;
  const { rows } = await client.query<{ rows: number; highest_burn: number | null }>(MOVE, [
    key.accountId,
    key.sloId,
    key.objective,
    new Date(moved.fromMs),
    new Date(moved.untilMs),
    moved.good,
    moved.total,
    moved.allowedRatio,
    moved.exhaustedUpTo,
    moved.atRiskBelow,
    new Date(moved.burnUntilMs),
  ]);
  return { rows: rows[0]?.rows ?? 0, highestBurn: rows[0]?.highest_burn ?? null };
}
