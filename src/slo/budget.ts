/** Computed values this close to a bound count as equal to it. */
export const TOLERANCE = 1e-9;

export function atLeast(value: number, bound: number): boolean {
  return value >= bound - TOLERANCE;
}

export function atMost(value: number, bound: number): boolean {
  return value <= bound + TOLERANCE;
}

/** Strictly below, and not merely by a rounding error. */
export function below(value: number, bound: number): boolean {
  return value < bound - TOLERANCE;
}

/**
 * The share of events or slices that may be bad: `1 - target`, without the dust of binary fractions
 * (`1 - 0.999` is 0.0010000000000000009), which a target close to 1 would magnify in burn rates.
 */
export function allowedErrorRatio(target: number): number {
  const exact = 1 - target;
  const rounded = Math.round(exact * 1e15) / 1e15;
  return rounded > 0 ? rounded : exact;
}

/** 1 is untouched, 0 is spent, negative is overspent. `errorRatio` is the share that was bad. */
export function remainingBudget(errorRatio: number, target: number): number {
  return 1 - errorRatio / allowedErrorRatio(target);
}

/** How many minutes of full outage the budget still covers; negative when overspent. */
export function budgetMinutesRemaining(budget: number, target: number, windowMinutes: number): number {
  return budget * allowedErrorRatio(target) * windowMinutes;
}

/**
 * Seconds until the budget is spent at the given burn rate. 0 when it is spent already; null when unknown
 * or when the burn rate would never spend it.
 */
export function timeToExhaustionSeconds(
  budget: number | null,
  burnRate: number | null,
  windowSeconds: number,
): number | null {
  if (budget === null) return null;
  if (atMost(budget, 0)) return 0;
  if (burnRate === null || atMost(burnRate, 1)) return null;
  return (budget * windowSeconds) / burnRate;
}
