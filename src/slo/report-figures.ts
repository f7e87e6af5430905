import type { MinuteFigures } from './minute-figures.ts';
import type { ReportRow } from './report.ts';

/** Figures closer than this are the same: sums of fractions are exact to it, and no further. */
const SAME = 1e-9;

const isSame = (a: number | null, b: number | null): boolean =>
  a === b || (a !== null && b !== null && Math.abs(a - b) <= SAME * Math.max(1, Math.abs(a), Math.abs(b)));

/** Whether two rows of the same period say the same; if not, the later one revises the other. */
export function saySame(a: ReportRow, b: ReportRow): boolean {
  return (
    a.met === b.met &&
    isSame(a.endMs, b.endMs) &&
    isSame(a.target, b.target) &&
    isSame(a.reliability, b.reliability) &&
    isSame(a.good, b.good) &&
    isSame(a.total, b.total) &&
    isSame(a.bad, b.bad) &&
    isSame(a.budgetUsed, b.budgetUsed) &&
    a.minutesObserved === b.minutesObserved &&
    a.minutesBad === b.minutesBad &&
    a.longestBadRun === b.longestBadRun &&
    a.alertsFired === b.alertsFired
  );
}

/** What several stretches of time tell together. A run of bad minutes ends where a stretch does. */
export function joinFigures(stretches: readonly MinuteFigures[]): MinuteFigures {
  return {
    minutesObserved: stretches.reduce((sum, { minutesObserved }) => sum + minutesObserved, 0),
    minutesBad: stretches.reduce((sum, { minutesBad }) => sum + minutesBad, 0),
    longestBadRun: Math.max(0, ...stretches.map(({ longestBadRun }) => longestBadRun)),
  };
}
