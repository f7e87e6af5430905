import { Temporal } from 'temporal-polyfill';
import { DAY_MS, floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { CalendarUnit, CalendarWindow, TimeWindow } from './definition.ts';

/** The time that a status looks at: `[startMs, T)`, T being the status's time floored to the minute. */
export interface ResolvedWindow {
  readonly startMs: number;
  /** T for a rolling window, the period's end for a calendar one. */
  readonly endMs: number;
  /** The full length: W of a rolling window, `endMs - startMs` of a calendar one. */
  readonly lengthMs: number;
  readonly rolling: boolean;
}

/** The default anchor of calendar windows, a Monday. */
export const DEFAULT_START = '2024-01-01T00:00:00';

/** The window of a status at `tMs`. */
export function windowAt(timeWindow: TimeWindow, tMs: number): ResolvedWindow {
  return timeWindow.type === 'rolling'
    ? rollingWindowAt(timeWindow.durationMs, tMs)
    : calendarWindowAt(timeWindow, tMs);
}

/**
 * `windowAt` for many times of one SLO: remembers the last calendar period, so that consecutive minutes
 * cost a comparison instead of time zone arithmetic.
 */
export function createWindowFinder(timeWindow: TimeWindow): (tMs: number) => ResolvedWindow {
  if (timeWindow.type === 'rolling') {
    const { durationMs } = timeWindow;
    return (tMs) => rollingWindowAt(durationMs, tMs);
  }
  let last: ResolvedWindow | null = null;
  return (tMs) => {
    if (last === null || tMs < last.startMs || tMs >= last.endMs) last = calendarWindowAt(timeWindow, tMs);
    return last;
  };
}

interface Period {
  readonly startMs: number;
  readonly endMs: number;
}

/** By unit and zone, the newest last. */
const knownPeriods = new Map<string, Period[]>();
/** More than the days that reports close in one step. */
const KNOWN_OF_A_ZONE = 64;
const KNOWN_ZONES = 500;

/**
 * The report period that contains `tMs`: days, ISO weeks, months, quarters and years of the zone. The last ones are
 * remembered: a thousand SLOs ask for the same, and time zone arithmetic takes fifty microseconds for each.
 */
export function periodAt(period: CalendarUnit, timeZone: string, tMs: number): Period {
  const zone = `${period} ${timeZone}`;
  const known = knownPeriods.get(zone) ?? [];
  const found = known.findLast(({ startMs, endMs }) => startMs <= tMs && tMs < endMs);
  if (found !== undefined) return found;
  const window: CalendarWindow = { type: 'calendar', unit: period, count: 1, timeZone, start: DEFAULT_START };
  const { startMs, endMs } = calendarWindowAt(window, tMs);
  const made = { startMs, endMs };
  if (knownPeriods.size >= KNOWN_ZONES) knownPeriods.clear();
  if (known.push(made) > KNOWN_OF_A_ZONE) known.shift();
  knownPeriods.set(zone, known);
  return made;
}

/** Reports follow the SLO's own zone; a rolling SLO has none and reports in UTC. */
export function reportTimeZone(timeWindow: TimeWindow): string {
  return timeWindow.type === 'rolling' ? 'UTC' : timeWindow.timeZone;
}

/** Whether `name` is an IANA time zone. Offsets such as `+01:00` are not. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Whether `text` is a real local date-time of whole minutes: `2024-01-01T00:00` or `2024-01-01T00:00:00`. */
export function isLocalDateTime(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:00)?$/.test(text)) return false;
  try {
    Temporal.PlainDateTime.from(text, { overflow: 'reject' });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function rollingWindowAt(durationMs: number, tMs: number): ResolvedWindow {
  const endMs = floorTo(tMs, MINUTE_MS);
  return { startMs: endMs - durationMs, endMs, lengthMs: durationMs, rolling: true };
}

const MONTHS: Readonly<Record<CalendarUnit, number>> = { day: 0, week: 0, month: 1, quarter: 3, year: 12 };
const DAYS: Readonly<Record<CalendarUnit, number>> = { day: 1, week: 7, month: 0, quarter: 0, year: 0 };

/**
 * Boundaries are counted from the anchor, never from the boundary before, so that a day clamped in a short
 * month comes back in the next one. A local time that a clock change skips moves forward by the gap, one
 * that occurs twice is the first ('compatible').
 */
function calendarWindowAt(window: CalendarWindow, tMs: number): ResolvedWindow {
  const { unit, count, timeZone } = window;
  const anchor = Temporal.PlainDateTime.from(window.start);
  const months = MONTHS[unit] * count;
  const days = DAYS[unit] * count;
  const boundary = (k: number): number => {
    const local = anchor.add({ months: months * k, days: days * k });
    const { epochMilliseconds } = local.toZonedDateTime(timeZone, { disambiguation: 'compatible' });
    // Old zones had offsets with seconds; buckets are whole minutes.
    return floorTo(epochMilliseconds, MINUTE_MS);
  };

  const local = Temporal.Instant.fromEpochMilliseconds(Math.floor(tMs))
    .toZonedDateTimeISO(timeZone)
    .toPlainDateTime();
  let k =
    months > 0
      ? Math.floor(((local.year - anchor.year) * 12 + local.month - anchor.month) / months)
      : Math.floor((dayNumber(local) - dayNumber(anchor)) / days);
  // The estimate ignores the time of day and clock changes: it is off by one at most.
  while (boundary(k) > tMs) k -= 1;
  while (boundary(k + 1) <= tMs) k += 1;
  const startMs = boundary(k);
  const endMs = boundary(k + 1);
  return { startMs, endMs, lengthMs: endMs - startMs, rolling: false };
}

function dayNumber(local: Temporal.PlainDateTime): number {
  const { year, month, day } = local;
  // Date.UTC reads the years 0 to 99 as 1900 to 1999.
  return new Date(0).setUTCFullYear(year, month - 1, day) / DAY_MS;
}
