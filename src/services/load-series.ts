import { DAY_MS, floorTo, MINUTE_MS } from '../lib/duration.ts';
import { firstInstants, furtherInstants, judgedInstants } from '../slo/instants.ts';
import { ruleAt } from '../slo/revision.ts';
import type { ObjectiveRule, SumsBetween } from '../slo/rule.ts';
import { type DayBase, RunningTotals } from '../slo/running-totals.ts';
import { usedOf } from '../slo/sli.ts';
import type { Sums } from '../slo/status.ts';
import type { Tx } from '../storage/client.ts';
import {
  type LoadedMinutes,
  type LoadedRuns,
  loadMinutes,
  NO_MINUTES,
  type SeriesRange,
} from '../storage/series-columns.ts';
import { loadTotals, type TotalsRequest } from '../storage/series-totals.ts';
import { loadSharedRuns } from '../storage/shared-runs.ts';
import type { KeptTotals, KnownRows } from './kept-totals.ts';
import { isShortSpan, lookbackRanges, rowsOf, type SpannedSeries, straddlesBefore } from './series-plan.ts';

export interface LoadedSeries {
  /** Answers every look-back from the span to before it; ends with the last row before the span. */
  readonly totals: RunningTotals;
  /** The rows of the span that stand. */
  readonly stored: LoadedMinutes;
  /** By the start of the window that the slice straddles. */
  readonly straddles: ReadonlyMap<number, Sums>;
}

/** Room for what is counted where no row is known before. */
const NO_ROWS = 64;

/** Where a composite looks back from is found out on the way. */
const isShort = ({ slo, span }: SpannedSeries): boolean => slo.sli.type !== 'composite' && isShortSpan(span);

/** Reads, in a few statements, what computing the spans of many series takes, but for what is kept of it. */
export async function loadSeries(
  tx: Tx,
  all: readonly SpannedSeries[],
  kept: KeptTotals | null = null,
): Promise<LoadedSeries[]> {
  const totals: RunningTotals[] = [];
  const isOneByOne = all.map((series) => isShort(series) && kept?.has(series) !== true);
  await loadShort(tx, all, isOneByOne, totals);
  await loadLong(tx, all, isOneByOne, totals, kept);
  const stored = await loadStored(tx, all);
  const straddles = await loadStraddles(tx, all);
  return all.map((_, i) => ({
    totals: totals[i] ?? new RunningTotals(NO_ROWS),
    stored: stored[i] ?? NO_MINUTES,
    straddles: straddles[i] ?? new Map(),
  }));
}

/**
 * First what every judgement begins with; then, for those that may burn, what it goes on with. Mostly none does, and
 * the days before are not looked at.
 */
async function loadShort(
  tx: Tx,
  all: readonly SpannedSeries[],
  isOneByOne: readonly boolean[],
  totals: RunningTotals[],
): Promise<void> {
  const alike = createAlike();
  const short = all.flatMap((series, i) => (isOneByOne[i] === true ? [{ series, i }] : []));
  const begun = await loadTotals(
    tx,
    short.map(({ series }) => ({
      key: series.key,
      instants: alike(instantsBefore(series, isForeseen(series) ? firstInstants : judgedInstants)),
      minutes: null,
    })),
  );
  const further: (TotalsRequest & { readonly i: number })[] = [];
  short.forEach(({ series, i }, n) => {
    const known = begun[n]?.totals;
    if (known === undefined) return;
    const own = known.runningTotals(series.span.fromMs);
    totals[i] = own;
    if (!isForeseen(series)) return;
    const sums = sumsAhead(series, own);
    const instants = instantsBefore(series, (rule, at) => furtherInstants(rule, at, sums));
    const missing = instants.filter((instant) => !known.has(instant));
    if (missing.length > 0)
      further.push({ key: series.key, instants: alike(missing), minutes: null, known, i });
  });
  if (further.length === 0) return;
  await loadTotals(tx, further);
  for (const { known, i } of further) {
    const fromMs = all[i]?.span.fromMs;
    if (known !== undefined && fromMs !== undefined) totals[i] = known.runningTotals(fromMs);
  }
}

/** The same array for the same instants, so that series with the same instants are seen to be alike. */
function createAlike(): (instants: readonly number[]) => readonly number[] {
  const known = new Map<string, readonly number[]>();
  return (instants) => {
    const name = instants.join();
    const same = known.get(name) ?? instants;
    known.set(name, same);
    return same;
  };
}

function instantsBefore(
  { slo, objective, span }: SpannedSeries,
  instantsAt: (rule: ObjectiveRule, at: number) => readonly number[],
): number[] {
  const instants = new Set([span.fromMs - MINUTE_MS]);
  for (let at = span.fromMs; at <= span.untilMs; at += MINUTE_MS) {
    const rule = ruleAt(slo, objective, at);
    if (rule === null) continue;
    for (const instant of instantsAt(rule, at)) if (instant < span.fromMs) instants.add(instant);
  }
  return [...instants];
}

/** Whether it can be told before what the span's rows will count: none of them stands, and no slice is judged. */
function isForeseen({ slo, span, lastRowMs, changes }: SpannedSeries): boolean {
  const isBehind = lastRowMs === null || lastRowMs < span.fromMs;
  return isBehind && (slo.budgetingMethod === 'occurrences' || changes.length === 0);
}

/** Sums up to instants of such a span, as computing it will find them. */
function sumsAhead({ span, changes }: SpannedSeries, totals: RunningTotals): SumsBetween {
  const before = span.fromMs - MINUTE_MS;
  return (fromMs, toMs) => {
    let { good, total } = totals.between(Math.min(fromMs, before), Math.min(toMs, before));
    for (const change of changes) {
      if (change.minuteMs < fromMs || change.minuteMs >= toMs) continue;
      const used = 'used' in change ? change.used : usedOf(change);
      good += used?.good ?? 0;
      total += used?.total ?? 0;
    }
    return { good, total };
  };
}

async function loadLong(
  tx: Tx,
  all: readonly SpannedSeries[],
  isOneByOne: readonly boolean[],
  totals: RunningTotals[],
  kept: KeptTotals | null,
): Promise<void> {
  /** What is kept of series of which more has to be read. */
  const newest = new Map<number, KnownRows>();
  const ranges = all.flatMap((series, i) => {
    if (isOneByOne[i] === true) return [];
    const wanted = lookbackRanges(series.slo, series.objective, i, series.span);
    const known = kept?.knownBefore(series, wanted) ?? null;
    if (known === null) return wanted;
    if (known.missing.length === 0) totals[i] = known.totals;
    else newest.set(i, known);
    return known.missing;
  });
  const loaded = await loadSharedRuns(
    tx,
    all.map(({ key }) => key),
    ranges,
  );
  const rows = all.map(({ span }, i) => rowsOf(span) + (newest.get(i)?.totals.length ?? 0));
  ranges.forEach(({ series }, i) => {
    rows[series] = (rows[series] ?? 0) + (loaded[i]?.at.length ?? 0);
  });
  ranges.forEach(({ series }, i) => {
    const runs = loaded[i];
    const span = all[series]?.span;
    if (runs === undefined || span === undefined) return;
    // Made as wide as it is to be: growing leaves as much again to be collected.
    totals[series] ??= begun(rows[series] ?? 0, newest.get(series)?.firstDay ?? null);
    totals[series]?.load(...before(runs, span.fromMs));
  });
  for (const [i, known] of newest) totals[i]?.loadFrom(known.totals, (totals[i]?.lastAt ?? 0) + 1);
}

/** Totals with room for so many rows, and the series' first one where that is known. */
function begun(rows: number, firstDay: DayBase | null): RunningTotals {
  const totals = new RunningTotals(rows + 1);
  if (firstDay !== null) totals.begin(firstDay);
  return totals;
}

/** A range without rows before it reaches to the series' first row, which may stand after the span's start. */
function before(loaded: LoadedRuns, fromMs: number): Parameters<RunningTotals['load']> {
  let length = loaded.at.length;
  while (length > 0 && (loaded.at[length - 1] ?? 0) >= fromMs) length -= 1;
  const lastDay = length === 0 ? Number.NEGATIVE_INFINITY : floorTo(loaded.at[length - 1] ?? 0, DAY_MS);
  return [
    {
      at: loaded.at.subarray(0, length),
      runGood: loaded.runGood.subarray(0, length),
      runTotal: loaded.runTotal.subarray(0, length),
      runGoodLow: loaded.runGoodLow.subarray(0, length),
      runTotalLow: loaded.runTotalLow.subarray(0, length),
    },
    loaded.bases.filter(({ dayMs }) => dayMs <= lastDay),
  ];
}

/** Where the span lies behind all rows, as at every tick, there is nothing to read. */
async function loadStored(tx: Tx, all: readonly SpannedSeries[]): Promise<LoadedMinutes[]> {
  const stored = all.map(() => NO_MINUTES);
  const ranges: SeriesRange[] = all.flatMap(({ span, lastRowMs }, series) =>
    lastRowMs === null || lastRowMs < span.fromMs
      ? []
      : [{ series, fromMs: span.fromMs, toMs: span.untilMs }],
  );
  const loaded = await loadMinutes(
    tx,
    all.map(({ key }) => key),
    ranges,
  );
  ranges.forEach(({ series }, i) => {
    const rows = loaded[i];
    if (rows !== undefined) stored[series] = rows;
  });
  return stored;
}

async function loadStraddles(tx: Tx, all: readonly SpannedSeries[]): Promise<ReadonlyMap<number, Sums>[]> {
  const straddles = all.map(() => new Map<number, Sums>());
  const wanted = all.flatMap((series, i) =>
    straddlesBefore(series.slo, series.objective, series.span).map((slice) => ({ series, i, slice })),
  );
  const loaded = await loadTotals(
    tx,
    wanted.map(({ series, slice }) => ({ key: series.key, instants: [], minutes: slice })),
  );
  wanted.forEach(({ i, slice }, n) => {
    const sums = loaded[n]?.minutes;
    if (sums === null || sums === undefined) return;
    straddles[i]?.set(slice.startMs, sums);
  });
  return straddles;
}
