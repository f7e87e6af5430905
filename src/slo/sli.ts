import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import { atLeast, TOLERANCE } from './budget.ts';
import { type CounterPoint, lastValues, mergeCounterPoints, UNKNOWN_VALUES } from './counter.ts';
import type { ThresholdOp } from './definition.ts';

/** One measurement as it was sent. Absent fields are null. */
export interface Point {
  readonly atMs: number;
  /** Null means every objective of the SLO. */
  readonly objective: string | null;
  readonly good: number | null;
  readonly total: number | null;
  readonly bad: number | null;
  readonly value: number | null;
}

/** What was received for one objective and minute; null is unknown, which is not 0. */
export interface MinuteReceived {
  /** The start of the minute bucket. */
  readonly minuteMs: number;
  readonly good: number | null;
  readonly bad: number | null;
  readonly total: number | null;
  /** Threshold SLIs: the last point's value. */
  readonly value: number | null;
  /** Counters: every point of the minute, ascending; good, bad and total are then the last values. */
  readonly points?: readonly CounterPoint[];
}

/** Events of a minute that enter the budget; `good` is never above `total`. */
export interface UsedCounts {
  readonly good: number;
  readonly total: number;
}

/** The points of one objective and minute within one request, summed as they come. */
export interface MinuteAccumulator {
  readonly minuteMs: number;
  /** Sums of the points that say all about their events: any two of good, bad, total. */
  paired: { good: number; bad: number; total: number } | null;
  /** The fields that every such point so far has brought, and so the ones that are reported as received. */
  pairedFields: number;
  /** Sums of the points that bring one field only. */
  good: number | null;
  bad: number | null;
  total: number | null;
  /** Threshold SLIs: the value of the latest point, of the last in order among equal times. */
  value: number | null;
  valueAtMs: number;
  /** Counters: the points in the order in which they came; else null. */
  points: CounterPoint[] | null;
}

const GOOD = 1;
const BAD = 2;
const TOTAL = 4;

/** The minute bucket of a point. */
export function minuteOf(atMs: number): number {
  return floorTo(atMs, MINUTE_MS);
}

export function createMinute(minuteMs: number): MinuteAccumulator {
  return {
    minuteMs,
    paired: null,
    pairedFields: GOOD | BAD | TOTAL,
    good: null,
    bad: null,
    total: null,
    value: null,
    valueAtMs: Number.NEGATIVE_INFINITY,
    points: null,
  };
}

/** Adds a point of a counter to its minute. */
export function addCounterPoint(minute: MinuteAccumulator, { atMs, good, bad, total }: Point): void {
  minute.points ??= [];
  minute.points.push({ atMs, good, bad, total });
}

/** Adds a point of a ratio SLI to its minute. The order of points does not matter. */
export function addRatioPoint(minute: MinuteAccumulator, point: Point): void {
  const { good, bad, total } = point;
  const fields = (good === null ? 0 : GOOD) | (bad === null ? 0 : BAD) | (total === null ? 0 : TOTAL);
  if (fields === GOOD || fields === BAD || fields === TOTAL) {
    if (good !== null) minute.good = (minute.good ?? 0) + good;
    if (bad !== null) minute.bad = (minute.bad ?? 0) + bad;
    if (total !== null) minute.total = (minute.total ?? 0) + total;
    return;
  }
  const counts = completePair(good, bad, total);
  if (counts === null) return;
  minute.paired ??= { good: 0, bad: 0, total: 0 };
  minute.paired.good += counts.good;
  minute.paired.bad += counts.bad;
  minute.paired.total += counts.total;
  minute.pairedFields &= fields;
}

/** Adds a point of a threshold SLI, judged by one objective's bound, to that objective's minute. */
export function addThresholdPoint(
  minute: MinuteAccumulator,
  point: Point,
  op: ThresholdOp,
  bound: number,
): void {
  if (point.value === null) return;
  minute.paired ??= { good: 0, bad: 0, total: 0 };
  minute.pairedFields = GOOD | TOTAL;
  minute.paired.good += thresholdGood(op, bound, point.value) ? 1 : 0;
  minute.paired.total += 1;
  if (point.atMs >= minute.valueAtMs) {
    minute.value = point.value;
    minute.valueAtMs = point.atMs;
  }
}

/** What the request says about the minute. */
export function receivedOf(minute: MinuteAccumulator): MinuteReceived {
  const { minuteMs, paired, value } = minute;
  if (minute.points !== null) return counterMinute(minuteMs, mergeCounterPoints([], minute.points));
  if (paired === null) {
    return { minuteMs, good: minute.good, bad: minute.bad, total: minute.total, value };
  }
  const fields = receivedFields(minute);
  return {
    minuteMs,
    good: fields & GOOD ? paired.good + (minute.good ?? 0) : null,
    bad: fields & BAD ? paired.bad + (minute.bad ?? 0) : null,
    total: fields & TOTAL ? paired.total + (minute.total ?? 0) : null,
    value,
  };
}

function counterMinute(minuteMs: number, points: readonly CounterPoint[]): MinuteReceived {
  return { minuteMs, ...lastValues(points, UNKNOWN_VALUES), value: null, points };
}

/**
 * The fields to report when some points brought complete pairs. Points of one kind keep their fields; where
 * kinds are mixed, good and total stand for all, unless single fields say something else.
 */
function receivedFields(minute: MinuteAccumulator): number {
  const single =
    (minute.good === null ? 0 : GOOD) | (minute.bad === null ? 0 : BAD) | (minute.total === null ? 0 : TOTAL);
  const common = minute.pairedFields;
  const isPair = common !== 0 && common !== GOOD && common !== BAD && common !== TOTAL;
  if (isPair && (single & ~common) === 0) return common;
  if ((single & BAD) === 0) return GOOD | TOTAL;
  return (single & GOOD) === 0 ? BAD | TOTAL : GOOD | BAD | (single & TOTAL);
}

/**
 * What is known of a minute after a later request. The fields that it brings replace the earlier ones. A
 * complete pair says all about the minute, so the third field of earlier requests is forgotten. A single
 * field that contradicts the two known ones leaves itself and `total` standing (`good`, where it is the
 * total that changed). Points of a counter join the earlier ones.
 */
export function mergeReceived(previous: MinuteReceived | null, next: MinuteReceived): MinuteReceived {
  if (previous === null) return next;
  if (next.points !== undefined) {
    return counterMinute(next.minuteMs, mergeCounterPoints(previous.points ?? [], next.points));
  }
  const value = next.value ?? previous.value;
  const brought = (next.good === null ? 0 : 1) + (next.bad === null ? 0 : 1) + (next.total === null ? 0 : 1);
  if (brought >= 2) return { ...next, value };
  const good = next.good ?? previous.good;
  const bad = next.bad ?? previous.bad;
  const total = next.total ?? previous.total;
  const agrees = good === null || bad === null || total === null || countsAgree(good, bad, total);
  return {
    minuteMs: next.minuteMs,
    good: agrees || next.bad === null ? good : null,
    bad: agrees || next.bad !== null ? bad : null,
    total,
    value,
  };
}

/** Whether `good + bad = total`, but for rounding. */
export function countsAgree(good: number, bad: number, total: number): boolean {
  return Math.abs(good + bad - total) <= TOLERANCE * Math.max(1, total);
}

/**
 * What of a minute enters the budget; null when only one counterpart is known. A good or bad that came apart
 * from its total and exceeds it is clamped.
 */
export function usedOf(received: Omit<MinuteReceived, 'minuteMs' | 'value'>): UsedCounts | null {
  const counts = completePair(received.good, received.bad, received.total);
  return counts === null ? null : { good: counts.good, total: counts.total };
}

/** Whether `value op bound` holds, compared as it is. */
export function thresholdGood(op: ThresholdOp, bound: number, value: number): boolean {
  switch (op) {
    case 'lt':
      return value < bound;
    case 'lte':
      return value <= bound;
    case 'gt':
      return value > bound;
    case 'gte':
      return value >= bound;
  }
}

/** Judges an observed slice (`total` above 0). */
export function sliceIsGood(good: number, total: number, timeSliceTarget: number): boolean {
  return atLeast(good / total, timeSliceTarget);
}

/** Good, bad and total from any two of them; good and total decide where all three are known. */
function completePair(
  good: number | null,
  bad: number | null,
  total: number | null,
): { good: number; bad: number; total: number } | null {
  if (total !== null) {
    if (good !== null) {
      const kept = Math.min(good, total);
      return { good: kept, bad: total - kept, total };
    }
    if (bad === null) return null;
    const kept = Math.min(bad, total);
    return { good: total - kept, bad: kept, total };
  }
  if (good === null || bad === null) return null;
  return { good, bad, total: good + bad };
}
