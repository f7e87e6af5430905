import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { SloDefinition } from './definition.ts';
import type { Backfill, MinuteRange, PullState } from './pull-state.ts';
import type { PulledSource } from './source.ts';
import { windowAt } from './window.ts';

/** Rows of so many past minutes are read again, since they may come late. */
export const REREAD_MS = 15 * MINUTE_MS;

export function pulledSource({ sli }: Pick<SloDefinition, 'sli'>): PulledSource | null {
  return sli.type === 'composite' || sli.source.type === 'push' ? null : sli.source;
}

/**
 * Where reading begins. What lies in the database is read from the start of the SLO's window, so that it counts
 * at once; a Prometheus, where that could be expensive, a little before now, and the past on request.
 */
export function firstPull(definition: SloDefinition, nowMs: number, retentionMs: number): PullState | null {
  const source = pulledSource(definition);
  if (source === null) return null;
  const atMs = floorTo(nowMs, MINUTE_MS);
  const windowStartMs = floorTo(windowAt(definition.timeWindow, atMs).startMs, MINUTE_MS);
  const wantedMs = source.type === 'prometheus' ? atMs - REREAD_MS : windowStartMs;
  const keptMs = floorTo(nowMs - retentionMs, MINUTE_MS) + MINUTE_MS;
  const fromMs = Math.min(atMs, Math.max(wantedMs, keptMs));
  return { fromMs, untilMs: fromMs, lastPulledAtMs: null, lastError: null, recent: {} };
}

/** Goes on from where the old source was left: what was read of that stays as it is. */
export function pullOfNewSource(
  previous: PullState | null,
  definition: SloDefinition,
  nowMs: number,
): PullState | null {
  if (pulledSource(definition) === null) return null;
  const fromMs = previous?.untilMs ?? floorTo(nowMs, MINUTE_MS);
  return { fromMs, untilMs: fromMs, lastPulledAtMs: null, lastError: null, recent: {} };
}

/**
 * What is to be read next, up to `atMs`: the last minutes again and then on, at most `sliceMs` of new ones. What
 * lies before `keptFromMs` would not be kept, and is passed over.
 */
export function nextSlice(
  { fromMs, untilMs }: PullState,
  {
    atMs,
    sliceMs,
    keptFromMs,
  }: { readonly atMs: number; readonly sliceMs: number; readonly keptFromMs: number },
): MinuteRange {
  const lowestMs = Math.max(fromMs, keptFromMs);
  const nextMs = Math.max(untilMs, lowestMs);
  return { fromMs: Math.max(lowestMs, nextMs - REREAD_MS), toMs: Math.min(atMs, nextMs + sliceMs) };
}

/** The next minutes of a backfill. */
export function nextBackfillSlice({ nextMs, toMs }: Backfill, sliceMs: number): MinuteRange {
  return { fromMs: nextMs, toMs: Math.min(toMs, nextMs + sliceMs) };
}

/** Seconds between now and the end of what was read; null before the first answer. */
export function lagSeconds(pull: PullState | null, nowMs: number): number | null {
  return pull === null || pull.lastPulledAtMs === null ? null : Math.max(0, nowMs - pull.untilMs) / 1000;
}
