import { DAY_MS, floorTo, HOUR_MS, MINUTE_MS } from '../lib/duration.ts';
import { waitingReach } from '../slo/composite.ts';
import type { Slo } from '../slo/definition.ts';
import { judgedLookbacks } from '../slo/instants.ts';
import { ruleSegments, sliceTargetAt } from '../slo/revision.ts';
import type { MinuteChange } from '../slo/rewrite.ts';
import {
  endOfCount,
  lastInstant,
  type ObjectiveRule,
  type StatusOptions,
  stepOf,
  straddlingSlice,
  windowInstant,
} from '../slo/rule.ts';
import type { Sums } from '../slo/status.ts';
import { type ResolvedWindow, windowAt } from '../slo/window.ts';
import type { SeriesKey, SeriesRange } from '../storage/series-columns.ts';

/** Neighbouring ranges closer than this are read as one. */
const MERGE_GAP_MS = 60 * MINUTE_MS;

export interface RewriteSpan {
  /** `at` of the first and the last row that may change. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A series of which the rows of a span are to be computed. */
export interface SpannedSeries {
  readonly slo: Slo;
  readonly objective: string;
  readonly key: SeriesKey;
  readonly span: RewriteSpan;
  /** `at` of the newest row; null for a series without rows. */
  readonly lastRowMs: number | null;
  /** Of minutes in the span, ascending, one a minute. */
  readonly changes: readonly MinuteChange[];
}

/** Up to so many rows the instants that they look back to are fetched one by one, not as ranges. */
const SHORT_SPAN_MS = 5 * MINUTE_MS;

export const isShortSpan = ({ fromMs, untilMs }: RewriteSpan): boolean => untilMs - fromMs < SHORT_SPAN_MS;

/** The most rows that a span can have. */
export const rowsOf = ({ fromMs, untilMs }: RewriteSpan): number => (untilMs - fromMs) / MINUTE_MS + 1;

/**
 * The rows that a change of the minutes ending at `firstAt` to `lastAt` touches: up to where the newest of
 * them has left the window and every look-back, and at least to the end of its UTC day, whose running totals
 * it is part of; never past `limitMs`, the last row that is to stand.
 */
export function spanOfChange(
  slo: Slo,
  objective: string,
  firstAt: number,
  lastAt: number,
  limitMs: number,
): RewriteSpan {
  const step = stepOf(slo);
  const fromMs = floorTo(firstAt - 1, step) + MINUTE_MS;
  const countedAt = endOfCount(slo, lastAt - 1);
  let untilMs = floorTo(countedAt - 1, DAY_MS) + DAY_MS;
  for (const { fromMs: start, toMs: end, rule } of ruleSegments(slo, objective, fromMs, limitMs + 1)) {
    const reach = Math.max(...judgedLookbacks(rule)) + step;
    untilMs = Math.max(untilMs, Math.min(end, countedAt + reach));
    if (rule.timeWindow.type === 'rolling') {
      untilMs = Math.max(untilMs, Math.min(end, countedAt + rule.timeWindow.durationMs + step));
    } else {
      // The period that holds the change, seen from the first minute of this rule that can see it.
      const seen = Math.max(start, countedAt - MINUTE_MS);
      const window = windowAt(rule.timeWindow, seen);
      if (window.startMs < countedAt) untilMs = Math.max(untilMs, Math.min(end, window.endMs + step));
    }
  }
  return { fromMs, untilMs: Math.min(limitMs, untilMs) };
}

/** The rows before `span` that statuses inside it look back to. */
export function lookbackRanges(
  slo: Slo,
  objective: string,
  series: number,
  span: RewriteSpan,
): SeriesRange[] {
  const before = span.fromMs - MINUTE_MS;
  // The lookbacks of a composite that waits end, and begin, that much earlier.
  const waitMs = slo.sli.type === 'composite' ? waitingReach(slo.revisions, HOUR_MS) + slo.sliceMs : 0;
  const ranges: [low: number, high: number][] = [[before, before]];
  const add = (low: number, high: number): void => {
    if (low <= before) ranges.push([low, Math.min(high, before)]);
  };
  for (const { fromMs, toMs, rule } of ruleSegments(slo, objective, span.fromMs, span.untilMs + 1)) {
    const first = lastInstant(rule, fromMs);
    const last = lastInstant(rule, toMs);
    for (const reach of judgedLookbacks(rule)) add(first - reach - waitMs, last - reach);
    if (rule.timeWindow.type === 'rolling') {
      const { durationMs } = rule.timeWindow;
      add(first - durationMs, last - durationMs);
    } else {
      const start = windowInstant(rule, windowAt(rule.timeWindow, fromMs));
      add(start, start);
    }
  }
  ranges.sort((a, b) => a[0] - b[0]);
  const merged: [low: number, high: number][] = [];
  for (const range of ranges) {
    const previous = merged.at(-1);
    if (previous !== undefined && range[0] <= previous[1] + MERGE_GAP_MS) {
      previous[1] = Math.max(previous[1], range[1]);
    } else {
      merged.push(range);
    }
  }
  return merged.map(([fromMs, toMs]) => ({ series, fromMs, toMs }));
}

/** The window's start, and its minutes before `span`, of a slice that straddles it there. */
export interface StraddleBefore {
  readonly startMs: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export function straddlesBefore(slo: Slo, objective: string, span: RewriteSpan): StraddleBefore[] {
  if (slo.budgetingMethod !== 'timeslices') return [];
  return ruleSegments(slo, objective, span.fromMs, span.untilMs + 1).flatMap(({ fromMs, rule }) => {
    const window = windowAt(rule.timeWindow, fromMs);
    const slice = straddlingSlice(window, rule.sliceMs);
    return slice === null || slice.toMs > span.fromMs ? [] : [{ startMs: window.startMs, ...slice }];
  });
}

/** What a status over the window needs of the slice that straddles the window's start. */
export function straddleIn(
  rule: ObjectiveRule,
  window: ResolvedWindow,
): { readonly fromMs: number; readonly toMs: number } | null {
  return rule.budgetingMethod === 'timeslices' ? straddlingSlice(window, rule.sliceMs) : null;
}

/** That slice's used sums as a status takes them, judged by the target that was in force in it. */
export function straddleOptions(
  slo: Slo,
  rule: ObjectiveRule,
  window: ResolvedWindow,
  minutes: Sums | null,
): StatusOptions {
  const slice = straddleIn(rule, window);
  if (slice === null || minutes === null) return {};
  return { straddle: { ...minutes, ...sliceTargetAt(slo.revisions, rule.objective.name, slice.toMs) } };
}
