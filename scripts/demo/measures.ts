import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { type Incident, incidentShare } from './incidents.ts';
import { createNoise } from './noise.ts';
import { loadAt, weekdayOf } from './traffic.ts';

/** The whole sample follows from these two. */
export interface SampleWorld {
  readonly seed: number;
  /** When the demo was first started, in epoch milliseconds: incidents count back from here. */
  readonly startMs: number;
}

/** The fields of a point of `POST /api/v1/measurements` that carry what was measured. */
export type SamplePoint = Readonly<Partial<Record<'good' | 'bad' | 'total' | 'value', number>>>;

/** What was measured in the minute that starts at `minuteMs`. */
export type Measure = (minuteMs: number) => SamplePoint;

export interface EventsOptions {
  readonly name: string;
  /** Events of a minute at the peak of the day. */
  readonly peak: number;
  /** Share of the events that fail on a good day. */
  readonly badShare: number;
  readonly incidents: readonly Incident[];
}

/** Whole events of a minute. */
interface Events {
  readonly bad: number;
  readonly total: number;
}

function eventsOf(
  world: SampleWorld,
  { name, peak, badShare, incidents }: EventsOptions,
): (ms: number) => Events {
  const swing = createNoise(world.seed, `${name} load`);
  const chance = createNoise(world.seed, `${name} failures`);
  const later = createNoise(world.seed, `${name} incidents`);
  return (ms) => {
    const minute = ms / MINUTE_MS;
    const total = Math.round(peak * loadAt(ms) * (0.9 + 0.2 * swing(minute)));
    const spoilt = incidentShare(incidents, { ms, startMs: world.startMs, noise: later });
    // Rounded up or down by chance, so that the mean is the share.
    const bad = Math.min(total, Math.floor(total * (badShare + spoilt) + chance(minute)));
    return { bad, total };
  };
}

/** Requests as `good` and `total`. */
export function goodOfTotal(world: SampleWorld, options: EventsOptions): Measure {
  const events = eventsOf(world, options);
  return (ms) => {
    const { bad, total } = events(ms);
    return { good: total - bad, total };
  };
}

/** Requests as `bad` and `total`. */
export function badOfTotal(world: SampleWorld, options: EventsOptions): Measure {
  const events = eventsOf(world, options);
  return (ms) => ({ ...events(ms) });
}

/** Requests as `good` and `bad`; all fail in the half hour from Sunday 03:00 UTC, when the service is worked on. */
export function goodAndBad(world: SampleWorld, options: EventsOptions): Measure {
  const events = eventsOf(world, options);
  return (ms) => {
    const { bad, total } = events(ms);
    return isMaintenance(ms) ? { good: 0, bad: total } : { good: total - bad, bad };
  };
}

/** Sunday 03:00 UTC. */
const MAINTENANCE_MS = 3 * HOUR_MS;
export const MAINTENANCE_MINUTES = 30;

function isMaintenance(ms: number): boolean {
  const sinceMs = (ms % DAY_MS) - MAINTENANCE_MS;
  return weekdayOf(ms) === 0 && sinceMs >= 0 && sinceMs < MAINTENANCE_MINUTES * MINUTE_MS;
}

/** The start of the last maintenance before `ms`. */
export function maintenanceBefore(ms: number): number {
  return ms - (ms % DAY_MS) - weekdayOf(ms) * DAY_MS + MAINTENANCE_MS;
}

/** The server behind the counters is restarted every Wednesday at 04:00 UTC. */
const RESTART_WEEKDAY = 3;
const RESTART_MS = 4 * HOUR_MS;

function restartBefore(ms: number): number {
  const shifted = ms - RESTART_MS;
  const daysSince = (weekdayOf(shifted) - RESTART_WEEKDAY + 7) % 7;
  return shifted - (shifted % DAY_MS) - daysSince * DAY_MS + RESTART_MS;
}

/** Requests as running totals of `good` and `total`, which begin anew with each restart of the server. */
export function counters(world: SampleWorld, options: EventsOptions): Measure {
  const events = eventsOf(world, options);
  let sums = { restartMs: Number.NaN, nextMs: Number.NaN, good: 0, total: 0 };
  return (ms) => {
    const restartMs = restartBefore(ms);
    if (sums.restartMs !== restartMs || sums.nextMs > ms + MINUTE_MS) {
      sums = { restartMs, nextMs: restartMs, good: 0, total: 0 };
    }
    while (sums.nextMs <= ms) {
      const { bad, total } = events(sums.nextMs);
      const { good: goodBefore, total: totalBefore } = sums;
      sums = {
        restartMs,
        nextMs: sums.nextMs + MINUTE_MS,
        good: goodBefore + total - bad,
        total: totalBefore + total,
      };
    }
    return { good: sums.good, total: sums.total };
  };
}

export interface ValuesOptions {
  readonly name: string;
  /** On a quiet night, and on a busy day. */
  readonly quiet: number;
  readonly busy: number;
  /** How much an incident of share 1 adds. */
  readonly bad: number;
  readonly incidents: readonly Incident[];
}

/** A value a minute, such as a latency: it grows with the load, and now and then one sticks out. */
export function values(world: SampleWorld, { name, quiet, busy, bad, incidents }: ValuesOptions): Measure {
  const swing = createNoise(world.seed, `${name} value`);
  const outlier = createNoise(world.seed, `${name} outliers`);
  const later = createNoise(world.seed, `${name} incidents`);
  return (ms) => {
    const minute = ms / MINUTE_MS;
    const usual = quiet + (busy - quiet) * loadAt(ms);
    const spoilt = incidentShare(incidents, { ms, startMs: world.startMs, noise: later });
    const value = usual * (0.85 + 0.3 * swing(minute)) + bad * (spoilt + outlier(minute) ** 200);
    return { value: Math.round(value * 10) / 10 };
  };
}
