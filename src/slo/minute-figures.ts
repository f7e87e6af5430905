import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import { below } from './budget.ts';
import type { ObjectiveRule } from './rule.ts';
import { sliceIsGood } from './sli.ts';

/** How the minutes of a period went, beside its sums. */
export interface MinuteFigures {
  /** Minutes with used events. */
  readonly minutesObserved: number;
  readonly minutesBad: number;
  /** Minutes of the longest stretch in which every minute was bad. */
  readonly longestBadRun: number;
}

/** Only a minute whose good/total is below this can make a minute or a slice bad; Infinity where each can. */
export function suspectBelow({ budgetingMethod, objective, sliceMs }: ObjectiveRule): number {
  if (budgetingMethod === 'occurrences') return objective.target;
  return sliceMs === MINUTE_MS ? (objective.timeSliceTarget ?? 1) : Number.POSITIVE_INFINITY;
}

/**
 * Gathers what the used minutes of `[fromMs, toMs)` tell: all are counted, and those below `suspectBelow` at least are
 * added, in ascending order. Occurrences: a
 * minute is bad when it was observed and its own good/total is below the target. Time slices: all minutes of
 * a bad slice are bad, observed or not; a slice that straddles `fromMs` is judged by its minutes from there,
 * one that is not complete at `toMs` does not count.
 */
export class FigureWalk {
  readonly #rule: ObjectiveRule;
  readonly #fromMs: number;
  readonly #toMs: number;
  #observed = 0;
  #badMs = 0;
  #longestMs = 0;
  #runStartMs = 0;
  #runEndMs = Number.NEGATIVE_INFINITY;
  /** The slice that is being filled; without any, its total is 0. */
  readonly #slice = { startMs: 0, good: 0, total: 0 };

  constructor(rule: ObjectiveRule, fromMs: number, toMs: number) {
    this.#rule = rule;
    this.#fromMs = fromMs;
    this.#toMs = toMs;
  }

  /** So many more minutes with used events, added or not. */
  count(minutes: number): void {
    this.#observed += minutes;
  }

  /** A minute with used events. */
  add(minuteMs: number, good: number, total: number): void {
    const { budgetingMethod, objective, sliceMs } = this.#rule;
    if (budgetingMethod === 'occurrences') {
      if (below(good / total, objective.target)) this.#addBad(minuteMs, minuteMs + MINUTE_MS);
      return;
    }
    const startMs = floorTo(minuteMs, sliceMs);
    if (startMs !== this.#slice.startMs) this.#judgeSlice(startMs);
    this.#slice.good += good;
    this.#slice.total += total;
  }

  /** Of all that was added; nothing may be added after. */
  figures(): MinuteFigures {
    this.#judgeSlice(this.#toMs);
    return {
      minutesObserved: this.#observed,
      minutesBad: this.#badMs / MINUTE_MS,
      longestBadRun: this.#longestMs / MINUTE_MS,
    };
  }

  /** Judges the slice that was filled, and begins the next one. */
  #judgeSlice(nextMs: number): void {
    const { startMs, good, total } = this.#slice;
    const endMs = startMs + this.#rule.sliceMs;
    const sliceTarget = this.#rule.objective.timeSliceTarget ?? 1;
    if (total > 0 && endMs <= this.#toMs && !sliceIsGood(good, total, sliceTarget)) {
      this.#addBad(Math.max(startMs, this.#fromMs), endMs);
    }
    this.#slice.startMs = nextMs;
    this.#slice.good = 0;
    this.#slice.total = 0;
  }

  #addBad(startMs: number, endMs: number): void {
    this.#badMs += endMs - startMs;
    if (startMs !== this.#runEndMs) this.#runStartMs = startMs;
    this.#runEndMs = endMs;
    this.#longestMs = Math.max(this.#longestMs, endMs - this.#runStartMs);
  }
}
