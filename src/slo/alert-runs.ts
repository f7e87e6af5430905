import { MINUTE_MS } from '../lib/duration.ts';

/**
 * The minutes at which a condition held, as the first and the last of each run, in minutes since the epoch:
 * ascending, and never two runs that touch. Which minutes these are does not depend on the order in which they
 * became known, so neither does anything that is made of them.
 */
export type HeldRuns = readonly number[];

/** The last minute of a run that lasts until it becomes known that it has ended; still a time that a Date can hold. */
export const OPEN_END = 100_000_000_000;

/** Whether the condition holds until something else becomes known. */
export function isOpen(runs: HeldRuns): boolean {
  return runs.at(-1) === OPEN_END;
}

/** Runs that are kept; older ones are forgotten. */
const MAX_RUNS = 100;

/** Notes that the condition of the alert held at `minute`, later than all that was noted of it before. */
export function addMinute(runs: Map<string, number[]>, id: string, minute: number): void {
  const own = runs.get(id);
  if (own === undefined) runs.set(id, [minute, minute]);
  else if (own.at(-1) === minute - 1) own[own.length - 1] = minute;
  else own.push(minute, minute);
}

/** The runs after the minutes from `from` to `until` were judged anew: `found` are the runs among these. */
export function replaceRuns(runs: HeldRuns, from: number, until: number, found: HeldRuns): HeldRuns {
  const before: number[] = [];
  const after: number[] = [];
  for (let i = 0; i < runs.length; i += 2) {
    const [first = 0, last = 0] = [runs[i], runs[i + 1]];
    if (first < from) before.push(first, Math.min(last, from - 1));
    if (last > until) after.push(Math.max(first, until + 1), last);
  }
  const joined: number[] = [];
  for (const part of [before, found, after]) {
    for (let i = 0; i < part.length; i += 2) {
      const [first = 0, last = 0] = [part[i], part[i + 1]];
      const end = joined.at(-1);
      if (end !== undefined && first <= end + 1) joined[joined.length - 1] = Math.max(end, last);
      else joined.push(first, last);
    }
  }
  return joined.slice(-2 * MAX_RUNS);
}

/** From when on all runs are kept; -Infinity where none has been forgotten yet. */
export function firstKeptMs(runs: HeldRuns): number {
  return runs.length < 2 * MAX_RUNS ? Number.NEGATIVE_INFINITY : (runs[0] ?? 0) * MINUTE_MS;
}

/** One time that an alert fired. */
export interface Episode {
  /** The first minute at which the condition held. */
  readonly sinceMs: number;
  /** The last one so far. */
  readonly heldUntilMs: number;
  /** When it resolved; null while it fires. */
  readonly endMs: number | null;
}

/**
 * The times that the alert has fired up to `nowMs`, ascending: it starts when the condition first holds, and ends
 * when the condition has not held for `resolveAfterMs`, at least a minute.
 */
export function episodesOf(runs: HeldRuns, resolveAfterMs: number, nowMs: number): Episode[] {
  const merged: { sinceMs: number; heldUntilMs: number }[] = [];
  for (let i = 0; i < runs.length; i += 2) {
    const sinceMs = (runs[i] ?? 0) * MINUTE_MS;
    if (sinceMs > nowMs) break;
    const heldUntilMs = Math.min((runs[i + 1] ?? 0) * MINUTE_MS, nowMs);
    const last = merged.at(-1);
    if (last !== undefined && sinceMs <= last.heldUntilMs + resolveAfterMs) last.heldUntilMs = heldUntilMs;
    else merged.push({ sinceMs, heldUntilMs });
  }
  return merged.map(({ sinceMs, heldUntilMs }) => {
    const endMs = heldUntilMs + resolveAfterMs;
    return { sinceMs, heldUntilMs, endMs: endMs <= nowMs ? endMs : null };
  });
}
