import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import { atLeast, below } from './budget.ts';
import type { CalendarUnit } from './definition.ts';
import type { ObjectiveRule } from './rule.ts';
import { sliceIsGood } from './sli.ts';
import type { ObjectiveStatus } from './status.ts';

export type ReportPeriod = CalendarUnit;

/** The used counts of a minute within a report's period. */
export interface ReportMinute {
  readonly minuteMs: number;
  readonly good: number;
  readonly total: number;
}

/** How the minutes of a period went, beside its sums. */
export interface MinuteFigures {
  /** Minutes with used events. */
  readonly minutesObserved: number;
  readonly minutesBad: number;
  /** Minutes of the longest stretch in which every minute was bad. */
  readonly longestBadRun: number;
}

/** One objective over one closed or open period. */
export interface ReportRow extends MinuteFigures {
  readonly objective: string;
  /** `[startMs, endMs)`. */
  readonly startMs: number;
  readonly endMs: number;
  /** The period has not ended: the figures are those so far. */
  readonly open: boolean;
  readonly target: number;
  /** Null without data, like everything that follows from it. */
  readonly reliability: number | null;
  readonly met: boolean | null;
  /** Events; minutes for time slices. */
  readonly good: number | null;
  readonly total: number | null;
  readonly bad: number | null;
  /** The share of the error budget that was spent: 1 is all of it, more is overspent. */
  readonly budgetUsed: number | null;
  /** Null where they were not counted. */
  readonly alertsFired: number | null;
}

/**
 * A report row from the status at the end of the period, or now for an open one, which was computed with the
 * period as its window, and from what its minutes and alerts tell.
 */
export function reportRow(
  status: ObjectiveStatus,
  minutes: MinuteFigures,
  alertsFired: number | null,
  open: boolean,
): ReportRow {
  const { budget } = status;
  return {
    objective: status.objective,
    startMs: status.window.startMs,
    endMs: status.window.endMs,
    open,
    target: status.target,
    reliability: status.reliability,
    // A budget spent to the last bit still meets the target.
    met: budget === null ? null : atLeast(budget, 0),
    good: status.countGood,
    total: status.countTotal,
    bad: status.badUsed,
    budgetUsed: budget === null ? null : 1 - budget,
    minutesObserved: minutes.minutesObserved,
    minutesBad: minutes.minutesBad,
    longestBadRun: minutes.longestBadRun,
    alertsFired,
  };
}

/**
 * What the used minutes of `[fromMs, toMs)` tell, `minutes` being ascending and within it. Occurrences: a
 * minute is bad when it was observed and its own good/total is below the target. Time slices: all minutes of
 * a bad slice are bad, observed or not; a slice that straddles `fromMs` is judged by its minutes from there,
 * one that is not complete at `toMs` does not count.
 */
export function minuteFigures(
  rule: ObjectiveRule,
  fromMs: number,
  toMs: number,
  minutes: readonly ReportMinute[],
): MinuteFigures {
  const bad =
    rule.budgetingMethod === 'occurrences'
      ? minutes
          .filter(({ good, total }) => total > 0 && below(good / total, rule.objective.target))
          .map(({ minuteMs }): Stretch => ({ fromMs: minuteMs, toMs: minuteMs + MINUTE_MS }))
      : badSlices(rule, fromMs, toMs, minutes);
  return {
    minutesObserved: minutes.reduce((count, { total }) => (total > 0 ? count + 1 : count), 0),
    minutesBad: bad.reduce((count, stretch) => count + (stretch.toMs - stretch.fromMs) / MINUTE_MS, 0),
    longestBadRun: longestRun(bad) / MINUTE_MS,
  };
}

interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

function badSlices(
  rule: ObjectiveRule,
  fromMs: number,
  toMs: number,
  minutes: readonly ReportMinute[],
): Stretch[] {
  const sums = new Map<number, { good: number; total: number }>();
  for (const { minuteMs, good, total } of minutes) {
    const startMs = floorTo(minuteMs, rule.sliceMs);
    const sum = sums.get(startMs);
    if (sum === undefined) sums.set(startMs, { good, total });
    else {
      sum.good += good;
      sum.total += total;
    }
  }
  const sliceTarget = rule.objective.timeSliceTarget ?? 1;
  const stretches: Stretch[] = [];
  for (const [startMs, { good, total }] of sums) {
    const endMs = startMs + rule.sliceMs;
    if (endMs <= toMs && total > 0 && !sliceIsGood(good, total, sliceTarget)) {
      stretches.push({ fromMs: Math.max(startMs, fromMs), toMs: endMs });
    }
  }
  return stretches;
}

/** The longest stretch without a gap, in milliseconds; `stretches` ascend and do not overlap. */
function longestRun(stretches: readonly Stretch[]): number {
  let longest = 0;
  let runStart = 0;
  let runEnd = Number.NEGATIVE_INFINITY;
  for (const { fromMs, toMs } of stretches) {
    if (fromMs !== runEnd) runStart = fromMs;
    runEnd = toMs;
    longest = Math.max(longest, runEnd - runStart);
  }
  return longest;
}
