import Big from 'big.js';
import { DAY_MS, floorTo } from '../lib/duration.ts';
import { decimalSum } from '../slo/exact-sum.ts';
import type { LoadedMinutes } from '../storage/series-columns.ts';
import type { BaseShift } from '../storage/snapshot-rows.ts';
import type { SpannedSeries } from './series-plan.ts';

/** Counts as decimal text. */
export interface Counted {
  readonly good: string;
  readonly total: string;
}

/** All that was counted up to the last of the rows; null where there are none. */
export function endOfStored(stored: LoadedMinutes): Counted | null {
  const last = stored.at.length - 1;
  const base = stored.bases.at(-1);
  if (last < 0 || base === undefined) return null;
  return {
    good: decimalSum(base.good, stored.runGood[last] ?? 0, orZero(stored.runGoodLow[last])),
    total: decimalSum(base.total, stored.runTotal[last] ?? 0, orZero(stored.runTotalLow[last])),
  };
}

const orZero = (value: number | undefined): number =>
  value === undefined || Number.isNaN(value) ? 0 : value;

/** `after` without `before`. */
export function added(before: Counted, after: Counted): Counted {
  const difference = (to: string, from: string): string => new Big(to).minus(from).toFixed();
  return { good: difference(after.good, before.good), total: difference(after.total, before.total) };
}

/** What was added in the span is to be added to the bases of the days after it. */
export function shiftsAfter(
  { key, span, lastRowMs }: Pick<SpannedSeries, 'key' | 'span' | 'lastRowMs'>,
  { good, total }: Counted,
): BaseShift[] {
  if (lastRowMs === null || (good === '0' && total === '0')) return [];
  const shifts: BaseShift[] = [];
  for (let dayMs = floorTo(span.untilMs, DAY_MS) + DAY_MS; dayMs <= lastRowMs; dayMs += DAY_MS) {
    shifts.push({ key, dayMs, good, total });
  }
  return shifts;
}
