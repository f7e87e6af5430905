import { MINUTE_MS } from '../lib/duration.ts';
import { difference, type Exact, minus, sumOf } from './exact-sum.ts';

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

/** What was counted up to 00:00 of a day. */
interface DaySums {
  /** From the first known day on. */
  readonly sinceFirst: Exact;
  /** From the known day before on. */
  readonly step: Exact;
}

/** One count of the rows: the numbers, and what their rounding leaves out, kept from the first one that is rounded. */
class RunColumn {
  high: Float64Array;
  low: Float64Array | null = null;
  /** By the number of the day. */
  readonly days: DaySums[] = [];

  constructor(capacity: number) {
    this.high = new Float64Array(capacity);
  }

  /** Opens a day; all counted up to it, up to the first day and up to the one before, as decimal texts. */
  openDay(base: string, first: string, before: string): void {
    this.days.push({ sinceFirst: difference(base, first), step: difference(base, before) });
  }

  set(row: number, high: number, low: number): void {
    this.high[row] = high;
    if (this.low !== null) this.low[row] = low;
    else if (low !== 0) this.#withLow()[row] = low;
  }

  /** The run of the row before with a number added. */
  setSum(row: number, added: number): void {
    const before = this.high[row - 1] ?? 0;
    const sum = before + added;
    // Nothing is rounded where the difference leads back, both ways: as with whole numbers.
    if (this.low === null && sum - before === added && sum - added === before) {
      this.high[row] = sum;
      return;
    }
    const { high, low } = sumOf(this.of(row - 1), added);
    this.set(row, high, low);
  }

  of(row: number): Exact {
    return { high: this.high[row] ?? 0, low: this.low?.[row] ?? 0 };
  }

  /** What was counted from one row to the other, of the same day; a `from` of -1 is the day's start. */
  within(from: number, to: number): number {
    const high = (this.high[to] ?? 0) - this.#highOf(from);
    return this.low === null ? high : high + ((this.low[to] ?? 0) - this.#lowOf(from));
  }

  /** The same of rows of two days. */
  across(from: number, to: number, fromDay: number, toDay: number): number {
    const next = this.days[fromDay + 1];
    const end = this.days[toDay];
    if (next === undefined || end === undefined) throw new Error('running totals without their day');
    // The rest of the first day, the whole days between, and the last day so far.
    const rest = next.step.high - this.#highOf(from) + (next.step.low - this.#lowOf(from));
    return rest + minus(end.sinceFirst, next.sinceFirst) + this.#highOf(to) + this.#lowOf(to);
  }

  #highOf(row: number): number {
    return row < 0 ? 0 : (this.high[row] ?? 0);
  }

  #lowOf(row: number): number {
    return row < 0 || this.low === null ? 0 : (this.low[row] ?? 0);
  }

  widen(capacity: number): void {
    this.high = widened(this.high, capacity);
    if (this.low !== null) this.low = widened(this.low, capacity);
  }

  dropFirst(rows: number, end: number): void {
    this.high = shifted(this.high, rows, end);
    if (this.low !== null) this.low = shifted(this.low, rows, end);
  }

  #withLow(): Float64Array {
    this.low = new Float64Array(this.high.length);
    return this.low;
  }
}

function widened(old: Float64Array, capacity: number): Float64Array {
  const grown = new Float64Array(capacity);
  grown.set(old);
  return grown;
}

/** The values from a place to before `end` at the front; in less memory where they fill but a part of it. */
function shifted<Values extends Float64Array | Uint16Array>(
  values: Values,
  from: number,
  end: number,
): Values;
function shifted(values: Float64Array | Uint16Array, from: number, end: number): Float64Array | Uint16Array {
  if ((end - from) * 2 < values.length) return values.slice(from, end);
  return values.copyWithin(0, from, end);
}

/** The rows that running totals are looked up in, by column; each with the number of its day. */
export class RunRows {
  readonly good: RunColumn;
  readonly total: RunColumn;
  #at: Float64Array;
  /** As narrow as may be: a stream keeps half a million rows. */
  #day: Uint16Array;
  #length = 0;

  constructor(capacity: number) {
    this.good = new RunColumn(capacity);
    this.total = new RunColumn(capacity);
    this.#at = new Float64Array(capacity);
    this.#day = new Uint16Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  at(row: number): number {
    return this.#at[row] ?? Number.NaN;
  }

  /** The number of the row's day; 0 where there is no such row. */
  dayOf(row: number): number {
    return this.#day[row] ?? 0;
  }

  /** Opens the next row; its counts are to be set. */
  open(at: number, day: number): number {
    if (this.#length === this.#at.length) this.#grow();
    const row = this.#length;
    this.#length += 1;
    this.#at[row] = at;
    this.#day[row] = day;
    return row;
  }

  /** Index of the last row at or before `ms`; -1 when there is none. */
  floor(ms: number): number {
    const at = this.#at;
    const high = this.#length - 1;
    if (high < 0 || (at[0] ?? 0) > ms) return -1;
    if ((at[high] ?? 0) <= ms) return high;
    // Minutes are mostly dense, so the place counted back from the newest row is tried first.
    const guess = high - Math.round(((at[high] ?? 0) - ms) / MINUTE_MS);
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

  /** Forgets the rows from the instant on. */
  dropFrom(ms: number): void {
    while (this.#length > 0 && this.at(this.#length - 1) >= ms) this.#length -= 1;
  }

  /** Forgets the first rows. */
  dropFirst(rows: number): void {
    this.#at = shifted(this.#at, rows, this.#length);
    this.#day = shifted(this.#day, rows, this.#length);
    this.good.dropFirst(rows, this.#length);
    this.total.dropFirst(rows, this.#length);
    this.#length -= rows;
  }

  #grow(): void {
    const length = this.#at.length;
    this.reserve(Math.max(64, length + (length >> 1)));
  }

  /** Makes room for so many rows altogether. */
  reserve(capacity: number): void {
    if (capacity <= this.#at.length) return;
    this.#at = widened(this.#at, capacity);
    this.good.widen(capacity);
    this.total.widen(capacity);
    const days = this.#day;
    this.#day = new Uint16Array(capacity);
    this.#day.set(days);
  }
}
