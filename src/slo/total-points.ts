import { DAY_MS, floorTo } from '../lib/duration.ts';
import { difference } from './exact-sum.ts';
import { type DayBase, RunningTotals } from './running-totals.ts';
import type { Sums } from './status.ts';

/** The running totals in one row: what was counted since 00:00 UTC of the day of `at`, and what rounding left. */
export interface TotalPoint {
  readonly at: number;
  readonly good: number;
  readonly total: number;
  readonly goodLow: number;
  readonly totalLow: number;
  /** Whether the minute that ends at `at` has data; null where that was not asked. */
  readonly hasData: boolean | null;
}

/** Where the parts of a point stand among its numbers. */
const AT = 0;
const GOOD = 1;
const TOTAL = 2;
const GOOD_LOW = 3;
const TOTAL_LOW = 4;
/** 1, 0, or NaN for null. */
const HAS_DATA = 5;
const WIDTH = 6;

const NONE = -1;

/**
 * The running totals of one series at a few instants: the sums between any two of them. As `RunningTotals`, for
 * a handful of rows that are only read. A page of a thousand SLOs makes a thousand of these: their points lie in one
 * piece of memory, as numbers, where an object for each point took a third of the page's time.
 */
export class TotalPoints {
  #cells: Float64Array;
  /** The place of the first point, and the place after the last, in `#cells`. */
  #start: number;
  #end: number;
  /** Where others' points begin. */
  #limit: number;
  readonly #bases: DayBase[] = [];

  private constructor(cells: Float64Array, start: number, limit: number) {
    this.#cells = cells;
    this.#start = start;
    this.#end = start;
    this.#limit = limit;
  }

  /** One for each series, with room for so many points; more can be added all the same. */
  static forSeries(capacities: readonly number[]): TotalPoints[] {
    let length = 0;
    for (const capacity of capacities) length += capacity * WIDTH;
    const cells = new Float64Array(length);
    let start = 0;
    return capacities.map((capacity) => {
      const points = new TotalPoints(cells, start, start + capacity * WIDTH);
      start += capacity * WIDTH;
      return points;
    });
  }

  /** Rows of any instants, in any order; one that is known is left out. */
  add({ at, good, total, goodLow, totalLow, hasData }: TotalPoint): void {
    let place = this.#floor(at);
    if (place !== NONE && this.#cells[place] === at) return;
    if (this.#end === this.#limit) {
      const shift = this.#grow();
      if (place !== NONE) place += shift;
    }
    const cells = this.#cells;
    const next = place === NONE ? this.#start : place + WIDTH;
    if (next < this.#end) cells.copyWithin(next + WIDTH, next, this.#end);
    cells[next + AT] = at;
    cells[next + GOOD] = good;
    cells[next + TOTAL] = total;
    cells[next + GOOD_LOW] = goodLow;
    cells[next + TOTAL_LOW] = totalLow;
    cells[next + HAS_DATA] = hasData === null ? Number.NaN : Number(hasData);
    this.#end += WIDTH;
  }

  addBase(base: DayBase): void {
    if (this.#baseOf(base.dayMs) === undefined) this.#bases.push(base);
  }

  /** Whether the minute that ends at the instant has data; null where its row is not known. */
  dataAt(at: number): boolean | null {
    const place = this.#floor(at);
    if (this.#read(place, AT) !== at) return null;
    const hasData = this.#read(place, HAS_DATA);
    return Number.isNaN(hasData) ? null : hasData === 1;
  }

  has(at: number): boolean {
    return this.#read(this.#floor(at), AT) === at;
  }

  /** Sums over `(fromMs, toMs]`, both instants of rows or past them; as in `RunningTotals`. */
  between(fromMs: number, toMs: number): Sums {
    const to = this.#floor(toMs);
    if (to === NONE) return { good: 0, total: 0 };
    const from = this.#floor(fromMs);
    const toDay = floorTo(this.#read(to, AT), DAY_MS);
    const fromDay = floorTo(this.#read(from === NONE ? this.#start : from, AT), DAY_MS);
    if (toDay === fromDay) {
      return { good: this.#sameDay(from, to, GOOD), total: this.#sameDay(from, to, TOTAL) };
    }
    const toBase = this.#baseOf(toDay);
    const fromBase = this.#baseOf(fromDay);
    if (toBase === undefined || fromBase === undefined) throw new Error('running totals without their day');
    return {
      good: this.#acrossDays(from, to, GOOD, toBase.good, fromBase.good),
      total: this.#acrossDays(from, to, TOTAL, toBase.total, fromBase.total),
    };
  }

  /** To count on from the last of them; rows from `beforeMs` on are left out. */
  runningTotals(beforeMs = Number.POSITIVE_INFINITY): RunningTotals {
    const places: number[] = [];
    for (let place = this.#start; place < this.#end; place += WIDTH) {
      if (this.#read(place, AT) < beforeMs) places.push(place);
    }
    const lastMs = this.#read(places.at(-1) ?? NONE, AT);
    const column = (part: number) => Float64Array.from(places, (place) => this.#read(place, part));
    const totals = new RunningTotals(places.length);
    totals.load(
      {
        at: column(AT),
        runGood: column(GOOD),
        runTotal: column(TOTAL),
        runGoodLow: column(GOOD_LOW),
        runTotalLow: column(TOTAL_LOW),
      },
      this.#bases.filter(({ dayMs }) => dayMs <= lastMs).sort((a, b) => a.dayMs - b.dayMs),
    );
    return totals;
  }

  /** `part` of the point at the place; NaN for no place. */
  #read(place: number, part: number): number {
    return place === NONE ? Number.NaN : (this.#cells[place + part] ?? Number.NaN);
  }

  /** The same of a point that counts as nothing where there is none. */
  #counted(place: number, part: number): number {
    return place === NONE ? 0 : this.#read(place, part);
  }

  #sameDay(from: number, to: number, part: typeof GOOD | typeof TOTAL): number {
    const low = part + (GOOD_LOW - GOOD);
    return (
      this.#read(to, part) - this.#counted(from, part) + (this.#read(to, low) - this.#counted(from, low))
    );
  }

  /** The rest of the first day and the last day so far, and the whole days between them. */
  #acrossDays(
    from: number,
    to: number,
    part: typeof GOOD | typeof TOTAL,
    toBase: string,
    fromBase: string,
  ): number {
    const low = part + (GOOD_LOW - GOOD);
    const days = difference(toBase, fromBase);
    const rest = days.low - this.#counted(from, low) + this.#read(to, low);
    return days.high - this.#counted(from, part) + this.#read(to, part) + rest;
  }

  #baseOf(dayMs: number): DayBase | undefined {
    return this.#bases.find((base) => base.dayMs === dayMs);
  }

  /** The place of the last point at or before the instant; `NONE` before the first. */
  #floor(ms: number): number {
    const cells = this.#cells;
    for (let place = this.#end - WIDTH; place >= this.#start; place -= WIDTH) {
      if ((cells[place] ?? Number.NaN) <= ms) return place;
    }
    return NONE;
  }

  /** Moves to memory of its own. Answers by how much the places move. */
  #grow(): number {
    const shift = -this.#start;
    const cells = new Float64Array(Math.max(4 * WIDTH, 2 * (this.#end - this.#start)));
    cells.set(this.#cells.subarray(this.#start, this.#end));
    this.#cells = cells;
    this.#start = 0;
    this.#end += shift;
    this.#limit = cells.length;
    return shift;
  }
}
