import Big from 'big.js';
import { DAY_MS, floorTo, MINUTE_MS } from '../lib/duration.ts';
import { exactDecimal } from '../lib/exact-decimal.ts';
import type { Sums } from './status.ts';

/** All counted up to 00:00 UTC of a day, as decimal text: exact however long the history. */
export interface DayBase {
  readonly dayMs: number;
  readonly good: string;
  readonly total: string;
}

/**
 * Rows of one series, ascending by `at`; what was counted since 00:00 UTC of the day of `at`. The low columns
 * hold what the rounding of the others leaves out, NaN for nothing.
 */
export interface RunColumns {
  readonly at: Float64Array;
  readonly runGood: Float64Array;
  readonly runTotal: Float64Array;
  readonly runGoodLow: Float64Array;
  readonly runTotalLow: Float64Array;
}

/** A sum as a number and what its rounding leaves out. */
export interface Exact {
  readonly high: number;
  readonly low: number;
}

interface Day extends DayBase {
  /** Counted from the first known day up to this one. */
  readonly sinceFirstGood: Exact;
  readonly sinceFirstTotal: Exact;
  /** Counted from the day before in the list up to this one. */
  readonly stepGood: Exact;
  readonly stepTotal: Exact;
}

const ZERO: Exact = { high: 0, low: 0 };

/** Decimal text of fewer digits than this, without a point, is a whole number that `number` holds exactly. */
const SAFE_DIGITS = 15;
const isSafe = (decimal: string): boolean => decimal.length <= SAFE_DIGITS && !decimal.includes('.');

/** The exact difference of two decimal texts. */
export function difference(a: string, b: string): Exact {
  if (a === b) return ZERO;
  if (isSafe(a) && isSafe(b)) return { high: Number(a) - Number(b), low: 0 };
  const exact = new Big(a).minus(b);
  const high = exact.toNumber();
  return { high, low: exact.minus(exactDecimal(high)).toNumber() };
}

/** `a + b` without loss (Knuth's TwoSum). */
export function sumOf(a: Exact, b: number): Exact {
  const high = a.high + b;
  const part = high - a.high;
  const low = a.high - (high - part) + (b - part) + a.low;
  const rounded = high + low;
  return { high: rounded, low: low - (rounded - high) };
}

/** `a - b`, rounded once. */
export const minus = (a: Exact, b: Exact): number => a.high - b.high + (a.low - b.low);

/**
 * The running totals of one series: any window's sums by two look-ups and a subtraction.
 *
 * Two levels, so that a long history does not eat the digits of a short window: within the UTC day in
 * pairs of floating point numbers, and over days in decimal. A window without data sums to exactly 0, since
 * then both ends carry the same numbers.
 * Rows may be missing between others; a look-up takes the last row at or before the instant.
 */
export class RunningTotals {
  #at: Float64Array;
  #good: Float64Array;
  #goodLow: Float64Array;
  #total: Float64Array;
  #totalLow: Float64Array;
  #day: Int32Array;
  #length = 0;
  readonly #days: Day[] = [];

  constructor(capacity: number) {
    this.#at = new Float64Array(capacity);
    this.#good = new Float64Array(capacity);
    this.#goodLow = new Float64Array(capacity);
    this.#total = new Float64Array(capacity);
    this.#totalLow = new Float64Array(capacity);
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
      this.#append(
        at,
        pairOf(rows.runGood[i], rows.runGoodLow[i]),
        pairOf(rows.runTotal[i], rows.runTotalLow[i]),
        day,
      );
    }
  }

  /** Counts on: `good` and `total` belong to the minute that ends at `at`. Opens the day of `at` if need be. */
  push(at: number, good: number, total: number): void {
    const dayMs = floorTo(at, DAY_MS);
    let day = this.#days.length - 1;
    const current = this.#days[day];
    if (current?.dayMs === dayMs) {
      const run = this.lastRun;
      this.#append(at, sumOf(run.good, good), sumOf(run.total, total), day);
      return;
    }
    if (current === undefined && at === dayMs) {
      // A first minute that ends at 00:00 is counted in that day's base, so a day without it stands before.
      this.#openDay({ dayMs: dayMs - DAY_MS, good: '0', total: '0' });
      this.#append(dayMs - DAY_MS, ZERO, ZERO, 0);
      day = 0;
    }
    const before = this.end;
    // 00:00 ends the day before: its minute is in the base, and the new day's run begins at nothing.
    const isMidnight = at === dayMs;
    this.#openDay({
      dayMs,
      good: isMidnight ? decimalSum(before.good, good) : before.good,
      total: isMidnight ? decimalSum(before.total, total) : before.total,
    });
    this.#append(dayMs, ZERO, ZERO, day + 1);
    if (!isMidnight) this.#append(at, sumOf(ZERO, good), sumOf(ZERO, total), day + 1);
  }

  /** The newest row's run, as it is stored. */
  get lastRun(): { readonly good: Exact; readonly total: Exact } {
    const last = this.#length - 1;
    return {
      good: pairOf(this.#good[last], this.#goodLow[last]),
      total: pairOf(this.#total[last], this.#totalLow[last]),
    };
  }

  get lastDay(): DayBase | null {
    return this.#days.at(-1) ?? null;
  }

  /** All counted up to the newest row, as decimal text. */
  get end(): { readonly good: string; readonly total: string } {
    const day = this.lastDay;
    const run = this.lastRun;
    return {
      good: decimalSum(day?.good ?? '0', run.good.high, run.good.low),
      total: decimalSum(day?.total ?? '0', run.total.high, run.total.low),
    };
  }

  /** Sums over `(fromMs, toMs]` of what was counted, from the first known day on. */
  readonly between = (fromMs: number, toMs: number): Sums => {
    const to = this.#floor(toMs);
    if (to < 0) return { good: 0, total: 0 };
    const from = this.#floor(fromMs);
    const toDay = this.#day[to] ?? 0;
    const fromDay = from < 0 ? 0 : (this.#day[from] ?? 0);
    return {
      good: this.#over('Good', this.#good, this.#goodLow, from, to, fromDay, toDay),
      total: this.#over('Total', this.#total, this.#totalLow, from, to, fromDay, toDay),
    };
  };

  #over(
    which: 'Good' | 'Total',
    run: Float64Array,
    low: Float64Array,
    from: number,
    to: number,
    fromDay: number,
    toDay: number,
  ): number {
    const fromHigh = from < 0 ? 0 : (run[from] ?? 0);
    const fromLow = from < 0 ? 0 : (low[from] ?? 0);
    const toHigh = run[to] ?? 0;
    const toLow = low[to] ?? 0;
    if (toDay === fromDay) return toHigh - fromHigh + (toLow - fromLow);
    const next = this.#days[fromDay + 1];
    const end = this.#days[toDay];
    if (next === undefined || end === undefined) throw new Error('running totals without their day');
    // The rest of the first day, the whole days between, and the last day so far.
    const step = next[`step${which}`];
    const rest = step.high - fromHigh + (step.low - fromLow);
    return rest + minus(end[`sinceFirst${which}`], next[`sinceFirst${which}`]) + toHigh + toLow;
  }

  #openDay(base: DayBase): void {
    const last = this.#days.at(-1);
    if (last !== undefined && last.dayMs >= base.dayMs) throw new Error('days must ascend');
    const first = this.#days[0];
    this.#days.push({
      ...base,
      sinceFirstGood: first === undefined ? ZERO : difference(base.good, first.good),
      sinceFirstTotal: first === undefined ? ZERO : difference(base.total, first.total),
      stepGood: last === undefined ? ZERO : difference(base.good, last.good),
      stepTotal: last === undefined ? ZERO : difference(base.total, last.total),
    });
  }

  #append(at: number, good: Exact, total: Exact, day: number): void {
    if (this.#length === this.#at.length) this.#grow();
    const i = this.#length;
    this.#length += 1;
    this.#at[i] = at;
    this.#good[i] = good.high;
    this.#goodLow[i] = good.low;
    this.#total[i] = total.high;
    this.#totalLow[i] = total.low;
    this.#day[i] = day;
  }

  #grow(): void {
    const capacity = Math.max(64, this.#at.length * 2);
    const wider = (old: Float64Array): Float64Array => {
      const grown = new Float64Array(capacity);
      grown.set(old);
      return grown;
    };
    this.#at = wider(this.#at);
    this.#good = wider(this.#good);
    this.#goodLow = wider(this.#goodLow);
    this.#total = wider(this.#total);
    this.#totalLow = wider(this.#totalLow);
    const day = new Int32Array(capacity);
    day.set(this.#day);
    this.#day = day;
  }

  /** Index of the last row at or before `ms`; -1 when there is none. */
  #floor(ms: number): number {
    const at = this.#at;
    const high = this.#length - 1;
    if (high < 0 || (at[0] ?? 0) > ms) return -1;
    // Minutes are mostly dense, so the place counted back from the newest row is tried first.
    const guess = high - Math.round(((at[high] ?? 0) - ms) / MINUTE_MS);
    if (guess >= high) return high;
    if (guess >= 0 && at[guess] === ms) return guess;
    let lowest = 0;
    let highest = high;
    while (lowest < highest) {
      const middle = (lowest + highest + 1) >> 1;
      if ((at[middle] ?? 0) <= ms) lowest = middle;
      else highest = middle - 1;
    }
    return lowest;
  }
}

function pairOf(high: number | undefined, low: number | undefined): Exact {
  return { high: high ?? 0, low: low === undefined || Number.isNaN(low) ? 0 : low };
}

function decimalSum(base: string, ...parts: readonly number[]): string {
  let sum: Big | null = null;
  for (const part of parts) if (part !== 0) sum = (sum ?? new Big(base)).plus(exactDecimal(part));
  return sum === null ? base : sum.toFixed();
}
