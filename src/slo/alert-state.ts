import { HOUR_MS, MINUTE_MS } from '../lib/duration.ts';
import { episodesOf, type HeldRuns, isOpen } from './alert-runs.ts';

/** What was last told of an alert: that it fires since then, and, unless null, that it has ended. */
export interface Told {
  readonly sinceMs: number;
  readonly untilMs: number | null;
}

/** What is kept of one alert. */
export interface AlertState {
  readonly runs: HeldRuns;
  readonly told: Told | null;
  /** What it was told with. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** By objective and condition: see `alertId`. */
export type AlertStates = Readonly<Record<string, AlertState>>;

export const NEVER_HELD: AlertState = { runs: [], told: null };

/** Names an alert within its SLO. The objective is empty for what is about the SLO as a whole. */
export function alertId(objective: string, key: string): string {
  return `${objective}/${key}`;
}

/** Something to be told. */
export interface AlertChange {
  readonly sinceMs: number;
  /** Null: it fires. */
  readonly endMs: number | null;
}

export interface AlertCircumstances {
  readonly resolveAfterMs: number;
  /** A whole minute. */
  readonly nowMs: number;
  /** Whether nobody is to be told at that time that the alert fires. */
  readonly isSilenced: (atMs: number) => boolean;
}

/** An alert that fired and ended before anybody was told is news for so long; older ones are history only. */
export const NEWS_MS = HOUR_MS;

/**
 * What is to be told at `nowMs`, and what then was told. An alert that is silenced is told of when the silence
 * ends, if it still fires then; that it has resolved is told in any case to whoever knows that it fires.
 */
export function settleAlert(
  { runs, told: before }: Pick<AlertState, 'runs' | 'told'>,
  { resolveAfterMs, nowMs, isSilenced }: AlertCircumstances,
): { readonly told: Told | null; readonly changes: readonly AlertChange[] } {
  const episodes = episodesOf(runs, resolveAfterMs, nowMs);
  const changes: AlertChange[] = [];
  let told = before;
  for (const { sinceMs, heldUntilMs, endMs } of episodes) {
    if (told !== null && told.untilMs === null) {
      // What was told fires still, or has ended, or has become another by data that came late.
      if (endMs === null || heldUntilMs < told.sinceMs) continue;
      changes.push({ sinceMs: told.sinceMs, endMs });
      told = { sinceMs: told.sinceMs, untilMs: endMs };
      continue;
    }
    if (told !== null && endMs !== null && sinceMs <= (told.untilMs ?? 0)) continue;
    const isNews = endMs === null || heldUntilMs >= nowMs - NEWS_MS;
    if (!isNews || isSilenced(nowMs) || (endMs !== null && isSilenced(heldUntilMs))) continue;
    changes.push({ sinceMs, endMs: null });
    if (endMs !== null) changes.push({ sinceMs, endMs });
    told = { sinceMs, untilMs: endMs };
  }
  if (told !== null && told.untilMs === null && episodes.at(-1)?.endMs !== null) {
    // Data that came late has taken it back.
    changes.push({ sinceMs: told.sinceMs, endMs: nowMs });
    told = { sinceMs: told.sinceMs, untilMs: nowMs };
  }
  return { told, changes };
}

/**
 * When the alert, settled at `nowMs`, may have to be told of next if no other minutes come to be known: it begins or
 * ends by what is known of minutes to come, or its silence may be over. Infinity for never.
 */
export function nextChangeMs(
  { runs, told }: Pick<AlertState, 'runs' | 'told'>,
  { resolveAfterMs, nowMs }: AlertCircumstances,
): number {
  const next = episodesOf(runs, resolveAfterMs, Number.POSITIVE_INFINITY).find(
    ({ heldUntilMs }) => heldUntilMs + resolveAfterMs > nowMs,
  );
  if (next === undefined) return Number.POSITIVE_INFINITY;
  if (next.sinceMs > nowMs) return next.sinceMs;
  // It fires, and nobody was told: it is silenced.
  if (told === null || told.untilMs !== null) return nowMs + MINUTE_MS;
  return isOpen(runs) ? Number.POSITIVE_INFINITY : next.heldUntilMs + resolveAfterMs;
}
