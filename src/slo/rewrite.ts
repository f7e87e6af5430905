import { DAY_MS, floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { CompositeWalk } from './composite-walk.ts';
import type { RevisedSlo } from './revision.ts';
import { RuleCursor, SliceSums, Straddles } from './rewrite-walk.ts';
import type { ObjectiveRule, StatusOptions, SumsBetween } from './rule.ts';
import type { RunningTotals } from './running-totals.ts';
import type { SettledMinute } from './settle.ts';
import type { MinuteReceived, UsedCounts } from './sli.ts';
import { mergeReceived, sliceIsGood, usedOf } from './sli.ts';
import type { SnapshotBatch } from './snapshot-batch.ts';
import type { ObjectiveStatus, Sums } from './status.ts';
import { objectiveStatus } from './status.ts';
import { type MinuteColumns, WalkedMinute } from './walked-minute.ts';

/** Rows that stand already, ascending by `at`; NaN is null. */
export interface StoredMinutes {
  readonly at: Float64Array;
  readonly usedGood: Float64Array;
  readonly usedTotal: Float64Array;
  readonly receivedGood: Float64Array;
  readonly receivedBad: Float64Array;
  readonly receivedTotal: Float64Array;
  readonly value: Float64Array;
  /** Counters: the points of rows that have any, as JSON text, by `at`. */
  readonly counterPoints: ReadonlyMap<number, string>;
  /** `at` of rows that are data though nothing of them is used. */
  readonly dataUnused: ReadonlySet<number>;
}

/** What came in for a minute, to be laid over what stands; or the minute as it is to stand. */
export type MinuteChange = MinuteReceived | SettledMinute;

export interface Rewrite {
  readonly slo: RevisedSlo;
  readonly objective: string;
  /** The series' number in the batches. */
  readonly series: number;
  /** `at` of the first and of the last row that may change. The first opens a slice of its own. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** Loaded with all before `fromMs` that look-backs from the range can ask for; it is counted on. */
  readonly totals: RunningTotals;
  readonly stored: StoredMinutes;
  /** Of minutes in the range, ascending, one a minute. */
  readonly changes: readonly MinuteChange[];
  /** Used sums of the slice that straddles the start of a calendar window, where it lies before the range. */
  readonly straddles: ReadonlyMap<number, Sums>;
  /** Of a composite; its changes are those of the walk. */
  readonly composite?: CompositeWalk;
  /** Told of every status that is computed. */
  readonly onStatus?: (
    status: ObjectiveStatus,
    rule: ObjectiveRule,
    sums: SumsBetween,
    options: StatusOptions,
  ) => void;
}

export interface RewrittenRows {
  /** Rows that do not stand yet. */
  readonly inserts: SnapshotBatch;
  readonly updates: SnapshotBatch;
}

const orNaN = (value: number | null): number => value ?? Number.NaN;
const orNull = (value: number | undefined): number | null =>
  value === undefined || Number.isNaN(value) ? null : value;

/**
 * Computes every row of a series from the first change on: what was used, the running totals and the status.
 * A minute gets a row when something came in for it, when the window holds data, or when a composite waits at its
 * end; a day that has rows begins with one.
 */
export function rewriteSeries(rewrite: Rewrite, out: RewrittenRows): void {
  const { totals, stored, changes, fromMs, untilMs, slo, onStatus, composite } = rewrite;
  const timeslices = slo.budgetingMethod === 'timeslices';
  const step = timeslices ? slo.sliceMs : MINUTE_MS;
  const rules = new RuleCursor(rewrite);
  const slice = new SliceSums(step);
  const straddles = new Straddles(rewrite, rules.firstWindows);
  let storedIndex = 0;
  let changeIndex = 0;
  const minute = new WalkedMinute();
  let dataUntil = Number.NEGATIVE_INFINITY;
  let at = fromMs;
  while (at <= untilMs) {
    const isStored = stored.at[storedIndex] === at;
    const change = changes[changeIndex];
    const isChanged = change !== undefined && change.minuteMs + MINUTE_MS === at;
    readMinute(minute, isStored ? stored : null, storedIndex, isChanged ? change : null);
    if (isStored) storedIndex += 1;
    if (isChanged) changeIndex += 1;
    const hasData = isReceived(minute) || (isChanged && !('used' in change));
    if (hasData) dataUntil = floorTo(at - 1, step) + step;

    const used = Number.isNaN(minute.usedTotal) ? null : { good: minute.usedGood, total: minute.usedTotal };
    const rule = rules.at(at);
    let sliceReliability = Number.NaN;
    let good = used?.good ?? 0;
    let total = used?.total ?? 0;
    if (timeslices) {
      if (used !== null) {
        slice.add(at, used.good, used.total);
        straddles.add(rules.window(at), at, used);
      }
      good = 0;
      total = 0;
      if (at % step === 0 && slice.total(at) > 0 && composite?.isOpen(at) !== true) {
        sliceReliability = slice.good(at) / slice.total(at);
        total = 1;
        const target = rule?.objective.timeSliceTarget ?? 1;
        good = sliceIsGood(slice.good(at), slice.total(at), target) ? 1 : 0;
      }
    }
    const hasRow = isStored || hasData || at <= dataUntil || composite?.waits(at) === true;
    const dayBefore = totals.lastDay?.dayMs;
    const carried = composite?.carried() ?? null;
    if (hasRow) totals.push(at, good, total);
    if (hasRow) composite?.push(at, good, total);
    const status = rule === null ? null : statusOf(rule, rules, at, totals, straddles, composite, onStatus);
    const observed = status !== null && status.reliability !== null;
    if (!hasRow) {
      if (!observed) {
        // Nothing comes back into the window without new data or a new rule.
        const next = Math.min(
          stored.at[storedIndex] ?? Number.POSITIVE_INFINITY,
          (changes[changeIndex]?.minuteMs ?? Number.POSITIVE_INFINITY) + MINUTE_MS,
          rules.nextChange(at),
        );
        at = Math.max(at + MINUTE_MS, next);
        continue;
      }
      totals.push(at, 0, 0);
      composite?.push(at, 0, 0);
    }
    const day = totals.lastDay;
    const opensDay = day !== null && day.dayMs !== dayBefore;
    if (opensDay && day.dayMs === at && dayBefore === undefined) {
      // The series begins with the last minute of a day; the row of that day's 00:00 says that nothing was before.
      out.inserts.add({
        ...ABSENT,
        series: rewrite.series,
        at: at - DAY_MS,
        baseGood: '0',
        baseTotal: '0',
        composite: carried,
      });
    }
    if (opensDay && day.dayMs !== at) {
      out.inserts.add({
        ...ABSENT,
        series: rewrite.series,
        at: day.dayMs,
        baseGood: day.good,
        baseTotal: day.total,
        composite: carried,
      });
    }
    const run = totals.lastRun;
    (isStored ? out.updates : out.inserts).add({
      series: rewrite.series,
      at,
      minute,
      runGood: run.good,
      runTotal: run.total,
      sliceReliability,
      status,
      state: status !== null && (observed || hasData || at <= dataUntil) ? status.state : null,
      composite: composite?.columns(at, rule, status) ?? null,
      baseGood: at % DAY_MS === 0 && day !== null ? day.good : null,
      baseTotal: at % DAY_MS === 0 && day !== null ? day.total : null,
    });
    at += MINUTE_MS;
  }
}

const ABSENT = {
  minute: {
    usedGood: Number.NaN,
    usedTotal: Number.NaN,
    receivedGood: Number.NaN,
    receivedBad: Number.NaN,
    receivedTotal: Number.NaN,
    value: Number.NaN,
    counterPoints: null,
    dataUnused: false,
  },
  runGood: { high: 0, low: 0 },
  runTotal: { high: 0, low: 0 },
  composite: null,
  sliceReliability: Number.NaN,
  status: null,
  state: null,
} as const;

function statusOf(
  rule: ObjectiveRule,
  rules: RuleCursor,
  at: number,
  totals: RunningTotals,
  straddles: Straddles,
  composite: CompositeWalk | undefined,
  onStatus: Rewrite['onStatus'],
): ObjectiveStatus {
  const window = rules.window(at);
  const straddle = straddles.of(window);
  const options = straddle === undefined ? { window } : { window, straddle };
  const seen =
    composite === undefined ? { sums: totals.between, options } : composite.view(at, totals.between, options);
  const status = objectiveStatus(rule, at, seen.sums, seen.options);
  onStatus?.(status, rule, seen.sums, seen.options);
  return status;
}

function isReceived(minute: MinuteColumns): boolean {
  if (minute.dataUnused) return true;
  return !(
    Number.isNaN(minute.usedTotal) &&
    Number.isNaN(minute.receivedGood) &&
    Number.isNaN(minute.receivedBad) &&
    Number.isNaN(minute.receivedTotal)
  );
}

/** Sets the minute to what stands with the change laid over it. */
function readMinute(
  minute: WalkedMinute,
  stored: StoredMinutes | null,
  i: number,
  change: MinuteChange | null,
): void {
  if (change !== null && 'used' in change) {
    setSettled(minute, change, change.used, change.dataUnused);
    return;
  }
  if (stored === null && change !== null) {
    setSettled(minute, change, usedOf(change), false);
    return;
  }
  setStored(minute, stored, i);
  if (change === null) return;
  const standing = isReceived(minute) ? receivedOfRow(change.minuteMs, minute) : null;
  const received = mergeReceived(standing, change);
  setSettled(minute, received, usedOf(received), false);
}

function setStored(minute: WalkedMinute, stored: StoredMinutes | null, i: number): void {
  minute.setUsed(stored?.usedGood[i] ?? Number.NaN, stored?.usedTotal[i] ?? Number.NaN);
  minute.setReceived(
    stored?.receivedGood[i] ?? Number.NaN,
    stored?.receivedBad[i] ?? Number.NaN,
    stored?.receivedTotal[i] ?? Number.NaN,
  );
  minute.value = stored?.value[i] ?? Number.NaN;
  const at = stored?.at[i] ?? Number.NaN;
  minute.counterPoints = stored?.counterPoints.get(at) ?? null;
  minute.dataUnused = stored?.dataUnused.has(at) ?? false;
}

function setSettled(
  minute: WalkedMinute,
  { good, bad, total, value, points }: MinuteReceived,
  used: UsedCounts | null,
  dataUnused: boolean,
): void {
  const asItCame =
    used !== null && points === undefined && bad === null && good === used.good && total === used.total;
  minute.setUsed(used?.good ?? Number.NaN, used?.total ?? Number.NaN);
  if (asItCame) minute.setReceived(Number.NaN, Number.NaN, Number.NaN);
  else minute.setReceived(orNaN(good), orNaN(bad), orNaN(total));
  minute.value = orNaN(value);
  minute.counterPoints = points === undefined ? null : JSON.stringify(points);
  minute.dataUnused = dataUnused;
}

/** What came in, out of a row that says it only where it differs from what was used. */
export function receivedOfRow(
  minuteMs: number,
  row: Omit<MinuteColumns, 'counterPoints' | 'dataUnused'>,
): MinuteReceived {
  const differs =
    !Number.isNaN(row.receivedGood) || !Number.isNaN(row.receivedBad) || !Number.isNaN(row.receivedTotal);
  return {
    minuteMs,
    good: orNull(differs ? row.receivedGood : row.usedGood),
    bad: orNull(differs ? row.receivedBad : Number.NaN),
    total: orNull(differs ? row.receivedTotal : row.usedTotal),
    value: orNull(row.value),
  };
}
