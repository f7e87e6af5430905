import { DAY_MS, HOUR_MS, MINUTE_MS } from '../lib/duration.ts';
import { allowedErrorRatio } from './budget.ts';
import type { BudgetingMethod } from './definition.ts';

/**
 * Sums over a range. Occurrences: used good and total of its minutes. Time slices: good observed slices and
 * observed slices.
 */
export interface Sums {
  readonly good: number;
  readonly total: number;
}

export interface BurnWindow {
  readonly label: string;
  readonly ms: number;
}

/** The windows whose burn rates are shown, beside the SLO's own. */
export const BURN_WINDOWS: readonly BurnWindow[] = [
  { label: '5m', ms: 5 * MINUTE_MS },
  { label: '30m', ms: 30 * MINUTE_MS },
  { label: '1h', ms: HOUR_MS },
  { label: '2h', ms: 2 * HOUR_MS },
  { label: '6h', ms: 6 * HOUR_MS },
  { label: '1d', ms: DAY_MS },
  { label: '3d', ms: 3 * DAY_MS },
];

/** Wherever one burn rate is shown, it is over this lookback. */
export const BURN_RATE_WINDOW_MS = HOUR_MS;

/** Whether the range holds any observation: no data is absent, not zero. */
export function isObserved(sums: Sums): boolean {
  return sums.total > 0;
}

/** Bad events or slices, never negative. */
export function badOf(sums: Sums): number {
  return Math.max(0, sums.total - sums.good);
}

/**
 * The share that was bad in a range; null when nothing was observed. For time slices `slices` is the number
 * of slices that the range covers, observed or not: one that was not observed counts as good.
 */
export function errorRatio(method: BudgetingMethod, sums: Sums, slices: number): number | null {
  if (!isObserved(sums)) return null;
  switch (method) {
    case 'occurrences':
      return badOf(sums) / sums.total;
    case 'timeslices':
      return badOf(sums) / slices;
  }
}

/** How many times faster than allowed the budget burns; 1 spends it exactly over the window. */
export function burnRateOf(ratio: number | null, target: number): number | null {
  return ratio === null ? null : ratio / allowedErrorRatio(target);
}
