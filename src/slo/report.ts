import { atLeast } from './budget.ts';
import type { CalendarUnit } from './definition.ts';
import type { MinuteFigures } from './minute-figures.ts';
import type { ObjectiveStatus } from './status.ts';

export type ReportPeriod = CalendarUnit;

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
