import { HOUR_MS, MINUTE_MS } from '../lib/duration.ts';
import type { AlertPolicy, BurnRateCondition } from './alert-policy.ts';
import { addMinute, type HeldRuns } from './alert-runs.ts';
import { alertId } from './alert-state.ts';
import { alertKey, conditionHolds, policyConditions } from './alerting.ts';
import { atLeast, below, TOLERANCE } from './budget.ts';
import { burnOver, lookbackReach, type ObjectiveRule, type SumsBetween } from './rule.ts';

/** A condition whose long window reaches a change of the past for longer than anything else in a status does. */
export interface DeepCondition {
  /** Of its alert. */
  readonly id: string;
  readonly condition: BurnRateCondition;
}

/** The burn-rate conditions that look back further than `reachMs`, for a window of `lengthMs`. */
export function deepConditions(
  policy: AlertPolicy,
  rule: ObjectiveRule,
  lengthMs: number,
  reachMs: number,
): DeepCondition[] {
  return policyConditions(policy, lengthMs).flatMap((condition) =>
    condition.type === 'burn_rate' && lookbackReach(rule, condition.longMs) > reachMs
      ? [{ id: alertId(rule.objective.name, alertKey(condition)), condition }]
      : [],
  );
}

/**
 * Whether none of the conditions can hold where no hour of their short windows burns faster than that, null for no
 * burn rate at all: a window of whole hours burns no faster than its worst hour. By events only: not by time slices.
 */
export function cannotHold(conditions: readonly DeepCondition[], highestBurn: number | null): boolean {
  return conditions.every(
    ({ condition: { shortMs, factor } }) =>
      highestBurn === null || (shortMs % HOUR_MS === 0 && below(highestBurn, factor - TOLERANCE)),
  );
}

/** The minutes from `fromMs` to `untilMs` at which the conditions hold, by alert. */
export function deepRuns(
  conditions: readonly DeepCondition[],
  rule: ObjectiveRule,
  { fromMs, untilMs }: { readonly fromMs: number; readonly untilMs: number },
  sums: SumsBetween,
): Map<string, HeldRuns> {
  const runs = new Map<string, number[]>();
  for (let at = fromMs; at <= untilMs; at += MINUTE_MS) {
    for (const { id, condition } of conditions) {
      const short = burnOver(rule, condition.shortMs, at, sums);
      if (short === null || !atLeast(short, condition.factor)) continue;
      const long = burnOver(rule, condition.longMs, at, sums);
      if (conditionHolds(condition, long, short)) addMinute(runs, id, at / MINUTE_MS);
    }
  }
  return runs;
}
