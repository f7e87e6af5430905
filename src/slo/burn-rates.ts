import { formatDuration } from '../lib/duration.ts';
import type { AlertSeverity, BurnRateCondition } from './alert-policy.ts';
import { conditionHolds } from './alerting.ts';
import type { Sums } from './burn-rate.ts';
import { BURN_RATE_WINDOW_MS, BURN_WINDOWS, badOf, burnRateOf, errorRatio, isObserved } from './burn-rate.ts';
import type { TimeWindow } from './definition.ts';
import type { ObjectiveRule, StatusOptions, SumsBetween } from './rule.ts';
import { burnOver, conditionsOf, lastInstant, lookbackReach, shownUnit, windowSums } from './rule.ts';
import { windowAt } from './window.ts';

/** The burn over one window; everything null when nothing was observed in it. */
export interface WindowBurnRate {
  /** `5m` ... `3d`; the SLO's own as `28d`, or for a calendar window `month` or `2 months`. */
  readonly window: string;
  readonly burnRate: number | null;
  readonly errorRatio: number | null;
  /** Events; minutes for time slices. */
  readonly good: number | null;
  readonly total: number | null;
}

/** Whether a condition of the alert policy holds at the time asked for. */
export interface ConditionState {
  readonly severity: AlertSeverity;
  readonly longWindow: string;
  readonly shortWindow: string;
  readonly factor: number;
  readonly holds: boolean;
  /** Since when its alert fires; null while it does not. */
  readonly firingSinceMs: number | null;
}

export interface ObjectiveBurnRate {
  readonly objective: string;
  readonly target: number;
  /** Over the last hour. */
  readonly burnRate: number | null;
  /** The fixed windows, then the SLO's own, once only where it is one of them. */
  readonly windows: readonly WindowBurnRate[];
  readonly alerts: readonly ConditionState[];
}

/** All burn rates and conditions of an objective at `tMs`. Asks for at most `burnRateInstants`. */
export function burnRates(
  rule: ObjectiveRule,
  tMs: number,
  sums: SumsBetween,
  options: StatusOptions = {},
  firingSince: (condition: BurnRateCondition) => number | null = () => null,
): ObjectiveBurnRate {
  const { target, name } = rule.objective;
  const window = options.window ?? windowAt(rule.timeWindow, tMs);
  const lookbackEndMs = options.lookbackEndMs ?? tMs;
  const last = lastInstant(rule, lookbackEndMs);
  const windows = BURN_WINDOWS.map(({ label, ms }) => {
    const reach = lookbackReach(rule, ms);
    return burnOf(rule, label, sums(last - reach, last), reach / rule.sliceMs);
  });
  const own = windowLabel(rule.timeWindow);
  if (!BURN_WINDOWS.some(({ label }) => label === own)) {
    const slices = (last - Math.floor(window.startMs / rule.sliceMs) * rule.sliceMs) / rule.sliceMs;
    // A rolling window of its own is a lookback like the others.
    const seen = window.rolling
      ? sums(last - window.lengthMs, last)
      : windowSums(rule, window, tMs, sums, options.straddle);
    windows.push(burnOf(rule, own, seen, window.rolling ? window.lengthMs / rule.sliceMs : slices));
  }

  const known = new Map<number, number | null>();
  const over = (lookbackMs: number): number | null => {
    const before = known.get(lookbackMs);
    if (before !== undefined) return before;
    const burn = burnOver(rule, lookbackMs, lookbackEndMs, sums);
    known.set(lookbackMs, burn);
    return burn;
  };
  return {
    objective: name,
    target,
    burnRate: over(BURN_RATE_WINDOW_MS),
    windows,
    alerts: conditionsOf(rule, window.lengthMs).map((condition) => ({
      severity: condition.severity,
      longWindow: formatDuration(condition.longMs),
      shortWindow: formatDuration(condition.shortMs),
      factor: condition.factor,
      holds: conditionHolds(condition, over(condition.longMs), over(condition.shortMs)),
      firingSinceMs: firingSince(condition),
    })),
  };
}

/** `28d` for a rolling window; `month`, `2 months` for a calendar one. */
function windowLabel(timeWindow: TimeWindow): string {
  if (timeWindow.type === 'rolling') return formatDuration(timeWindow.durationMs);
  const { unit, count } = timeWindow;
  return count === 1 ? unit : `${count} ${unit}s`;
}

function burnOf(rule: ObjectiveRule, label: string, sums: Sums, slices: number): WindowBurnRate {
  if (!isObserved(sums)) return { window: label, burnRate: null, errorRatio: null, good: null, total: null };
  const ratio = errorRatio(rule.budgetingMethod, sums, slices);
  const unit = shownUnit(rule, sums.total);
  return {
    window: label,
    burnRate: burnRateOf(ratio, rule.objective.target),
    errorRatio: ratio,
    good: unit * (sums.total - badOf(sums)),
    total: unit * sums.total,
  };
}
