import { DAY_MS, floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { BurnRateCondition } from './alert-policy.ts';
import { firstWindow } from './alerting.ts';
import { BURN_RATE_WINDOW_MS, BURN_WINDOWS } from './burn-rate.ts';
import type { Slo } from './definition.ts';
import type { ObjectiveRule, SumsBetween } from './rule.ts';
import {
  burnOver,
  conditionsOf,
  endOfCount,
  lastInstant,
  lookbackReach,
  stepOf,
  windowInstant,
} from './rule.ts';
import type { ResolvedWindow } from './window.ts';
import { windowAt } from './window.ts';

/**
 * How far back of `lastInstant(rule, t)` `objectiveStatus` may ask for sums, beside its window, in
 * milliseconds, ascending. The same for every t.
 */
export function statusLookbacks(rule: ObjectiveRule): readonly number[] {
  const conditions = conditionsOf(rule, shortestPeriod(rule));
  const step = stepOf(rule);
  const known = knownLookbacks.get(conditions);
  if (known?.step === step) return known.reaches;
  const reaches = [lookbackReach(rule, BURN_RATE_WINDOW_MS)];
  for (const { severity, longMs, shortMs } of conditions) {
    if (severity === 'page') reaches.push(lookbackReach(rule, longMs), lookbackReach(rule, shortMs));
  }
  const sorted = ascending(reaches);
  knownLookbacks.set(conditions, { step, reaches: sorted });
  return sorted;
}

/** Of the conditions that were asked about last with that step: nearly all SLOs share the default ones. */
const knownLookbacks = new WeakMap<
  readonly BurnRateCondition[],
  { readonly step: number; readonly reaches: readonly number[] }
>();

/** As `statusLookbacks`, and how far back the alerts look that are judged with each status. */
export function judgedLookbacks(rule: ObjectiveRule): readonly number[] {
  const longestPeriod = rule.timeWindow.type === 'rolling' ? rule.timeWindow.durationMs : LONGEST_PERIOD_MS;
  const conditions = conditionsOf(rule, longestPeriod);
  const reaches = conditions.flatMap(({ longMs, shortMs }) => [longMs, shortMs]);
  return ascending([...statusLookbacks(rule), ...reaches.map((ms) => lookbackReach(rule, ms))]);
}

/** Every instant whose running totals can be needed to judge a status and its alerts at `tMs`, ascending. */
export function judgedInstants(rule: ObjectiveRule, tMs: number): number[] {
  const last = lastInstant(rule, tMs);
  return ascending([...judgedLookbacks(rule).map((reach) => last - reach), ...statusInstants(rule, tMs)]);
}

/**
 * Of these, the instants that judging begins with: those of the window, of the burn rate, and of the first
 * window of each condition.
 */
export function firstInstants(rule: ObjectiveRule, tMs: number): number[] {
  const window = windowAt(rule.timeWindow, tMs);
  const last = lastInstant(rule, tMs);
  const instants = conditionsOf(rule, window.lengthMs).map(
    (condition) => last - lookbackReach(rule, firstWindow(condition).firstMs),
  );
  instants.push(last - lookbackReach(rule, BURN_RATE_WINDOW_MS));
  return ascending([...instants, Math.min(windowInstant(rule, window), last), last]);
}

/**
 * The instants that are then asked for: of the other window of each condition whose first one burns, or all but
 * does, by the sums that are known so far.
 */
export function furtherInstants(rule: ObjectiveRule, tMs: number, sums: SumsBetween): number[] {
  const { lengthMs } = windowAt(rule.timeWindow, tMs);
  return conditionsOf(rule, lengthMs).flatMap((condition) => {
    const { firstMs, otherMs } = firstWindow(condition);
    const burn = burnOver(rule, firstMs, tMs, sums);
    if (burn === null || burn < condition.factor * ALL_BUT) return [];
    return [lastInstant(rule, tMs) - lookbackReach(rule, otherMs)];
  });
}

/** Sums that are made in another order come out different in their last digits. */
const ALL_BUT = 1 - 1e-6;

/** Every instant whose running totals can be needed to answer `objectiveStatus` at `tMs`, ascending. */
export function statusInstants(
  rule: ObjectiveRule,
  tMs: number,
  window: ResolvedWindow = windowAt(rule.timeWindow, tMs),
): number[] {
  const last = lastInstant(rule, tMs);
  const start = Math.min(windowInstant(rule, window), last);
  const lookbacks = statusLookbacks(rule);
  // In their order as they are made: a page of SLOs makes thousands, and sorting each took a tenth of its time.
  const instants: number[] = [];
  for (let i = lookbacks.length - 1; i >= 0; i -= 1) {
    const instant = last - (lookbacks[i] ?? 0);
    if (start < instant && start > (instants.at(-1) ?? Number.NEGATIVE_INFINITY)) instants.push(start);
    instants.push(instant);
  }
  for (const instant of [start, last]) {
    if (instant > (instants.at(-1) ?? Number.NEGATIVE_INFINITY)) instants.push(instant);
  }
  return instants;
}

/**
 * Of `statusInstants` those that a status asks for only where a page condition burns over its long window: the starts
 * of the short ones.
 */
export function rareInstants(
  rule: ObjectiveRule,
  tMs: number,
  window: ResolvedWindow = windowAt(rule.timeWindow, tMs),
): number[] {
  const last = lastInstant(rule, tMs);
  const short: number[] = [];
  const common = [last, windowInstant(rule, window), last - lookbackReach(rule, BURN_RATE_WINDOW_MS)];
  for (const { severity, longMs, shortMs } of conditionsOf(rule, shortestPeriod(rule))) {
    if (severity !== 'page') continue;
    common.push(last - lookbackReach(rule, longMs));
    short.push(last - lookbackReach(rule, shortMs));
  }
  return short.filter((instant) => !common.includes(instant));
}

/** Whether two rules have the same instants at every time. Some that have are not found out. */
export function looksBackAlike(one: ObjectiveRule, other: ObjectiveRule): boolean {
  return (
    one.budgetingMethod === other.budgetingMethod &&
    one.sliceMs === other.sliceMs &&
    one.conditions === other.conditions &&
    one.timeWindow.type === 'rolling' &&
    other.timeWindow.type === 'rolling' &&
    one.timeWindow.durationMs === other.timeWindow.durationMs
  );
}

/** Every instant whose running totals can be needed to answer `burnRates` at `tMs`, ascending. */
export function burnRateInstants(
  rule: ObjectiveRule,
  tMs: number,
  window: ResolvedWindow = windowAt(rule.timeWindow, tMs),
): number[] {
  const last = lastInstant(rule, tMs);
  const lookbacks = BURN_WINDOWS.map(({ ms }) => ms);
  for (const { longMs, shortMs } of conditionsOf(rule, window.lengthMs)) lookbacks.push(longMs, shortMs);
  const instants = lookbacks.map((lookbackMs) => last - lookbackReach(rule, lookbackMs));
  instants.push(Math.min(windowInstant(rule, window), last), last);
  return ascending(instants);
}

/** SLIs that count by data of their own alone. */
const OWN_DATA: readonly string[] = ['ratio', 'threshold'];

/**
 * The instants, ascending, each moved to where the same was counted and a row stands: nothing had come in before the
 * first data, where only the first day's row of 00:00 stands, and nothing came in after the last data. Those between stay.
 */
export function countedInstants(slo: Slo, instants: readonly number[]): readonly number[] {
  const { firstDataAtMs, lastDataAtMs } = slo;
  if (!OWN_DATA.includes(slo.sli.type) || firstDataAtMs === null || lastDataAtMs === null) return instants;
  const lastMs = endOfCount(slo, lastDataAtMs);
  if ((instants[0] ?? 0) > firstDataAtMs && (instants.at(-1) ?? 0) <= lastMs) return instants;
  const firstRowMs = floorTo(firstDataAtMs + MINUTE_MS - 1, DAY_MS);
  const moved: number[] = [];
  for (const instant of instants) {
    const counted = instant <= firstDataAtMs ? firstRowMs : Math.min(instant, lastMs);
    if (counted !== moved.at(-1)) moved.push(counted);
  }
  return moved;
}

/** Past every period that conditions are left out for. */
const LONGEST_PERIOD_MS = 400 * 366 * DAY_MS;

/** No calendar period is shorter than a day of 23 hours, which leaves every default page condition in. */
function shortestPeriod(rule: ObjectiveRule): number {
  return rule.timeWindow.type === 'rolling' ? rule.timeWindow.durationMs : DAY_MS;
}

function ascending(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}
