import { DAY_MS, floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { Sums } from '../slo/status.ts';
import { TotalPoints } from '../slo/total-points.ts';
import { orZero } from './arrays.ts';
import type { Tx } from './client.ts';
import {
  type LoadedRuns,
  loadFirstRows,
  loadMinutes,
  loadRuns,
  type SeriesKey,
  type SeriesRange,
} from './series-columns.ts';
import { loadWholeInstants } from './totals-at-instants.ts';
import { type KeyedInstant, loadTotalsByKey } from './totals-by-key.ts';
import { countSlos, enoughOf, SHARED_AT_LEAST } from './whole-reads.ts';

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

/** Room for the rows of 00:00 that a few instants bring along. */
const DAY_STARTS = 4;

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
  const single: KeyedInstant[] = [];
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
          const key = requests[number]?.key;
          const points = found[number];
          if (key !== undefined && points !== undefined) single.push({ key, at, points });
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
  await loadTotalsByKey(tx, single);
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
