import { DAY_MS, floorTo } from '../lib/duration.ts';
import { decimalSum, type Exact } from './exact-sum.ts';
import { type RunColumns, RunRows } from './run-rows.ts';
import type { Sums } from './status.ts';

/** All counted up to 00:00 UTC of a day, as decimal text: exact however long the history. */
export interface DayBase {
  readonly dayMs: number;
  readonly good: string;
  readonly total: string;
}

/**
 * The running totals of one series: any window's sums by two look-ups and a subtraction.
 *
 * Two levels, so that a long history does not eat the digits of a short window: within the UTC day in
 * pairs of floating point numbers, and over days in decimal. A window without data sums to exactly 0, since
 * then both ends carry the same numbers.
 * Rows may be missing between others; a look-up takes the last row at or before the instant.
 */
export class RunningTotals {
  readonly #rows: RunRows;
  readonly #days: DayBase[] = [];

  constructor(capacity: number) {
    this.#rows = new RunRows(capacity);
  }

  /**
   * Begins with the series' first row, that of 00:00 of its first day: what a window counts that begins before is all
   * since then, whichever rows come next. Nothing else may be known yet.
   */
  begin(first: DayBase): void {
    this.#openDay(first);
    this.#open(first.dayMs, 0, 0, 0);
  }

  /** Takes rows that are kept; `bases` has the day of each of them. Ascending over all calls. */
  load(rows: RunColumns, bases: readonly DayBase[]): void {
    for (const base of bases) this.#knowDay(base);
    let day = 0;
    for (let i = 0; i < rows.at.length; i += 1) {
      const at = rows.at[i] ?? Number.NaN;
      const dayMs = floorTo(at, DAY_MS);
      while (day < this.#days.length && (this.#days[day]?.dayMs ?? 0) < dayMs) day += 1;
      if (this.#days[day]?.dayMs !== dayMs) throw new Error(`a row at ${at} has no base for its day`);
      const row = this.#rows.open(at, day);
      this.#rows.good.set(row, rows.runGood[i] ?? 0, orZero(rows.runGoodLow[i]));
      this.#rows.total.set(row, rows.runTotal[i] ?? 0, orZero(rows.runTotalLow[i]));
    }
  }

  /** As `load`, the rows of other totals from the instant on. */
  loadFrom(others: RunningTotals, fromMs: number): void {
    const rows = others.#rows;
    const first = rows.floor(fromMs - 1) + 1;
    if (first >= rows.length) return;
    for (const base of others.#days.slice(rows.dayOf(first))) this.#knowDay(base);
    const shift = this.#days.length - others.#days.length;
    for (let i = first; i < rows.length; i += 1) {
      const row = this.#rows.open(rows.at(i), rows.dayOf(i) + shift);
      const good = rows.good.of(i);
      const total = rows.total.of(i);
      this.#rows.good.set(row, good.high, good.low);
      this.#rows.total.set(row, total.high, total.low);
    }
  }

  /** Counts on: `good` and `total` belong to the minute that ends at `at`. Opens the day of `at` if need be. */
  push(at: number, good: number, total: number): void {
    const dayMs = floorTo(at, DAY_MS);
    let day = this.#days.length - 1;
    const current = this.#days[day];
    if (current?.dayMs === dayMs) {
      const row = this.#rows.open(at, day);
      this.#rows.good.setSum(row, good);
      this.#rows.total.setSum(row, total);
      return;
    }
    if (current === undefined && at === dayMs) {
      // A first minute that ends at 00:00 is counted in that day's base, so a day without it stands before.
      this.#openDay({ dayMs: dayMs - DAY_MS, good: '0', total: '0' });
      this.#open(dayMs - DAY_MS, 0, 0, 0);
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
    this.#open(dayMs, day + 1, 0, 0);
    if (!isMidnight) this.#open(at, day + 1, good, total);
  }

  /** Makes room for so many rows altogether. */
  reserve(rows: number): void {
    this.#rows.reserve(rows);
  }

  /** Forgets the rows from the instant on, and the days that begin with them. */
  dropFrom(ms: number): void {
    this.#rows.dropFrom(ms);
    const days = this.length === 0 ? 0 : this.#rows.dayOf(this.length - 1) + 1;
    this.#days.length = days;
    this.#rows.good.days.length = days;
    this.#rows.total.days.length = days;
  }

  /**
   * Forgets the rows before the instant, but for the last one of them, which says what was counted up to it.
   * Look-ups before are then answered only where they lie before the series' first row.
   */
  dropBefore(ms: number): void {
    const floor = this.#rows.floor(ms);
    if (floor > 0) this.#rows.dropFirst(floor);
  }

  get length(): number {
    return this.#rows.length;
  }

  /** `at` of the first and of the newest row; null where there is none. */
  get firstAt(): number | null {
    return this.length === 0 ? null : this.#rows.at(0);
  }

  get lastAt(): number | null {
    return this.length === 0 ? null : this.#rows.at(this.length - 1);
  }

  /** The newest row's run, as it is stored. */
  get lastRun(): { readonly good: Exact; readonly total: Exact } {
    const last = this.length - 1;
    return { good: this.#rows.good.of(last), total: this.#rows.total.of(last) };
  }

  /** The first and the newest day that are known; null where there is none. */
  get firstDay(): DayBase | null {
    return this.#days[0] ?? null;
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
    const rows = this.#rows;
    const to = rows.floor(toMs);
    if (to < 0) return { good: 0, total: 0 };
    const from = rows.floor(fromMs);
    const toDay = rows.dayOf(to);
    const fromDay = from < 0 ? 0 : rows.dayOf(from);
    if (toDay === fromDay) {
      return { good: rows.good.within(from, to), total: rows.total.within(from, to) };
    }
    return {
      good: rows.good.across(from, to, fromDay, toDay),
      total: rows.total.across(from, to, fromDay, toDay),
    };
  };

  #open(at: number, day: number, good: number, total: number): void {
    const row = this.#rows.open(at, day);
    this.#rows.good.set(row, good, 0);
    this.#rows.total.set(row, total, 0);
  }

  #knowDay(base: DayBase): void {
    if (base.dayMs > (this.#days.at(-1)?.dayMs ?? Number.NEGATIVE_INFINITY)) this.#openDay(base);
  }

  #openDay(base: DayBase): void {
    const [first = base] = this.#days;
    const before = this.#days.at(-1);
    if (before !== undefined && before.dayMs >= base.dayMs) throw new Error('days must ascend');
    this.#days.push(base);
    this.#rows.good.openDay(base.good, first.good, (before ?? base).good);
    this.#rows.total.openDay(base.total, first.total, (before ?? base).total);
  }
}

const orZero = (value: number | undefined): number =>
  value === undefined || Number.isNaN(value) ? 0 : value;
