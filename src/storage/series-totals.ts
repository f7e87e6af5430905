import { DAY_MS, floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { Sums } from '../slo/status.ts';
import { TotalPoints } from '../slo/total-points.ts';
import { decodeFloat8Array, decodeInt4Array, encodeInstantArray, orZero } from './arrays.ts';
import type { Tx } from './client.ts';
import {
  hasData,
  type LoadedRuns,
  loadFirstRows,
  loadMinutes,
  loadRuns,
  type SeriesKey,
  type SeriesRange,
} from './series-columns.ts';
import { loadWholeInstants } from './totals-at-instants.ts';

/** What has to be known of a series: its running totals at some instants, and used sums over a few minutes. */
export interface TotalsRequest {
  readonly key: SeriesKey;
  readonly instants: readonly number[];
  /** Minute buckets of less than an hour, `[fromMs, toMs)`; null for none. */
  readonly minutes: { readonly fromMs: number; readonly toMs: number } | null;
  /** What is known of the series already; it gets what is found. */
  readonly known?: TotalPoints;
}

export interface SeriesTotals {
  /** Answers for the instants asked for, and for no others. */
  readonly totals: TotalPoints;
  /** Null where none were asked for, or nothing was used in them. */
  readonly minutes: Sums | null;
}

const IS_FINE = 'f.run_good_low IS NOT NULL OR f.run_total_low IS NOT NULL';

/** What is found: `k` numbers the look-ups; what few rows have comes with numbers of its own. */
const FOUND = `
  array_send(array_agg(f.k)) AS k,
  array_send(array_agg(f.run_good)) AS run_good, array_send(array_agg(f.run_total)) AS run_total,
  array_send(array_agg(f.k) FILTER (WHERE ${IS_FINE})) AS low_k,
  array_send(array_agg(f.run_good_low) FILTER (WHERE ${IS_FINE})) AS run_good_low,
  array_send(array_agg(f.run_total_low) FILTER (WHERE ${IS_FINE})) AS run_total_low,
  array_send(array_agg(f.k) FILTER (WHERE NOT f.has_data)) AS silent_k,
  array_agg(f.k) FILTER (WHERE f.base_good IS NOT NULL) AS day_k,
  array_agg(f.base_good::text) FILTER (WHERE f.base_good IS NOT NULL) AS day_good,
  array_agg(f.base_total::text) FILTER (WHERE f.base_good IS NOT NULL) AS day_total`;

const COLUMNS = ['run_good', 'run_total', 'run_good_low', 'run_total_low', 'base_good', 'base_total'];
const columnsOf = (alias: string): string => COLUMNS.map((name) => `${alias}.${name}`).join(', ');
const dataOf = (alias: string): string => `${hasData(alias)} AS has_data`;

/** A look-up by the whole key for each series and instant. */
const EXACT = `
  SELECT ${FOUND} FROM (
    SELECT k.n::int AS k, ${columnsOf('s')}, ${dataOf('s')}
    FROM unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[])
      WITH ORDINALITY AS k(account, slo_id, objective, at, n)
    CROSS JOIN LATERAL (
      SELECT * FROM np_slo_snapshots r WHERE r.source_account_id = k.account AND r.slo_id = k.slo_id
        AND r.objective = k.objective AND r.at = k.at LIMIT 1
    ) s
  ) f`;

/** Room for the rows of 00:00 that a few instants bring along. */
const DAY_STARTS = 4;

/** An instant is read whole when at least one in so many of the account's SLOs is asked for at it. */
const WORTH_READING_WHOLE = 8;
/** And when there are so many at least. */
const SHARED_AT_LEAST = 16;

interface FoundRow {
  k: Buffer | null;
  run_good: Buffer | null;
  run_total: Buffer | null;
  low_k: Buffer | null;
  run_good_low: Buffer | null;
  run_total_low: Buffer | null;
  silent_k: Buffer | null;
  day_k: number[] | null;
  day_good: string[] | null;
  day_total: string[] | null;
}

/** Adds a statement's findings to the points of their series. */
function take(
  row: FoundRow,
  seriesOf: (k: number) => TotalPoints | undefined,
  atOf: (k: number) => number,
): void {
  const fine = new Map<number, { good: number; total: number }>();
  const goodLow = decodeFloat8Array(row.run_good_low);
  const totalLow = decodeFloat8Array(row.run_total_low);
  decodeInt4Array(row.low_k).forEach((k, n) => {
    fine.set(k, { good: orZero(goodLow[n]), total: orZero(totalLow[n]) });
  });
  const silent = new Set(decodeInt4Array(row.silent_k));
  const good = decodeFloat8Array(row.run_good);
  const total = decodeFloat8Array(row.run_total);
  decodeInt4Array(row.k).forEach((k, n) => {
    const low = fine.get(k);
    seriesOf(k - 1)?.add({
      at: atOf(k - 1),
      good: good[n] ?? 0,
      total: total[n] ?? 0,
      goodLow: low?.good ?? 0,
      totalLow: low?.total ?? 0,
      hasData: !silent.has(k),
    });
  });
  row.day_k?.forEach((k, n) => {
    const dayGood = row.day_good?.[n];
    const dayTotal = row.day_total?.[n];
    if (dayGood === undefined || dayTotal === undefined) return;
    seriesOf(k - 1)?.addBase({ dayMs: atOf(k - 1), good: dayGood, total: dayTotal });
  });
}

function addRuns(points: TotalPoints, runs: LoadedRuns): void {
  for (let i = 0; i < runs.at.length; i += 1) {
    points.add({
      at: runs.at[i] ?? Number.NaN,
      good: runs.runGood[i] ?? 0,
      total: runs.runTotal[i] ?? 0,
      goodLow: orZero(runs.runGoodLow[i]),
      totalLow: orZero(runs.runTotalLow[i]),
      hasData: null,
    });
  }
  for (const base of runs.bases) points.addBase(base);
}

/**
 * Running totals at instants, for many series in a few statements. A row stands at nearly every minute, so
 * each instant is first looked up exactly; only where none stands is the last one before it searched for.
 */
export async function loadTotals(tx: Tx, requests: readonly TotalsRequest[]): Promise<SeriesTotals[]> {
  const keys = requests.map((request) => request.key);
  const made = TotalPoints.forSeries(
    requests.map(({ instants, known }) => (known === undefined ? instants.length + DAY_STARTS : 0)),
  );
  const found = made.map((points, i) => requests[i]?.known ?? points);
  await loadAtInstants(tx, requests, found);
  const missing = await withinRows(tx, keys, missingOf(requests, found), found);
  const loaded = await loadRuns(tx, keys, missing);
  loaded.forEach((runs, i) => {
    const points = found[missing[i]?.series ?? -1];
    if (points !== undefined) addRuns(points, runs);
  });
  const minutes = await loadMinuteSums(tx, requests, keys);
  return found.map((totals, i) => ({ totals, minutes: minutes[i] ?? null }));
}

function missingOf(requests: readonly TotalsRequest[], found: readonly TotalPoints[]): SeriesRange[] {
  const missing: SeriesRange[] = [];
  requests.forEach(({ instants }, series) => {
    for (const instant of instants) {
      if (found[series]?.has(instant) !== true) missing.push({ series, fromMs: instant, toMs: instant });
    }
  });
  return missing;
}

/** By account, then by instant: the numbers of the series that are asked for there, day starts included. */
function askedByInstant(requests: readonly TotalsRequest[]): Map<string, Map<number, number[]>> {
  const accounts = new Map<string, Map<number, number[]>>();
  for (const [accountId, alike] of seriesAlike(requests)) {
    const asked = new Map<number, number[]>();
    accounts.set(accountId, asked);
    for (const [instants, series] of alike) {
      for (const at of new Set([...instants, ...instants.map((instant) => floorTo(instant, DAY_MS))])) {
        const list = asked.get(at) ?? [];
        asked.set(at, list);
        for (const number of series) list.push(number);
      }
    }
  }
  return accounts;
}

/** By account: the numbers of the series whose instants are the very same array. */
function seriesAlike(
  requests: readonly TotalsRequest[],
): Map<string, Map<TotalsRequest['instants'], number[]>> {
  const accounts = new Map<string, Map<TotalsRequest['instants'], number[]>>();
  requests.forEach(({ key, instants }, series) => {
    const account = accounts.get(key.accountId) ?? new Map<TotalsRequest['instants'], number[]>();
    accounts.set(key.accountId, account);
    const list = account.get(instants);
    if (list === undefined) account.set(instants, [series]);
    else list.push(series);
  });
  return accounts;
}

/** Looks all instants up, and the start of the day of each. */
async function loadAtInstants(
  tx: Tx,
  requests: readonly TotalsRequest[],
  found: readonly TotalPoints[],
): Promise<void> {
  const single = { series: [] as number[], at: [] as number[] };
  for (const [accountId, asked] of askedByInstant(requests)) {
    const most = Math.max(...[...asked.values()].map((list) => list.length));
    const slos = most < SHARED_AT_LEAST ? Number.POSITIVE_INFINITY : await countSlos(tx, accountId);
    const enough = enoughOf(slos);
    const whole: number[] = [];
    const series = new Set<number>();
    for (const [at, list] of asked) {
      if (list.length >= enough) {
        whole.push(at);
        for (const number of list) series.add(number);
      } else {
        for (const number of list) {
          single.series.push(number);
          single.at.push(at);
        }
      }
    }
    if (whole.length === 0) continue;
    await loadWholeInstants(tx, {
      accountId,
      slos,
      instants: whole,
      series: [...series].flatMap((number) => {
        const key = requests[number]?.key;
        const points = found[number];
        return key === undefined || points === undefined ? [] : [{ key, points }];
      }),
    });
  }
  if (single.series.length === 0) return;
  const keyOf = (series: number): SeriesKey | undefined => requests[series]?.key;
  const { rows } = await tx.client.query<FoundRow>({
    name: 'totals-by-key',
    text: EXACT,
    values: [
      single.series.map((series) => keyOf(series)?.accountId),
      single.series.map((series) => keyOf(series)?.sloId),
      single.series.map((series) => keyOf(series)?.objective),
      encodeInstantArray(single.at),
    ],
  });
  for (const row of rows) {
    take(
      row,
      (k) => found[single.series[k] ?? -1],
      (k) => single.at[k] ?? Number.NaN,
    );
  }
}

/** From how many series on it is quicker to read the account's minutes whole than to look each series up. */
export async function enoughToReadWhole(tx: Tx, accountId: string): Promise<number> {
  return enoughOf(await countSlos(tx, accountId));
}

const enoughOf = (slos: number): number => Math.max(SHARED_AT_LEAST, slos / WORTH_READING_WHOLE);

async function countSlos({ client }: Tx, accountId: string): Promise<number> {
  const { rows } = await client.query<{ slos: number }>({
    name: 'count-slos',
    text: 'SELECT count(*)::int AS slos FROM np_slos WHERE source_account_id = $1',
    values: [accountId],
  });
  return rows[0]?.slos ?? 0;
}

/** What lies before a series' first row needs no search: there the count is that of the first row. */
async function withinRows(
  tx: Tx,
  keys: readonly SeriesKey[],
  missing: readonly SeriesRange[],
  found: readonly TotalPoints[],
): Promise<SeriesRange[]> {
  const numbers = [...new Set(missing.map(({ series }) => series))];
  const firstRows = await loadFirstRows(
    tx,
    numbers.flatMap((series) => keys[series] ?? []),
  );
  const firstAt = new Map<number, number>();
  numbers.forEach((series, i) => {
    const runs = firstRows[i];
    const points = found[series];
    if (runs === undefined || points === undefined) return;
    addRuns(points, runs);
    firstAt.set(series, runs.at[0] ?? Number.POSITIVE_INFINITY);
  });
  return missing.filter(({ series, fromMs }) => fromMs >= (firstAt.get(series) ?? Number.POSITIVE_INFINITY));
}

async function loadMinuteSums(
  tx: Tx,
  requests: readonly TotalsRequest[],
  keys: readonly SeriesKey[],
): Promise<(Sums | null)[]> {
  const sums: (Sums | null)[] = requests.map(() => null);
  const ranges: SeriesRange[] = [];
  requests.forEach(({ minutes }, series) => {
    if (minutes !== null) ranges.push({ series, fromMs: minutes.fromMs + MINUTE_MS, toMs: minutes.toMs });
  });
  const loaded = await loadMinutes(tx, keys, ranges);
  ranges.forEach((range, i) => {
    const rows = loaded[i];
    if (rows === undefined) return;
    let good = 0;
    let total = 0;
    for (let row = 0; row < rows.at.length; row += 1) {
      if (Number.isNaN(rows.usedTotal[row])) continue;
      good += rows.usedGood[row] ?? 0;
      total += rows.usedTotal[row] ?? 0;
    }
    sums[range.series] = total > 0 ? { good, total } : null;
  });
  return sums;
}
