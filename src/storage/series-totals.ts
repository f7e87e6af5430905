import { DAY_MS, floorTo, MINUTE_MS } from '../lib/duration.ts';
import { type DayBase, type RunColumns, RunningTotals } from '../slo/running-totals.ts';
import type { Sums } from '../slo/status.ts';
import { decodeFloat8Array, encodeInstantArray } from './arrays.ts';
import type { Tx } from './client.ts';
import {
  type LoadedRuns,
  loadFirstRows,
  loadMinutes,
  loadRuns,
  type SeriesKey,
  type SeriesRange,
} from './series-columns.ts';

/** What has to be known of a series: its running totals at some instants, and used sums over a few minutes. */
export interface TotalsRequest {
  readonly key: SeriesKey;
  readonly instants: readonly number[];
  /** Minute buckets of less than an hour, `[fromMs, toMs)`; null for none. */
  readonly minutes: { readonly fromMs: number; readonly toMs: number } | null;
  /** Rows from here on are left out. */
  readonly beforeMs?: number;
}

export interface SeriesTotals {
  /** Answers for the instants asked for, and for no others. */
  readonly totals: RunningTotals;
  /** Null where none were asked for, or nothing was used in them. */
  readonly minutes: Sums | null;
}

const EXACT = `
  SELECT array_send(array_agg(s.run_good ORDER BY k.n)) AS run_good,
    array_send(array_agg(s.run_total ORDER BY k.n)) AS run_total,
    array_send(array_agg(s.run_good_low ORDER BY k.n)) AS run_good_low,
    array_send(array_agg(s.run_total_low ORDER BY k.n)) AS run_total_low,
    array_agg(k.n::int ORDER BY k.n) FILTER (WHERE s.base_good IS NOT NULL) AS day_n,
    array_agg(s.base_good::text ORDER BY k.n) FILTER (WHERE s.base_good IS NOT NULL) AS day_good,
    array_agg(s.base_total::text ORDER BY k.n) FILTER (WHERE s.base_good IS NOT NULL) AS day_total
  FROM unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[])
    WITH ORDINALITY AS k(account, slo_id, objective, at, n)
  LEFT JOIN LATERAL (
    SELECT * FROM np_slo_snapshots r WHERE r.source_account_id = k.account AND r.slo_id = k.slo_id
      AND r.objective = k.objective AND r.at = k.at LIMIT 1
  ) s ON true`;

interface ExactRow {
  run_good: Buffer | null;
  run_total: Buffer | null;
  run_good_low: Buffer | null;
  run_total_low: Buffer | null;
  day_n: number[] | null;
  day_good: string[] | null;
  day_total: string[] | null;
}

interface Point {
  readonly at: number;
  readonly good: number;
  readonly total: number;
  readonly goodLow: number;
  readonly totalLow: number;
}

const pointAt = (at: number, i: number, runs: Omit<RunColumns, 'at'>): Point => ({
  at,
  good: runs.runGood[i] ?? 0,
  total: runs.runTotal[i] ?? 0,
  goodLow: runs.runGoodLow[i] ?? 0,
  totalLow: runs.runTotalLow[i] ?? 0,
});

/** Rows and bases of one series, collected in any order. */
class Collected {
  readonly points = new Map<number, Point>();
  readonly bases = new Map<number, DayBase>();

  add(runs: LoadedRuns): void {
    for (let i = 0; i < runs.at.length; i += 1) {
      const at = runs.at[i] ?? Number.NaN;
      this.points.set(at, pointAt(at, i, runs));
    }
    for (const base of runs.bases) this.bases.set(base.dayMs, base);
  }

  totals(beforeMs = Number.POSITIVE_INFINITY): RunningTotals {
    const points = [...this.points.values()].filter(({ at }) => at < beforeMs).sort((a, b) => a.at - b.at);
    const lastMs = points.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
    const totals = new RunningTotals(points.length);
    totals.load(
      {
        at: Float64Array.from(points, (point) => point.at),
        runGood: Float64Array.from(points, (point) => point.good),
        runTotal: Float64Array.from(points, (point) => point.total),
        runGoodLow: Float64Array.from(points, (point) => point.goodLow),
        runTotalLow: Float64Array.from(points, (point) => point.totalLow),
      },
      [...this.bases.values()].filter(({ dayMs }) => dayMs <= lastMs).sort((a, b) => a.dayMs - b.dayMs),
    );
    return totals;
  }
}

/**
 * Running totals at instants, for many series in a few statements. A row stands at nearly every minute, so
 * each instant is first looked up exactly; only where none stands is the last one before it searched for.
 */
export async function loadTotals(tx: Tx, requests: readonly TotalsRequest[]): Promise<SeriesTotals[]> {
  const keys = requests.map((request) => request.key);
  const collected = requests.map(() => new Collected());
  const missing = await withinRows(tx, keys, await loadExact(tx, requests, collected), collected);
  const loaded = await loadRuns(tx, keys, missing);
  loaded.forEach((runs, i) => {
    const range = missing[i];
    if (range !== undefined) collected[range.series]?.add(runs);
  });
  const minutes = await loadMinuteSums(tx, requests, keys);
  return collected.map((series, i) => ({
    totals: series.totals(requests[i]?.beforeMs),
    minutes: minutes[i] ?? null,
  }));
}

/** Looks the instants up, and the start of the day of each; returns those that have no row. */
async function loadExact(
  { client }: Tx,
  requests: readonly TotalsRequest[],
  collected: readonly Collected[],
): Promise<SeriesRange[]> {
  const series: number[] = [];
  const at: number[] = [];
  requests.forEach((request, i) => {
    const instants = new Set(request.instants);
    for (const instant of request.instants) instants.add(floorTo(instant, DAY_MS));
    for (const instant of instants) {
      series.push(i);
      at.push(instant);
    }
  });
  if (series.length === 0) return [];
  const keyOf = (i: number): SeriesKey | undefined => requests[i]?.key;
  const { rows } = await client.query<ExactRow>({
    name: 'totals-at-instants',
    text: EXACT,
    values: [
      series.map((i) => keyOf(i)?.accountId),
      series.map((i) => keyOf(i)?.sloId),
      series.map((i) => keyOf(i)?.objective),
      encodeInstantArray(at),
    ],
  });
  const row = rows[0];
  const runs = {
    runGood: decodeFloat8Array(row?.run_good ?? null),
    runTotal: decodeFloat8Array(row?.run_total ?? null),
    runGoodLow: decodeFloat8Array(row?.run_good_low ?? null),
    runTotalLow: decodeFloat8Array(row?.run_total_low ?? null),
  };
  row?.day_n?.forEach((n, i) => {
    const good = row.day_good?.[i];
    const total = row.day_total?.[i];
    const dayMs = at[n - 1];
    if (good !== undefined && total !== undefined && dayMs !== undefined) {
      collected[series[n - 1] ?? -1]?.bases.set(dayMs, { dayMs, good, total });
    }
  });
  const missing: SeriesRange[] = [];
  series.forEach((owner, i) => {
    const instant = at[i] ?? Number.NaN;
    if (!Number.isNaN(runs.runGood[i] ?? Number.NaN)) {
      collected[owner]?.points.set(instant, pointAt(instant, i, runs));
    } else if (requests[owner]?.instants.includes(instant)) {
      missing.push({ series: owner, fromMs: instant, toMs: instant });
    }
  });
  return missing;
}

/** What lies before a series' first row needs no search: there the count is that of the first row. */
async function withinRows(
  tx: Tx,
  keys: readonly SeriesKey[],
  missing: readonly SeriesRange[],
  collected: readonly Collected[],
): Promise<SeriesRange[]> {
  const numbers = [...new Set(missing.map(({ series }) => series))];
  const firstRows = await loadFirstRows(
    tx,
    numbers.flatMap((series) => keys[series] ?? []),
  );
  const firstAt = new Map<number, number>();
  numbers.forEach((series, i) => {
    const runs = firstRows[i];
    if (runs === undefined) return;
    collected[series]?.add(runs);
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
  const ranges = requests.flatMap(({ minutes }, series) =>
    minutes === null ? [] : [{ series, fromMs: minutes.fromMs + MINUTE_MS, toMs: minutes.toMs }],
  );
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
