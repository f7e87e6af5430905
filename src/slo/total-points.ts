import { DAY_MS, floorTo } from '../lib/duration.ts';
import { type DayBase, difference, RunningTotals } from './running-totals.ts';
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

/**
 * The running totals of one series at a few instants: the sums between any two of them. As `RunningTotals`, for
 * a handful of rows that are only read; a page of a thousand SLOs makes a thousand of these.
 */
export class TotalPoints {
  readonly #points: TotalPoint[] = [];
  readonly #bases: DayBase[] = [];

  /** Rows of any instants, in any order; one that is known is left out. */
  add(point: TotalPoint): void {
    const points = this.#points;
    let i = points.length;
    while (i > 0 && (points[i - 1]?.at ?? 0) > point.at) i -= 1;
    if (points[i - 1]?.at !== point.at) points.splice(i, 0, point);
  }

  addBase(base: DayBase): void {
    if (this.#baseOf(base.dayMs) === undefined) this.#bases.push(base);
  }

  /** Whether the minute that ends at the instant has data; null where its row is not known. */
  dataAt(at: number): boolean | null {
    return this.#points.find((point) => point.at === at)?.hasData ?? null;
  }

  has(at: number): boolean {
    return this.#points.some((point) => point.at === at);
  }

  /** Sums over `(fromMs, toMs]`, both instants of rows or past them; as in `RunningTotals`. */
  readonly between = (fromMs: number, toMs: number): Sums => {
    const to = this.#floor(toMs);
    const first = this.#points[0];
    if (to === undefined || first === undefined) return { good: 0, total: 0 };
    const from = this.#floor(fromMs);
    const toDay = floorTo(to.at, DAY_MS);
    const fromDay = floorTo((from ?? first).at, DAY_MS);
    const good = to.good - (from?.good ?? 0) + (to.goodLow - (from?.goodLow ?? 0));
    const total = to.total - (from?.total ?? 0) + (to.totalLow - (from?.totalLow ?? 0));
    if (toDay === fromDay) return { good, total };
    const toBase = this.#baseOf(toDay);
    const fromBase = this.#baseOf(fromDay);
    if (toBase === undefined || fromBase === undefined) throw new Error('running totals without their day');
    return {
      good: acrossDays(toBase.good, fromBase.good, to.good, to.goodLow, from?.good, from?.goodLow),
      total: acrossDays(toBase.total, fromBase.total, to.total, to.totalLow, from?.total, from?.totalLow),
    };
  };

  /** To count on from the last of them; rows from `beforeMs` on are left out. */
  runningTotals(beforeMs = Number.POSITIVE_INFINITY): RunningTotals {
    const points = this.#points.filter(({ at }) => at < beforeMs);
    const lastMs = points.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
    const totals = new RunningTotals(points.length);
    totals.load(
      {
        at: Float64Array.from(points, (point) => point.at),
        runGood: Float64Array.from(points, (point) => point.good),
        runTotal: Float64Array.from(points, (point) => point.total),
        runGoodLow: Float64Array.from(points, (point) => point.goodLow),
        runTotalLow: Float64Array.from(points, (point) => point.totalLow),
      },
      this.#bases.filter(({ dayMs }) => dayMs <= lastMs).sort((a, b) => a.dayMs - b.dayMs),
    );
    return totals;
  }

  #baseOf(dayMs: number): DayBase | undefined {
    return this.#bases.find((base) => base.dayMs === dayMs);
  }

  /** The last point at or before the instant. */
  #floor(ms: number): TotalPoint | undefined {
    const points = this.#points;
    for (let i = points.length - 1; i >= 0; i -= 1) {
      const point = points[i];
      if (point !== undefined && point.at <= ms) return point;
    }
    return undefined;
  }
}

/** The rest of the first day and the last day so far, and the whole days between them. */
function acrossDays(
  toBase: string,
  fromBase: string,
  to: number,
  toLow: number,
  from = 0,
  fromLow = 0,
): number {
  const days = difference(toBase, fromBase);
  return days.high - from + to + (days.low - fromLow + toLow);
}
