import { DAY_MS, HOUR_MS } from '../../src/lib/duration.ts';

const DAYTIME_SHARE = 0.8;
const WEEKEND_SHARE = 0.65;
/** 1970 began on a Thursday. */
const DAYS_TO_THURSDAY = 4;

/** 0 for Sunday to 6 for Saturday, UTC. */
export function weekdayOf(ms: number): number {
  return (Math.floor(ms / DAY_MS) + DAYS_TO_THURSDAY) % 7;
}

/** How busy a service is at an instant: 1 at the peak of a working day, in the afternoon, UTC. */
export function loadAt(ms: number): number {
  const hour = (ms % DAY_MS) / HOUR_MS;
  const wave = (1 - Math.cos((2 * Math.PI * (hour - 3)) / 24)) / 2;
  const weekday = weekdayOf(ms);
  const isWeekend = weekday === 0 || weekday === 6;
  return (1 - DAYTIME_SHARE + DAYTIME_SHARE * wave) * (isWeekend ? WEEKEND_SHARE : 1);
}
