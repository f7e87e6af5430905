import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import type { Noise } from './noise.ts';

/** Something that went wrong for a while. */
export interface Incident {
  /** When it began, in minutes before the demo was first started. */
  readonly minutesAgo: number;
  readonly minutes: number;
  /** Share of events that it spoils, in (0, 1]; for values how far they go from good (0) to bad (1). */
  readonly share: number;
}

/** Live data is not to be dull: in each of these stretches something small may go wrong. */
const STRETCH_MS = 6 * HOUR_MS;
const CHANCE = 0.3;

/**
 * The share of events that fail at `ms` because of incidents: those that are listed, and after the first start of
 * the demo small ones, as the noise has it.
 */
export function incidentShare(
  incidents: readonly Incident[],
  { ms, startMs, noise }: { readonly ms: number; readonly startMs: number; readonly noise: Noise },
): number {
  let share = ms >= startMs ? laterShare(ms, startMs, noise) : 0;
  for (const incident of incidents) {
    const beganMs = startMs - incident.minutesAgo * MINUTE_MS;
    if (ms >= beganMs && ms < beganMs + incident.minutes * MINUTE_MS) share = Math.max(share, incident.share);
  }
  return share;
}

function laterShare(ms: number, startMs: number, noise: Noise): number {
  const stretch = Math.floor((ms - startMs) / STRETCH_MS);
  // The first stretch has the incident that goes on while the demo starts.
  if (stretch === 0 || noise(-4 * stretch) >= CHANCE) return 0;
  const beganMs = startMs + stretch * STRETCH_MS + noise(-4 * stretch - 1) * (STRETCH_MS / 2);
  const lengthMs = (5 + 25 * noise(-4 * stretch - 2)) * MINUTE_MS;
  return ms >= beganMs && ms < beganMs + lengthMs ? 0.02 + 0.1 * noise(-4 * stretch - 3) : 0;
}

/** Minutes before the first start of the demo. */
export function daysAgo(days: number, hours = 0): number {
  return (days * DAY_MS + hours * HOUR_MS) / MINUTE_MS;
}
