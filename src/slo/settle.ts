import { MINUTE_MS } from '../lib/duration.ts';
import { type CounterValues, countIncreases } from './counter.ts';
import type { Sli } from './definition.ts';
import type { MinuteReceived, UsedCounts } from './sli.ts';
import { mergeReceived, usedOf } from './sli.ts';

/** How far away a known neighbour may be for a value to be interpolated. */
export const INTERPOLATION_REACH_MS = 5 * MINUTE_MS;

/** A minute as it is to stand: what came in for it, and what of that enters the budget. */
export interface SettledMinute extends MinuteReceived {
  /** Null where the minute is not used. */
  readonly used: UsedCounts | null;
  /** The minute is data though nothing of it is used: it lies in an adjustment, or nothing was observed in it. */
  readonly dataUnused: boolean;
}

export interface Settling {
  readonly sli: Sli;
  /** What stands, ascending: every minute of the range for which something came in, and its neighbours. */
  readonly stored: readonly SettledMinute[];
  /** Ascending, one a minute. */
  readonly changes: readonly MinuteReceived[];
  /** Counters: the last values of points before all these minutes. */
  readonly before: CounterValues;
  /** Whether a minute counts as if it never was. */
  readonly isAdjusted: (minuteMs: number) => boolean;
  /** The minutes to settle, the last one included. */
  readonly fromMs: number;
  readonly untilMs: number;
}

interface KnownMinute {
  readonly received: MinuteReceived;
  /** The minute's own counts; of a counter, its increases. */
  readonly counts: CounterValues;
  readonly isAdjusted: boolean;
}

/**
 * Decides anew what of the minutes of a range enters the budget, where that hangs together with other minutes:
 * of counters, of interpolated counterparts, and within adjustments. Returns the minutes that come out
 * different from how they stand, ascending.
 */
export function settleMinutes(settling: Settling): SettledMinute[] {
  const { sli, stored, changes, fromMs, untilMs, isAdjusted } = settling;
  const standing = new Map(stored.map((minute) => [minute.minuteMs, minute]));
  const received = new Map<number, MinuteReceived>(standing);
  for (const change of changes) {
    received.set(change.minuteMs, mergeReceived(received.get(change.minuteMs) ?? null, change));
  }
  const ascending = [...received.values()].sort((a, b) => a.minuteMs - b.minuteMs);
  const known = countsOf(ascending, settling.before).map((counts, i): KnownMinute => {
    const minute = ascending[i];
    if (minute === undefined) throw new RangeError('counts without their minute');
    return { received: minute, counts, isAdjusted: isAdjusted(minute.minuteMs) };
  });
  const interpolates = sli.type === 'ratio' && sli.alignment === 'interpolate';
  return known.flatMap((minute, i) => {
    const { minuteMs } = minute.received;
    if (minuteMs < fromMs || minuteMs > untilMs) return [];
    const own = usedOf(minute.counts);
    const settled = {
      ...minute.received,
      used: minute.isAdjusted ? null : (own ?? (interpolates ? interpolated(known, i) : null)),
      dataUnused: minute.isAdjusted && own !== null,
    };
    const before = standing.get(minuteMs);
    return before !== undefined && isSame(before, settled) ? [] : [settled];
  });
}

function countsOf(minutes: readonly MinuteReceived[], before: CounterValues): CounterValues[] {
  let last = before;
  return minutes.map((minute) => {
    if (minute.points === undefined) return minute;
    const { counts, after } = countIncreases(minute.points, last);
    last = after;
    return counts;
  });
}

/** Which counterpart may be missing beside a field that is alone; the first that both neighbours brought. */
const COUNTERPARTS = {
  good: ['total', 'bad'],
  bad: ['total', 'good'],
  total: ['good', 'bad'],
} as const;

/** What is used of a minute with one counterpart, the other one lying between its neighbours. */
function interpolated(minutes: readonly KnownMinute[], i: number): UsedCounts | null {
  const minute = minutes[i];
  if (minute === undefined) return null;
  const { counts } = minute;
  const field = (['good', 'bad', 'total'] as const).find((name) => counts[name] !== null);
  if (field === undefined) return null;
  for (const missing of COUNTERPARTS[field]) {
    const earlier = neighbour(minutes, i, -1, missing);
    const later = neighbour(minutes, i, 1, missing);
    if (earlier === null || later === null) continue;
    const share = (minute.received.minuteMs - earlier.minuteMs) / (later.minuteMs - earlier.minuteMs);
    return usedOf({ ...counts, [missing]: earlier.value + (later.value - earlier.value) * share });
  }
  return null;
}

function neighbour(
  minutes: readonly KnownMinute[],
  i: number,
  step: 1 | -1,
  field: keyof CounterValues,
): { readonly minuteMs: number; readonly value: number } | null {
  const ownMs = minutes[i]?.received.minuteMs ?? Number.NaN;
  for (let j = i + step; ; j += step) {
    const other = minutes[j];
    if (other === undefined) return null;
    const { minuteMs } = other.received;
    if (Math.abs(minuteMs - ownMs) > INTERPOLATION_REACH_MS) return null;
    const value = other.counts[field];
    if (!other.isAdjusted && value !== null) return { minuteMs, value };
  }
}

function isSame(a: SettledMinute, b: SettledMinute): boolean {
  return (
    a.used?.good === b.used?.good &&
    a.used?.total === b.used?.total &&
    a.dataUnused === b.dataUnused &&
    a.good === b.good &&
    a.bad === b.bad &&
    a.total === b.total &&
    a.value === b.value &&
    arePointsSame(a.points, b.points)
  );
}

function arePointsSame(a: MinuteReceived['points'], b: MinuteReceived['points']): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.length === b.length &&
    a.every((point, i) => {
      const other = b[i];
      return (
        point.atMs === other?.atMs &&
        point.good === other.good &&
        point.bad === other.bad &&
        point.total === other.total
      );
    })
  );
}
