import Big from 'big.js';
import { DAY_MS, floorTo } from '../lib/duration.ts';
import type { Sums } from './status.ts';

/** All counted up to 00:00 UTC of a day, as decimal text: exact however long the history. */
export interface DayBase {
  readonly dayMs: number;
  readonly good: string;
  readonly total: string;
}

/** Rows of one series, ascending by `at`; what was counted since 00:00 UTC of the day of `at`. */
export interface RunColumns {
  readonly at: Float64Array;
  readonly runGood: Float64Array;
  readonly runTotal: Float64Array;
}

interface Day extends DayBase {
  /** Counted from the first known day up to this one. */
  readonly sinceFirstGood: number;
  readonly sinceFirstTotal: number;
  /** Counted from the day before in the list up to this one. */
  readonly stepGood: number;
  readonly stepTotal: number;
}

const difference = (a: string, b: string): number => (a === b ? 0 : new Big(a).minus(b).toNumber());

/**
 * The running totals of one series: any window's sums by two look-ups and a subtraction.
 *
 * Two levels, so that a long history does not eat the digits of a short window: within the UTC day in
 * floating point, and over days in decimal. A window without data sums to exactly 0, since then both ends
 * carry the same numbers; counts that are whole numbers below 2^53 are exact.
 * Rows may be missing between others; a look-up takes the last row at or before the instant.
 */
export class RunningTotals {
  #at: Float64Array;
  #runGood: Float64Array;
  #runTotal: Float64Array;
  #day: Int32Array;
  #length = 0;
  readonly #days: Day[] = [];

  constructor(capacity: number) {
    this.#at = new Float64Array(capacity);
    this.#runGood = new Float64Array(capacity);
    this.#runTotal = new Float64Array(capacity);
    this.#day = new Int32Array(capacity);
  }

  /** Takes rows that are kept; `bases` has the day of each of them. Ascending over all calls. */
  load(rows: RunColumns, bases: readonly DayBase[]): void {
    for (const base of bases) {
      if (base.dayMs > (this.#days.at(-1)?.dayMs ?? Number.NEGATIVE_INFINITY)) this.#openDay(base);
    }
    let day = 0;
    for (let i = 0; i < rows.at.length; i += 1) {
      const at = rows.at[i] ?? Number.NaN;
      const dayMs = floorTo(at, DAY_MS);
      while (day < this.#days.length && (this.#days[day]?.dayMs ?? 0) < dayMs) day += 1;
      if (this.#days[day]?.dayMs !== dayMs) throw new Error(`a row at ${at} has no base for its day`);
      this.#append(at, rows.runGood[i] ?? 0, rows.runTotal[i] ?? 0, day);
    }
  }

  /** Counts on: `good` and `total` belong to the minute that ends at `at`. Opens the day of `at` if need be. */
  push(at: number, good: number, total: number): void {
    const dayMs = floorTo(at, DAY_MS);
    const last = this.#length - 1;
    const day = last < 0 ? -1 : (this.#day[last] ?? -1);
    const runGood = last < 0 ? 0 : (this.#runGood[last] ?? 0);
    const runTotal = last < 0 ? 0 : (this.#runTotal[last] ?? 0);
    const current = this.#days[day];
    if (current?.dayMs === dayMs) {
      this.#append(at, runGood + good, runTotal + total, day);
      return;
    }
    const base = {
      good: current === undefined ? '0' : decimalSum(current.good, runGood),
      total: current === undefined ? '0' : decimalSum(current.total, runTotal),
    };
    if (at === dayMs) {
      // 00:00 ends the day before: its minute is in the base, and the new day's run begins at nothing.
      this.#openDay({ dayMs, good: decimalSum(base.good, good), total: decimalSum(base.total, total) });
      this.#append(at, 0, 0, this.#days.length - 1);
      return;
    }
    this.#openDay({ dayMs, ...base });
    this.#append(dayMs, 0, 0, this.#days.length - 1);
    this.#append(at, good, total, this.#days.length - 1);
  }

  /** The newest row's run, as it is stored. */
  get lastRun(): Sums {
    const last = this.#length - 1;
    return { good: this.#runGood[last] ?? 0, total: this.#runTotal[last] ?? 0 };
  }

  get lastDay(): DayBase | null {
    return this.#days.at(-1) ?? null;
  }

  /** All counted up to the newest row, as decimal text. */
  get end(): { readonly good: string; readonly total: string } {
    const day = this.lastDay;
    const run = this.lastRun;
    return { good: decimalSum(day?.good ?? '0', run.good), total: decimalSum(day?.total ?? '0', run.total) };
  }

  /** Sums over `(fromMs, toMs]` of what was counted, from the first known day on. */
  readonly between = (fromMs: number, toMs: number): Sums => {
    const to = this.#floor(toMs);
    if (to < 0) return { good: 0, total: 0 };
    const from = this.#floor(fromMs);
    const runGood = this.#runGood[to] ?? 0;
    const runTotal = this.#runTotal[to] ?? 0;
    const toDay = this.#day[to] ?? 0;
    const fromDay = from < 0 ? 0 : (this.#day[from] ?? 0);
    const fromGood = from < 0 ? 0 : (this.#runGood[from] ?? 0);
    const fromTotal = from < 0 ? 0 : (this.#runTotal[from] ?? 0);
    if (toDay === fromDay) return { good: runGood - fromGood, total: runTotal - fromTotal };
    const next = this.#days[fromDay + 1];
    const end = this.#days[toDay];
    if (next === undefined || end === undefined) throw new Error('running totals without their day');
    return {
      good: next.stepGood - fromGood + (end.sinceFirstGood - next.sinceFirstGood) + runGood,
      total: next.stepTotal - fromTotal + (end.sinceFirstTotal - next.sinceFirstTotal) + runTotal,
    };
  };

  #openDay(base: DayBase): void {
    const last = this.#days.at(-1);
    if (last !== undefined && last.dayMs >= base.dayMs) throw new Error('days must ascend');
    const first = this.#days[0];
    this.#days.push({
      ...base,
      sinceFirstGood: first === undefined ? 0 : difference(base.good, first.good),
      sinceFirstTotal: first === undefined ? 0 : difference(base.total, first.total),
      stepGood: last === undefined ? 0 : difference(base.good, last.good),
      stepTotal: last === undefined ? 0 : difference(base.total, last.total),
    });
  }

  #append(at: number, runGood: number, runTotal: number, day: number): void {
    if (this.#length === this.#at.length) this.#grow();
    this.#at[this.#length] = at;
    this.#runGood[this.#length] = runGood;
    this.#runTotal[this.#length] = runTotal;
    this.#day[this.#length] = day;
    this.#length += 1;
  }

  #grow(): void {
    const capacity = Math.max(64, this.#at.length * 2);
    const wider = (old: Float64Array): Float64Array => {
      const grown = new Float64Array(capacity);
      grown.set(old);
      return grown;
    };
    this.#at = wider(this.#at);
    this.#runGood = wider(this.#runGood);
    this.#runTotal = wider(this.#runTotal);
    const day = new Int32Array(capacity);
    day.set(this.#day);
    this.#day = day;
  }

  /** Index of the last row at or before `ms`; -1 when there is none. */
  #floor(ms: number): number {
    const at = this.#at;
    let high = this.#length - 1;
    if (high < 0 || (at[0] ?? 0) > ms) return -1;
    // Minutes are mostly dense, so the place counted back from the newest row is tried first.
    const guess = high - Math.round(((at[high] ?? 0) - ms) / 60_000);
    if (guess >= high) return high;
    if (guess >= 0 && at[guess] === ms) return guess;
    let low = 0;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((at[middle] ?? 0) <= ms) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function decimalSum(base: string, add: number): string {
  return add === 0 ? base : new Big(base).plus(add).toFixed();
}
