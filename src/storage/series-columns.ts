import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { StoredMinutes } from '../slo/rewrite.ts';
import type { RunColumns } from '../slo/run-rows.ts';
import type { DayBase } from '../slo/running-totals.ts';
import { decodeFloat8Array, decodeInstantArray, encodeInstantArray } from './arrays.ts';
import type { Tx } from './client.ts';

/** One objective of one SLO: what a series of snapshots belongs to. */
export interface SeriesKey {
  readonly accountId: string;
  readonly sloId: string;
  readonly objective: string;
}

/** Rows of series number `series` with `fromMs <= at <= toMs`. */
export interface SeriesRange {
  readonly series: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Rows ascending by `at`, and the base of the day of each. */
export interface LoadedRuns extends RunColumns {
  readonly bases: readonly DayBase[];
}

/** All that a rewrite must keep of the rows that it touches. */
export interface LoadedMinutes extends LoadedRuns, StoredMinutes {}

const NONE = new Float64Array(0);

/** No row at all. */
export const NO_MINUTES: LoadedMinutes = {
  at: NONE,
  runGood: NONE,
  runTotal: NONE,
  runGoodLow: NONE,
  runTotalLow: NONE,
  bases: [],
  usedGood: NONE,
  usedTotal: NONE,
  receivedGood: NONE,
  receivedBad: NONE,
  receivedTotal: NONE,
  value: NONE,
  counterPoints: new Map(),
  dataUnused: new Set(),
};

export const KEYS = `unnest($1::text[], $2::uuid[], $3::text[]) WITH ORDINALITY AS k(account, slo_id, objective, n)`;
/** The key is repeated for each range: a join with the keys could be planned as a nested loop. */
export const RANGES = `unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[])
  WITH ORDINALITY AS k(account, slo_id, objective, from_at, to_at, n)`;
/** The row of that alias belongs to the series `k`. */
export const OWN = (alias: string): string =>
  `${alias}.source_account_id = k.account AND ${alias}.slo_id = k.slo_id AND ${alias}.objective = k.objective`;

export const keyParameters = (keys: readonly SeriesKey[]): unknown[] => [
  keys.map((key) => key.accountId),
  keys.map((key) => key.sloId),
  keys.map((key) => key.objective),
];

/** The parameters that `RANGES` takes. */
export const rangeParameters = (keys: readonly SeriesKey[], ranges: readonly SeriesRange[]): unknown[] => [
  ...keyParameters(ranges.map(({ series }) => keyAt(keys, series))),
  encodeInstantArray(ranges.map((range) => range.fromMs)),
  encodeInstantArray(ranges.map((range) => range.toMs)),
];

function keyAt(keys: readonly SeriesKey[], series: number): SeriesKey {
  const key = keys[series];
  if (key === undefined) throw new RangeError(`no series number ${series}`);
  return key;
}

interface RunsRow {
  ats: Buffer | null;
  run_good: Buffer | null;
  run_total: Buffer | null;
  run_good_low: Buffer | null;
  run_total_low: Buffer | null;
  day_at: Date[] | null;
  day_good: string[] | null;
  day_total: string[] | null;
  first_day: Date | null;
  first_good: string | null;
  first_total: string | null;
}

interface MinutesRow extends RunsRow {
  used_good: Buffer | null;
  used_total: Buffer | null;
  received_good: Buffer | null;
  received_bad: Buffer | null;
  received_total: Buffer | null;
  value: Buffer | null;
  counter_at: Date[] | null;
  counter_points: string[] | null;
  unused_at: Date[] | null;
}

const RUN_COLUMNS = [
  'at',
  'run_good',
  'run_total',
  'run_good_low',
  'run_total_low',
  'base_good',
  'base_total',
];

const RUNS_AGGREGATED = `
  array_send(array_agg(q.at)) AS ats,
  array_send(array_agg(q.run_good)) AS run_good,
  array_send(array_agg(q.run_total)) AS run_total,
  array_send(array_agg(q.run_good_low)) AS run_good_low,
  array_send(array_agg(q.run_total_low)) AS run_total_low,
  array_agg(q.at) FILTER (WHERE q.base_good IS NOT NULL) AS day_at,
  array_agg(q.base_good::text) FILTER (WHERE q.base_good IS NOT NULL) AS day_good,
  array_agg(q.base_total::text) FILTER (WHERE q.base_good IS NOT NULL) AS day_total`;

/** What came in for a minute and what of it is used; `SPARSE_COLUMNS` have the rest. */
export const MINUTE_COLUMNS = [
  'used_good',
  'used_total',
  'received_good',
  'received_bad',
  'received_total',
  'value',
] as const;

/** What few rows have of a minute. */
export const SPARSE_COLUMNS = ['counter_points', 'data_unused'] as const;

/** What few rows have, by their times. */
const SPARSE_AGGREGATED = `
  array_agg(q.at) FILTER (WHERE q.counter_points IS NOT NULL) AS counter_at,
  array_agg(q.counter_points::text) FILTER (WHERE q.counter_points IS NOT NULL) AS counter_points,
  array_agg(q.at) FILTER (WHERE q.data_unused) AS unused_at`;

/**
 * Rows of one series stand apart in the key, a minute's rows of all series being neighbours: a stretch is looked
 * up minute by minute. The bounds are named as well, for the partitions. Both are whole minutes of one UTC day.
 */
export const IN_STRETCH = (alias: string, low: string, high: string): string =>
  `${OWN(alias)} AND ${alias}.at >= ${low} AND ${alias}.at <= ${high}
   AND ${alias}.at = ANY (ARRAY(SELECT generate_series(${low}, ${high}, interval '1 minute')))`;

/** As a table: the rows from `low` to `high`, by way of the days that have any. */
export const STRETCH = (columns: readonly string[], low: string, high: string): string => `
  (SELECT d.at FROM np_slo_snapshots d
   WHERE ${OWN('d')} AND d.base_good IS NOT NULL AND d.at > ${low} - interval '24 hours' AND d.at <= ${high}
   ORDER BY d.at OFFSET 0) day
  CROSS JOIN LATERAL (
    SELECT ${columns.map((name) => `s.${name}`).join(', ')} FROM np_slo_snapshots s
    WHERE ${IN_STRETCH('s', `GREATEST(day.at, ${low})`, `LEAST(day.at + interval '1439 minutes', ${high})`)}
    ORDER BY s.at OFFSET 0
  ) s`;

/** The newest day with rows, of those that begin by then. Every day with rows has its row of 00:00. */
const LAST_DAY = (until: string | null): string => `
  SELECT d.at FROM np_slo_snapshots d
  WHERE ${OWN('d')} AND d.base_good IS NOT NULL ${until === null ? '' : `AND d.at <= ${until}`}
  ORDER BY d.at DESC LIMIT 1`;

/** `at` of the newest row, of those that stand by then. */
export const LAST_ROW = (until: string | null): string => {
  const endOfDay = `day.at + interval '1439 minutes'`;
  const high = until === null ? endOfDay : `LEAST(${endOfDay}, ${until})`;
  return `
  SELECT p.at FROM (${LAST_DAY(until)}) day
  CROSS JOIN LATERAL (
    SELECT max(r.at) AS at FROM np_slo_snapshots r WHERE ${IN_STRETCH('r', 'day.at', high)}
  ) p`;
};

/** The base of the day that `first` falls into, when its row stands before the range. */
const FIRST_DAY = (first: string): string => `
  LEFT JOIN LATERAL (
    SELECT d.at AS first_day, d.base_good::text AS first_good, d.base_total::text AS first_total
    FROM np_slo_snapshots d
    WHERE ${OWN('d')} AND d.at = date_trunc('day', ${first}, 'UTC') LIMIT 1
  ) day ON true`;

/**
 * Each range reaches back to the last row at or before its start, so that a look-up anywhere in it finds its
 * floor; where there is none, to the series' very first row, which says what was counted before all kept.
 * OFFSET 0 and LIMIT 1 keep the planner from turning a look-up a range into one join over the whole account.
 */
const LOAD_RUNS = `
  SELECT c.*, day.* FROM ${RANGES}
  CROSS JOIN LATERAL (
    SELECT COALESCE(
      (SELECT p.at FROM np_slo_snapshots p WHERE ${OWN('p')} AND p.at = k.from_at LIMIT 1),
      (${LAST_ROW('k.from_at')}),
      (SELECT p.at FROM np_slo_snapshots p WHERE ${OWN('p')} AND p.base_good IS NOT NULL ORDER BY p.at LIMIT 1)
    ) AS at OFFSET 0
  ) low
  CROSS JOIN LATERAL (
    SELECT ${RUNS_AGGREGATED} FROM (
      SELECT s.* FROM ${STRETCH(RUN_COLUMNS, 'low.at', 'GREATEST(k.to_at, low.at)')} ORDER BY s.at
    ) q
  ) c ${FIRST_DAY('low.at')}
  ORDER BY k.n`;

const LOAD_MINUTES = `
  SELECT c.*, day.* FROM ${RANGES}
  CROSS JOIN LATERAL (
    SELECT min(q.at) AS low, ${RUNS_AGGREGATED}, ${SPARSE_AGGREGATED}, ${MINUTE_COLUMNS.map((name) => `array_send(array_agg(q.${name})) AS ${name}`).join(', ')} FROM (
      SELECT s.* FROM ${STRETCH([...RUN_COLUMNS, ...MINUTE_COLUMNS, ...SPARSE_COLUMNS], 'k.from_at', 'k.to_at')} ORDER BY s.at
    ) q
  ) c ${FIRST_DAY('c.low')}
  ORDER BY k.n`;

function basesOf(row: RunsRow): DayBase[] {
  const bases: DayBase[] = [];
  const firstMs = row.first_day?.getTime();
  if (firstMs !== undefined && row.first_good !== null && row.first_total !== null) {
    bases.push({ dayMs: firstMs, good: row.first_good, total: row.first_total });
  }
  row.day_at?.forEach((at, i) => {
    const good = row.day_good?.[i];
    const total = row.day_total?.[i];
    if (at.getTime() !== firstMs && good !== undefined && total !== undefined) {
      bases.push({ dayMs: at.getTime(), good, total });
    }
  });
  return bases;
}

const runsOf = (row: RunsRow): LoadedRuns => ({
  at: decodeInstantArray(row.ats),
  runGood: decodeFloat8Array(row.run_good),
  runTotal: decodeFloat8Array(row.run_total),
  runGoodLow: decodeFloat8Array(row.run_good_low),
  runTotalLow: decodeFloat8Array(row.run_total_low),
  bases: basesOf(row),
});

/** The running totals that answer look-ups anywhere in the ranges; one answer a range, in their order. */
export async function loadRuns(
  { client }: Tx,
  keys: readonly SeriesKey[],
  ranges: readonly SeriesRange[],
): Promise<LoadedRuns[]> {
  if (ranges.length === 0) return [];
  const { rows } = await client.query<RunsRow>({
    name: 'load-runs',
    text: LOAD_RUNS,
    values: rangeParameters(keys, ranges),
  });
  return rows.map(runsOf);
}

/** The rows of the ranges themselves, whole; one answer a range, in their order. */
export async function loadMinutes(
  { client }: Tx,
  keys: readonly SeriesKey[],
  ranges: readonly SeriesRange[],
): Promise<LoadedMinutes[]> {
  if (ranges.length === 0) return [];
  const { rows } = await client.query<MinutesRow>({
    name: 'load-minutes',
    text: LOAD_MINUTES,
    values: rangeParameters(keys, ranges),
  });
  return rows.map((row) => ({
    ...runsOf(row),
    usedGood: decodeFloat8Array(row.used_good),
    usedTotal: decodeFloat8Array(row.used_total),
    receivedGood: decodeFloat8Array(row.received_good),
    receivedBad: decodeFloat8Array(row.received_bad),
    receivedTotal: decodeFloat8Array(row.received_total),
    value: decodeFloat8Array(row.value),
    counterPoints: new Map(row.counter_at?.map((at, i) => [at.getTime(), row.counter_points?.[i] ?? '[]'])),
    dataUnused: new Set(row.unused_at?.map((at) => at.getTime())),
  }));
}

/** Each series' very first row, which says what was counted before all that is kept. */
export async function loadFirstRows({ client }: Tx, keys: readonly SeriesKey[]): Promise<LoadedRuns[]> {
  if (keys.length === 0) return [];
  const { rows } = await client.query<{ at: Date | null; good: string | null; total: string | null }>({
    name: 'load-first-rows',
    text: `SELECT f.at, f.good, f.total FROM ${KEYS} LEFT JOIN LATERAL (
             SELECT s.at, s.base_good::text AS good, s.base_total::text AS total
             FROM np_slo_snapshots s WHERE ${OWN('s')} AND s.base_good IS NOT NULL ORDER BY s.at LIMIT 1
           ) f ON true ORDER BY k.n`,
    values: keyParameters(keys),
  });
  return rows.map(({ at, good, total }) => {
    if (at === null || good === null || total === null) return NO_MINUTES;
    // It stands at 00:00, where the run begins at nothing.
    const zero = Float64Array.of(0);
    return {
      at: Float64Array.of(at.getTime()),
      runGood: zero,
      runTotal: zero,
      runGoodLow: zero,
      runTotalLow: zero,
      bases: [{ dayMs: at.getTime(), good, total }],
    };
  });
}

const AROUND = "interval '10 minutes'";

/**
 * `at` of each series' newest row; null for a series without rows. Mostly it stands near the present, `nowMs`: where
 * no row of the account stands later, these few minutes are looked at first. To look up what is left of the day as
 * well, in which no row stands yet, takes longer than all the rest of a tick.
 */
export async function lastRowOf(
  { client }: Tx,
  keys: readonly SeriesKey[],
  nowMs: number,
): Promise<(number | null)[]> {
  if (keys.length === 0) return [];
  const { rows } = await client.query<{ at: Date | null }>({
    name: 'last-row-of',
    text: `SELECT COALESCE(
             CASE WHEN (
               SELECT f.at FROM np_slo_snapshots f
               WHERE f.source_account_id = k.account AND f.at >= $4::timestamptz + ${AROUND} LIMIT 1
             ) IS NULL THEN (
               SELECT max(r.at) FROM np_slo_snapshots r
               WHERE ${IN_STRETCH('r', `$4::timestamptz - ${AROUND}`, `$4::timestamptz + ${AROUND}`)}
             ) END,
             (${LAST_ROW(null)})
           ) AS at FROM ${KEYS} ORDER BY k.n`,
    values: [...keyParameters(keys), new Date(floorTo(nowMs, MINUTE_MS))],
  });
  return rows.map((row) => row.at?.getTime() ?? null);
}

/** Where the newest data of a series is looked for: `at` of the row from which the search goes back. */
export interface DataSearch extends SeriesKey {
  readonly fromMs: number;
}

/** Whether the minute of a row has data, used or not. */
export const hasData = (alias: string): string =>
  `(${alias}.used_total IS NOT NULL OR ${alias}.data_unused IS TRUE)`;

/**
 * Start of each series' newest minute with data that ends by the instant; null where there is none. A minute
 * with one counterpart only is no data. Mostly the row at the instant has it, else it is searched for by days.
 */
export async function lastDataOf(
  { client }: Tx,
  searches: readonly DataSearch[],
): Promise<(number | null)[]> {
  if (searches.length === 0) return [];
  const { rows } = await client.query<{ at: Date | null }>({
    name: 'last-data-of',
    text: `SELECT COALESCE(
             (SELECT r.at FROM np_slo_snapshots r WHERE ${OWN('r')} AND r.at = k.from_at AND ${hasData('r')} LIMIT 1),
             (SELECT l.at FROM (
                SELECT d.at FROM np_slo_snapshots d
                WHERE ${OWN('d')} AND d.base_good IS NOT NULL AND d.at <= k.from_at ORDER BY d.at DESC
              ) day CROSS JOIN LATERAL (
                SELECT max(r.at) AS at FROM np_slo_snapshots r
                WHERE ${IN_STRETCH('r', 'day.at', `LEAST(day.at + interval '1439 minutes', k.from_at)`)} AND ${hasData('r')}
              ) l WHERE l.at IS NOT NULL ORDER BY day.at DESC LIMIT 1)
           ) - interval '1 minute' AS at
           FROM unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[])
             WITH ORDINALITY AS k(account, slo_id, objective, from_at, n) ORDER BY k.n`,
    values: [...keyParameters(searches), encodeInstantArray(searches.map(({ fromMs }) => fromMs))],
  });
  return rows.map((row) => row.at?.getTime() ?? null);
}
