import { MINUTE_MS } from '../lib/duration.ts';

/**
 * How far back the changes of an SLO's stored minutes reached, newest first, so that whoever keeps a copy of
 * them can tell from how many changes it has missed which part of it still stands.
 *
 * Recent changes stand singly and older ones together, in groups of 2, 4, 8 and so on: a thousand changes take
 * about twenty marks.
 */
export interface HistoryMark {
  /** Changes in the group, a power of two. */
  readonly count: number;
  /** The earliest `at` of a row that any of them wrote, removed or put between others, in epoch milliseconds. */
  readonly fromMs: number;
}

/** Groups of one size before the oldest two become one. */
const GROUPS_OF_A_SIZE = 2;
/** What was missed beyond so many changes is not told apart any more. */
const MAX_COUNT = 4096;

/** The marks with one more change, which touched rows from `fromMs` on. */
export function markChange(marks: readonly HistoryMark[], fromMs: number): HistoryMark[] {
  const next: HistoryMark[] = [{ count: 1, fromMs }, ...marks];
  for (let size = 1, i = 0; size <= MAX_COUNT; size *= 2) {
    const first = i;
    while (next[i]?.count === size) i += 1;
    const [younger, older] = [next[i - 2], next[i - 1]];
    if (i - first <= GROUPS_OF_A_SIZE || younger === undefined || older === undefined) break;
    if (size === MAX_COUNT) return next.slice(0, i - 1);
    next.splice(i - 2, 2, { count: size * 2, fromMs: Math.min(younger.fromMs, older.fromMs) });
    i -= 2;
  }
  return next;
}

/**
 * The earliest row that the last `changes` changes touched, or an earlier one: rows before it are as they were.
 * Infinity when there were none, -Infinity when it is not known.
 */
export function changedFrom(marks: readonly HistoryMark[], changes: number): number {
  let counted = 0;
  let fromMs = Number.POSITIVE_INFINITY;
  for (const mark of marks) {
    if (counted >= changes) break;
    counted += mark.count;
    fromMs = Math.min(fromMs, mark.fromMs);
  }
  return counted >= changes ? fromMs : Number.NEGATIVE_INFINITY;
}

/** As they are stored: count and minute of each, one after the other. */
export function encodeMarks(marks: readonly HistoryMark[]): number[] {
  return marks.flatMap(({ count, fromMs }) => [count, Math.floor(fromMs / MINUTE_MS)]);
}

export function decodeMarks(stored: readonly number[]): HistoryMark[] {
  const marks: HistoryMark[] = [];
  for (let i = 0; i + 1 < stored.length; i += 2) {
    marks.push({ count: stored[i] ?? 0, fromMs: (stored[i + 1] ?? 0) * MINUTE_MS });
  }
  return marks;
}
