import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { BurnRateCondition } from './alert-policy.ts';
import { defaultConditions } from './alerting.ts';
import type { Sums } from './burn-rate.ts';
import { burnRateOf, errorRatio, isObserved } from './burn-rate.ts';
import type { BudgetingMethod, Objective, TimeWindow } from './definition.ts';
import { sliceIsGood } from './sli.ts';
import type { ResolvedWindow } from './window.ts';

/**
 * The sums over a range. Occurrences: used good and total of the minute buckets in `[fromMs, toMs)`. Time
 * slices: good observed slices and observed slices whose end is in `(fromMs, toMs]`; both bounds are then
 * multiples of the slice. Either is a difference of running totals, so that any range costs the same.
 */
export type SumsBetween = (fromMs: number, toMs: number) => Sums;

/** What decides the status of one objective at a time. */
export interface ObjectiveRule {
  readonly objective: Objective;
  readonly budgetingMethod: BudgetingMethod;
  readonly sliceMs: number;
  readonly timeWindow: TimeWindow;
  /** Counts of a composite by occurrences are shares of one. */
  readonly isComposite?: boolean;
  /** By default the Workbook's four, scaled to the length of the window. */
  readonly conditions?: readonly BurnRateCondition[];
}

/** What came in for the minutes of the slice that straddles the start of a calendar window. */
export interface StraddleSums extends Sums {
  /** The slice target in force in that slice; the rule's own when left out. */
  readonly timeSliceTarget?: number;
}

export interface StatusOptions {
  /** Used sums over `straddlingSlice(window, sliceMs)`; left out when nothing was observed there. */
  readonly straddle?: StraddleSums;
  /** A window found earlier for this time, or the period of a report. */
  readonly window?: ResolvedWindow;
  /** Where burn-rate lookbacks end; the status's own time by default. */
  readonly lookbackEndMs?: number;
}

const NOTHING: Sums = { good: 0, total: 0 };

/**
 * For a calendar window that starts inside a slice: the slice's minutes from the start of the window on.
 * That slice uses only these. Null for a rolling or an aligned window.
 */
export function straddlingSlice(
  window: ResolvedWindow,
  sliceMs: number,
): { readonly fromMs: number; readonly toMs: number } | null {
  if (window.rolling || window.startMs % sliceMs === 0) return null;
  return { fromMs: window.startMs, toMs: floorTo(window.startMs, sliceMs) + sliceMs };
}

/** The instant up to which a status at `tMs` asks for sums: the last complete minute's or slice's end. */
export function lastInstant(rule: ObjectiveRule, tMs: number): number {
  return floorTo(tMs, stepOf(rule));
}

/** Events as they are shown: those of a composite are shares of all that was observed. */
export function shownUnit(rule: ObjectiveRule, total: number): number {
  if (rule.budgetingMethod === 'timeslices') return rule.sliceMs / MINUTE_MS;
  return rule.isComposite === true ? 1 / total : 1;
}

/** How far back of `lastInstant` a lookback reaches: whole slices, at least as long as the lookback. */
export function lookbackReach(rule: ObjectiveRule, lookbackMs: number): number {
  const step = stepOf(rule);
  return Math.ceil(lookbackMs / step) * step;
}

/** The instant from which the window's own sums are asked for, after a slice that straddles its start. */
export function windowInstant(rule: ObjectiveRule, window: ResolvedWindow): number {
  if (rule.budgetingMethod === 'occurrences') return window.startMs;
  return straddlingSlice(window, rule.sliceMs)?.toMs ?? floorTo(window.startMs, rule.sliceMs);
}

/** The burn rate over a lookback that ends at `tMs`; null when nothing was observed in it. */
export function burnOver(
  rule: ObjectiveRule,
  lookbackMs: number,
  tMs: number,
  sums: SumsBetween,
): number | null {
  const reach = lookbackReach(rule, lookbackMs);
  const toMs = lastInstant(rule, tMs);
  const ratio = errorRatio(rule.budgetingMethod, sums(toMs - reach, toMs), reach / stepOf(rule));
  return burnRateOf(ratio, rule.objective.target);
}

/** What the window has seen so far, the straddling slice by its own minutes. */
export function windowSums(
  rule: ObjectiveRule,
  window: ResolvedWindow,
  tMs: number,
  sums: SumsBetween,
  straddle: StraddleSums | undefined,
): Sums {
  const fromMs = windowInstant(rule, window);
  const toMs = lastInstant(rule, tMs);
  const rest = fromMs < toMs ? sums(fromMs, toMs) : NOTHING;
  if (rule.budgetingMethod === 'occurrences' || straddle === undefined || !isObserved(straddle)) return rest;
  // Before the slice is complete it does not count.
  if (toMs < fromMs || straddlingSlice(window, rule.sliceMs) === null) return rest;
  const sliceTarget = straddle.timeSliceTarget ?? rule.objective.timeSliceTarget ?? 1;
  const good = sliceIsGood(straddle.good, straddle.total, sliceTarget) ? 1 : 0;
  return { good: rest.good + good, total: rest.total + 1 };
}

/** The burn-rate conditions in force for a window of this length: none looks back further. */
export function conditionsOf(rule: ObjectiveRule, periodMs: number): readonly BurnRateCondition[] {
  const own = rule.conditions;
  if (own === undefined) return defaultConditions(periodMs);
  return own.every(({ longMs }) => longMs <= periodMs) ? own : own.filter(({ longMs }) => longMs <= periodMs);
}

/** How an SLO and its rules count. */
type Counting = Pick<ObjectiveRule, 'budgetingMethod' | 'sliceMs'>;

/** What is counted by: minutes, or time slices. */
export function stepOf({ budgetingMethod, sliceMs }: Counting): number {
  return budgetingMethod === 'timeslices' ? sliceMs : MINUTE_MS;
}

/** The end of a minute, or of the slice that holds it: by then it has been counted. */
export function endOfCount(counting: Counting, minuteMs: number): number {
  const step = stepOf(counting);
  return floorTo(minuteMs, step) + step;
}

/** Slices that end in the window, future ones included. */
export function slicesOf(window: ResolvedWindow, sliceMs: number): number {
  if (window.rolling) return window.lengthMs / sliceMs;
  return (floorTo(window.endMs, sliceMs) - floorTo(window.startMs, sliceMs)) / sliceMs;
}
