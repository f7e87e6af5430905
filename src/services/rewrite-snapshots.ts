import Big from 'big.js';
import { DAY_MS, floorTo, MINUTE_MS } from '../lib/duration.ts';
import { exactDecimal } from '../lib/exact-decimal.ts';
import type { Slo } from '../slo/definition.ts';
import { rewriteSeries } from '../slo/rewrite.ts';
import type { StraddleSums } from '../slo/rule.ts';
import { RunningTotals } from '../slo/running-totals.ts';
import type { MinuteReceived } from '../slo/sli.ts';
import { SnapshotBatch } from '../slo/snapshot-batch.ts';
import type { Tx } from '../storage/client.ts';
import {
  type LoadedMinutes,
  type LoadedRuns,
  lastRowOf,
  loadMinutes,
  loadRuns,
  type SeriesKey,
  type SeriesRange,
} from '../storage/series-columns.ts';
import { loadTotals } from '../storage/series-totals.ts';
import { type BaseShift, insertSnapshots, shiftBases, updateSnapshots } from '../storage/snapshot-rows.ts';
import {
  lookbackRanges,
  type RewriteSpan,
  sliceTargetAt,
  spanOfChange,
  straddlesBefore,
} from './series-plan.ts';

/** A series of which minutes have changed, or which is to be carried on. The SLO's row must be locked. */
export interface SeriesChange {
  readonly slo: Slo;
  readonly objective: string;
  /** Ascending, one a minute; none to carry the series on only. */
  readonly changes: readonly MinuteReceived[];
  /** Rows are to stand up to here, while the window holds data; null for no further than they do. */
  readonly extendToMs: number | null;
}

/** Rows that one pass may hold in memory, about 200 bytes each. */
const ROWS_A_PASS = 50_000;

interface Planned extends SeriesChange {
  readonly key: SeriesKey;
  readonly span: RewriteSpan;
  readonly lastRowMs: number | null;
}

/** `at` of the last row that stands when the work is done. */
const endOf = (change: SeriesChange, lastRowMs: number | null): number =>
  Math.max(
    lastRowMs ?? Number.NEGATIVE_INFINITY,
    change.extendToMs ?? Number.NEGATIVE_INFINITY,
    (change.changes.at(-1)?.minuteMs ?? Number.NEGATIVE_INFINITY) + MINUTE_MS,
  );

function plan(change: SeriesChange, lastRowMs: number | null): Planned | null {
  const { slo, objective } = change;
  const key = { accountId: slo.accountId, sloId: slo.id, objective };
  const limitMs = endOf(change, lastRowMs);
  const first = change.changes[0];
  const last = change.changes.at(-1);
  if (first !== undefined && last !== undefined) {
    const changedAt = first.minuteMs + MINUTE_MS;
    // Minutes without data between the last row and the first change have statuses too.
    const firstAt = lastRowMs === null ? changedAt : Math.min(changedAt, lastRowMs + MINUTE_MS);
    const span = spanOfChange(slo, objective, firstAt, last.minuteMs + MINUTE_MS, limitMs);
    // Rows that are missing at the end are made in the same pass.
    const untilMs = lastRowMs === null || lastRowMs < limitMs ? limitMs : span.untilMs;
    return { ...change, key, lastRowMs, span: { fromMs: span.fromMs, untilMs } };
  }
  if (lastRowMs === null || lastRowMs >= limitMs) return null;
  const next = lastRowMs + MINUTE_MS;
  const { fromMs } = spanOfChange(slo, objective, next, next, limitMs);
  return { ...change, key, lastRowMs, span: { fromMs, untilMs: limitMs } };
}

/**
 * Computes and writes every row that the changes touch: what was used, the running totals, the statuses.
 * Set-based: a few statements for many series, in passes of bounded size. Returns the number of rows.
 */
export async function rewriteSnapshots(tx: Tx, changes: readonly SeriesChange[]): Promise<number> {
  const lastRows = await lastRowOf(
    tx,
    changes.map(({ slo, objective }) => ({ accountId: slo.accountId, sloId: slo.id, objective })),
  );
  const planned = changes.flatMap((change, i) => plan(change, lastRows[i] ?? null) ?? []);
  let rows = 0;
  let pass: Planned[] = [];
  let size = 0;
  for (const series of planned) {
    const length = (series.span.untilMs - series.span.fromMs) / MINUTE_MS + 1;
    if (pass.length > 0 && size + length > ROWS_A_PASS) {
      rows += await rewritePass(tx, pass);
      pass = [];
      size = 0;
    }
    pass.push(series);
    size += length;
  }
  return rows + (await rewritePass(tx, pass));
}

async function rewritePass(tx: Tx, pass: readonly Planned[]): Promise<number> {
  if (pass.length === 0) return 0;
  const keys = pass.map(({ key }) => key);
  const ranges = pass.flatMap(({ slo, objective, span }, series) =>
    lookbackRanges(slo, objective, series, span),
  );
  const runs = await loadRuns(tx, keys, ranges);
  const stored = await loadMinutes(
    tx,
    keys,
    pass.map(({ span }, series) => ({ series, fromMs: span.fromMs, toMs: span.untilMs })),
  );
  const straddles = await loadStraddles(tx, pass);
  const out = { inserts: new SnapshotBatch(), updates: new SnapshotBatch() };
  const shifts: BaseShift[] = [];
  const runsOf = groupBySeries(ranges, runs);
  pass.forEach((series, i) => {
    const standing = stored[i];
    if (standing === undefined) return;
    const { fromMs, untilMs } = series.span;
    const totals = new RunningTotals(1024);
    for (const loaded of runsOf.get(i) ?? []) totals.load(...before(loaded, fromMs));
    const endBefore = endOfStored(standing) ?? totals.end;
    rewriteSeries(
      {
        slo: series.slo,
        objective: series.objective,
        series: i,
        fromMs,
        untilMs,
        totals,
        stored: standing,
        changes: series.changes,
        straddles: straddles[i] ?? new Map(),
      },
      out,
    );
    shifts.push(...shiftsAfter(series, endBefore, totals.end));
  });
  await insertSnapshots(tx, keys, out.inserts);
  await updateSnapshots(tx, keys, out.updates);
  await shiftBases(tx, shifts);
  return out.inserts.length + out.updates.length;
}

function groupBySeries(
  ranges: readonly SeriesRange[],
  runs: readonly LoadedRuns[],
): ReadonlyMap<number, LoadedRuns[]> {
  const grouped = new Map<number, LoadedRuns[]>();
  ranges.forEach(({ series }, i) => {
    const loaded = runs[i];
    if (loaded === undefined) return;
    const group = grouped.get(series);
    if (group === undefined) grouped.set(series, [loaded]);
    else group.push(loaded);
  });
  return grouped;
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

interface Counted {
  readonly good: string;
  readonly total: string;
}

/** All that was counted up to the last of the rows; null where there are none. */
function endOfStored(stored: LoadedMinutes): Counted | null {
  const last = stored.at.length - 1;
  const base = stored.bases.at(-1);
  if (last < 0 || base === undefined) return null;
  const plus = (decimal: string, run: Float64Array, low: Float64Array): string =>
    new Big(decimal)
      .plus(exactDecimal(run[last] ?? 0))
      .plus(exactDecimal(orZero(low[last])))
      .toFixed();
  return {
    good: plus(base.good, stored.runGood, stored.runGoodLow),
    total: plus(base.total, stored.runTotal, stored.runTotalLow),
  };
}

const orZero = (value: number | undefined): number =>
  value === undefined || Number.isNaN(value) ? 0 : value;

/** The bases of the days after the span move by what the span's end moved by. */
function shiftsAfter({ key, span, lastRowMs }: Planned, endBefore: Counted, endAfter: Counted): BaseShift[] {
  const good = new Big(endAfter.good).minus(endBefore.good);
  const total = new Big(endAfter.total).minus(endBefore.total);
  if (lastRowMs === null || (good.eq(0) && total.eq(0))) return [];
  const shifts: BaseShift[] = [];
  for (let dayMs = floorTo(span.untilMs, DAY_MS) + DAY_MS; dayMs <= lastRowMs; dayMs += DAY_MS) {
    shifts.push({ key, dayMs, good: good.toFixed(), total: total.toFixed() });
  }
  return shifts;
}

async function loadStraddles(tx: Tx, pass: readonly Planned[]): Promise<ReadonlyMap<number, StraddleSums>[]> {
  const straddles = pass.map(() => new Map<number, StraddleSums>());
  const wanted = pass.flatMap((series, i) =>
    straddlesBefore(series.slo, series.objective, series.span).map((slice) => ({
      i,
      key: series.key,
      slice,
    })),
  );
  const loaded = await loadTotals(
    tx,
    wanted.map(({ key, slice }) => ({ key, instants: [], minutes: slice })),
  );
  wanted.forEach(({ i, slice }, n) => {
    const sums = loaded[n]?.minutes;
    const series = pass[i];
    if (sums === null || sums === undefined || series === undefined) return;
    straddles[i]?.set(slice.startMs, { ...sums, ...sliceTargetAt(series.slo, series.objective, slice.toMs) });
  });
  return straddles;
}
