import { floorTo, MINUTE_MS, SECOND_MS } from '../lib/duration.ts';
import { conditionHolds } from './alerting.ts';
import {
  allowedErrorRatio,
  atLeast,
  atMost,
  below,
  budgetMinutesRemaining,
  remainingBudget,
  timeToExhaustionSeconds,
} from './budget.ts';
import { BURN_RATE_WINDOW_MS, badOf, isObserved } from './burn-rate.ts';
import type { SloState } from './definition.ts';
import type { ObjectiveRule, StatusOptions, SumsBetween } from './rule.ts';
import { burnOver, conditionsOf, shownUnit, slicesOf, windowSums } from './rule.ts';
import type { ResolvedWindow } from './window.ts';
import { windowAt } from './window.ts';

export type { Sums } from './burn-rate.ts';
export type { SloState } from './definition.ts';
export type { ObjectiveRule, StatusOptions, StraddleSums, SumsBetween } from './rule.ts';

export interface ObjectiveStatus {
  /** The status's time, floored to the minute. */
  readonly atMs: number;
  readonly objective: string;
  readonly state: SloState;
  readonly target: number;
  /** Null when nothing was observed in the window; budget and counts are null exactly then. */
  readonly reliability: number | null;
  readonly budget: number | null;
  /** Over the last hour; null when nothing was observed in it. */
  readonly burnRate: number | null;
  /** Events; minutes for time slices. */
  readonly countGood: number | null;
  readonly countTotal: number | null;
  readonly badAllowed: number | null;
  readonly badUsed: number | null;
  readonly budgetMinutesRemaining: number | null;
  readonly timeToExhaustionSeconds: number | null;
  readonly window: ResolvedWindow;
  /** Events, or time slices, that were observed in the window. */
  readonly observed: number;
}

/** A budget below this is at risk. */
export const AT_RISK_BUDGET = 0.25;

/** The status of an objective at `tMs`. Asks for at most `statusInstants` and as few ranges as decide it. */
export function objectiveStatus(
  rule: ObjectiveRule,
  tMs: number,
  sums: SumsBetween,
  options: StatusOptions = {},
): ObjectiveStatus {
  const { objective, budgetingMethod: method, sliceMs } = rule;
  const { target } = objective;
  const atMs = floorTo(tMs, MINUTE_MS);
  const window = options.window ?? windowAt(rule.timeWindow, atMs);
  const measured = windowSums(rule, window, atMs, sums, options.straddle);
  const lookbackEndMs = options.lookbackEndMs ?? atMs;
  const hourlyBurn = burnOver(rule, BURN_RATE_WINDOW_MS, lookbackEndMs, sums);

  if (!isObserved(measured)) {
    return {
      atMs,
      objective: objective.name,
      state: 'no_data',
      target,
      reliability: null,
      budget: null,
      burnRate: hourlyBurn,
      countGood: null,
      countTotal: null,
      badAllowed: null,
      badUsed: null,
      budgetMinutesRemaining: null,
      timeToExhaustionSeconds: null,
      window,
      observed: 0,
    };
  }

  const bad = badOf(measured);
  // What the budget is a share of: the events so far, or all slices of the window, future ones included.
  const whole = method === 'occurrences' ? measured.total : slicesOf(window, sliceMs);
  const unit = shownUnit(rule, whole);
  const badRatio = bad / whole;
  const budget = remainingBudget(badRatio, target);
  return {
    atMs,
    objective: objective.name,
    state: stateOf(rule, budget, window.lengthMs, lookbackEndMs, sums, hourlyBurn),
    target,
    reliability: (whole - bad) / whole,
    budget,
    burnRate: hourlyBurn,
    countGood: unit * (measured.total - bad),
    countTotal: unit * measured.total,
    badAllowed: unit * allowedErrorRatio(target) * whole,
    badUsed: unit * bad,
    budgetMinutesRemaining: budgetMinutesRemaining(budget, target, window.lengthMs / MINUTE_MS),
    timeToExhaustionSeconds: exhaustionWithin(window, atMs, budget, hourlyBurn),
    window,
    observed: measured.total,
  };
}

/** The worst of several objectives' states; `no_data` for none. */
export function worstState(states: readonly SloState[]): SloState {
  const order: readonly SloState[] = ['exhausted', 'at_risk', 'healthy'];
  return order.find((state) => states.includes(state)) ?? 'no_data';
}

function stateOf(
  rule: ObjectiveRule,
  budget: number,
  periodMs: number,
  atMs: number,
  sums: SumsBetween,
  hourlyBurn: number | null,
): SloState {
  if (atMost(budget, 0)) return 'exhausted';
  if (below(budget, AT_RISK_BUDGET)) return 'at_risk';
  for (const condition of conditionsOf(rule, periodMs)) {
    if (condition.severity !== 'page') continue;
    const long =
      condition.longMs === BURN_RATE_WINDOW_MS ? hourlyBurn : burnOver(rule, condition.longMs, atMs, sums);
    if (long === null || !atLeast(long, condition.factor)) continue;
    if (conditionHolds(condition, long, burnOver(rule, condition.shortMs, atMs, sums))) return 'at_risk';
  }
  return 'healthy';
}

function exhaustionWithin(
  window: ResolvedWindow,
  atMs: number,
  budget: number,
  hourlyBurn: number | null,
): number | null {
  const seconds = timeToExhaustionSeconds(budget, hourlyBurn, window.lengthMs / SECOND_MS);
  if (seconds === null || window.rolling) return seconds;
  return atMost(seconds, (window.endMs - atMs) / SECOND_MS) ? seconds : null;
}
