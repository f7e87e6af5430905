import { RRuleTemporal } from 'rrule-temporal';
import { Temporal } from 'temporal-polyfill';
import { DAY_MS, MINUTE_MS } from '../lib/duration.ts';

/** Minutes that count as if they never were, once or again and again. */
export interface BudgetAdjustment {
  /** UUID. */
  readonly id: string;
  /** Of the first occurrence; a whole minute, like `durationMs`. */
  readonly startsAtMs: number;
  readonly durationMs: number;
  /** The recurrence of RFC 5545 without its name, `FREQ=WEEKLY;BYDAY=SU`; null for once. */
  readonly rrule: string | null;
  /** IANA name: the zone in whose wall-clock time it recurs. */
  readonly timeZone: string;
  readonly reason: string;
  readonly createdAtMs: number;
}

/** A stretch of time `[fromMs, toMs)`. */
export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The minutes inside `[fromMs, toMs)` that the adjustments take out: stretches that ascend and do not touch. */
export function adjustedStretches(
  adjustments: readonly BudgetAdjustment[],
  fromMs: number,
  toMs: number,
): Stretch[] {
  const stretches = adjustments
    .flatMap((adjustment) => occurrences(adjustment, fromMs, toMs))
    .sort((a, b) => a.fromMs - b.fromMs);
  const merged: Stretch[] = [];
  for (const stretch of stretches) {
    const last = merged.at(-1);
    const from = Math.max(stretch.fromMs, fromMs);
    const to = Math.min(stretch.toMs, toMs);
    if (from >= to) continue;
    if (last !== undefined && from <= last.toMs) {
      merged[merged.length - 1] = { fromMs: last.fromMs, toMs: Math.max(last.toMs, to) };
    } else {
      merged.push({ fromMs: from, toMs: to });
    }
  }
  return merged;
}

/** Whether a minute of `[fromMs, toMs)` lies in one of the adjustments. */
export function adjustedFinder(
  adjustments: readonly BudgetAdjustment[],
  fromMs: number,
  toMs: number,
): (minuteMs: number) => boolean {
  const stretches = adjustments.length === 0 ? [] : adjustedStretches(adjustments, fromMs, toMs);
  if (stretches.length === 0) return () => false;
  return (minuteMs) => {
    let low = 0;
    let high = stretches.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((stretches[middle]?.toMs ?? 0) <= minuteMs) low = middle + 1;
      else high = middle;
    }
    return (stretches[low]?.fromMs ?? Number.POSITIVE_INFINITY) <= minuteMs;
  };
}

/** Those that overlap `[fromMs, toMs)`. */
function occurrences(adjustment: BudgetAdjustment, fromMs: number, toMs: number): Stretch[] {
  const { startsAtMs, durationMs, rrule } = adjustment;
  const starts =
    rrule === null ? [startsAtMs] : recurrences({ ...adjustment, rrule }, fromMs - durationMs, toMs);
  return starts
    .map((start) => ({ fromMs: start, toMs: start + durationMs }))
    .filter((stretch) => stretch.toMs > fromMs && stretch.fromMs < toMs);
}

type Recurrence = Pick<BudgetAdjustment, 'startsAtMs' | 'timeZone'> & { readonly rrule: string };

/**
 * Every start in `[fromMs, toMs]`, in wall-clock time: a time that a clock change skips moves forward by the gap,
 * one that occurs twice is the first. Plain hours, which name no day and no hour, pass one after the other.
 */
function recurrences(recurrence: Recurrence, fromMs: number, toMs: number): number[] {
  const { startsAtMs, rrule } = recurrence;
  if (toMs < startsAtMs) return [];
  const zone = /FREQ=HOURLY/.test(rrule) && !/BY/.test(rrule) ? 'UTC' : recurrence.timeZone;
  // Wall-clock time is counted as if it were UTC, which knows no clock changes; offsets are at most a day.
  const toWall = (ms: number): number => wallClockMs(ms, zone);
  const rule = new RRuleTemporal({
    rruleString: rrule.replace(/UNTIL=([0-9TZ]+)/, (_, until: string) => `UNTIL=${untilIn(until, toWall)}`),
    dtstart: Temporal.Instant.fromEpochMilliseconds(toWall(startsAtMs)).toZonedDateTimeISO('UTC'),
    maxIterations: MAX_OCCURRENCES * 2,
    cache: false,
  });
  return rule
    .between(new Date(Math.max(fromMs, startsAtMs) - DAY_MS), new Date(toMs + DAY_MS), true)
    .map((start) => instantOf(start, zone))
    .filter((start) => start >= fromMs && start <= toMs);
}

/** The wall-clock time of a zone at an instant, as if it were UTC. */
function wallClockMs(ms: number, zone: string): number {
  const local = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone).toPlainDateTime();
  return local.toZonedDateTime('UTC').epochMilliseconds;
}

function instantOf(wallClock: { toString(): string }, zone: string): number {
  const local = Temporal.ZonedDateTime.from(wallClock.toString()).toPlainDateTime();
  return local.toZonedDateTime(zone, { disambiguation: 'compatible' }).epochMilliseconds;
}

const UNTIL = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;

/** UNTIL is an instant in UTC, to be compared in the time that the rule is counted in. */
function untilIn(until: string, toWall: (ms: number) => number): string {
  const at = UNTIL.exec(until);
  if (at === null) throw new RangeError(`UNTIL=${until} is no time in UTC`);
  const ms = Date.parse(`${at[1]}-${at[2]}-${at[3]}T${at[4]}:${at[5]}:${at[6]}Z`);
  return new Date(toWall(ms)).toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
}

const PARTS: Readonly<Record<string, RegExp>> = {
  FREQ: /^(YEARLY|MONTHLY|WEEKLY|DAILY|HOURLY)$/,
  INTERVAL: /^[1-9]\d{0,3}$/,
  COUNT: /^[1-9]\d{0,3}$/,
  UNTIL,
  BYMONTH: /^\d{1,2}(,\d{1,2})*$/,
  BYMONTHDAY: /^[+-]?\d{1,2}(,[+-]?\d{1,2})*$/,
  BYYEARDAY: /^[+-]?\d{1,3}(,[+-]?\d{1,3})*$/,
  BYWEEKNO: /^[+-]?\d{1,2}(,[+-]?\d{1,2})*$/,
  BYDAY: /^[+-]?\d{0,2}(MO|TU|WE|TH|FR|SA|SU)(,[+-]?\d{0,2}(MO|TU|WE|TH|FR|SA|SU))*$/,
  BYHOUR: /^\d{1,2}(,\d{1,2})*$/,
  // One only: with more of them it would recur more often than hourly.
  BYMINUTE: /^\d{1,2}$/,
  BYSETPOS: /^[+-]?\d{1,3}(,[+-]?\d{1,3})*$/,
  WKST: /^(MO|TU|WE|TH|FR|SA|SU)$/,
};

/** As many as COUNT can say. */
const MAX_OCCURRENCES = 9999;

/** What is wrong with a recurrence that begins at `startsAtMs`; null when nothing is. */
export function rruleFault(rrule: string, startsAtMs: number, timeZone: string): string | null {
  const parts = rrule.split(';').map((part) => part.split('='));
  const names = parts.map(([name]) => name);
  if (!names.includes('FREQ')) return 'must have a FREQ of YEARLY, MONTHLY, WEEKLY, DAILY or HOURLY';
  if (new Set(names).size < names.length) return 'names a part twice';
  if (names.includes('COUNT') && names.includes('UNTIL')) return 'has either COUNT or UNTIL, not both';
  for (const [name = '', value = '', ...rest] of parts) {
    if (!Object.hasOwn(PARTS, name)) return `has a part that is not known: ${name.slice(0, 20)}`;
    if (rest.length === 0 && PARTS[name]?.test(value)) continue;
    if (name === 'FREQ')
      return 'must recur hourly at most: FREQ is one of YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY';
    if (name === 'UNTIL') return 'must have an UNTIL in UTC, such as 20261231T235959Z';
    return `has a ${name} that is not valid`;
  }
  try {
    const first = recurrences({ rrule, startsAtMs, timeZone }, startsAtMs, startsAtMs);
    return first.includes(startsAtMs) ? null : `must hold starts_at, in the time of ${timeZone}`;
  } catch {
    return 'is not a recurrence of RFC 5545';
  }
}

/** Whole minutes: what is taken out and what is left are minute buckets. */
export function isWholeMinutes(ms: number): boolean {
  return ms % MINUTE_MS === 0;
}
