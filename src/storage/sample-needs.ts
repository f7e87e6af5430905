import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { Selection } from '../promql/source.ts';
import { changedFrom } from '../slo/history-marks.ts';
import type { ConfiguredSeries } from './account-series.ts';
import { SampleColumn } from './sample-column.ts';
import { historyMarksOf, type SeriesHistory } from './series-definitions.ts';

/**
 * Steps so far apart that each is read by itself: `instants` are those with `instant - phaseMs` a multiple of
 * `stepMs`, and what counts at each is the newest sample of the `windowMs` before.
 */
export interface Steps {
  readonly stepMs: number;
  readonly phaseMs: number;
  readonly windowMs: number;
}

/** What a query needs to have of one series: all samples with `fromMs < time <= toMs`, or those at steps. */
export interface Need {
  readonly series: ConfiguredSeries;
  readonly history: SeriesHistory;
  readonly steps: Steps | null;
  fromMs: number;
  toMs: number;
}

/** A stretch of a column that is to be read: behind what it holds, or as a column of its own. */
export interface Gap {
  readonly need: Need;
  readonly into: SampleColumn;
  /** Exclusive. */
  readonly fromMs: number;
  /** Inclusive. */
  readonly toMs: number;
  /** Up to where all that is in `into` will be known and settled, once it is read. */
  readonly settledMs: number;
}

/** The columns of a need: what stands in the cache, and what is to be read for it. */
export interface Plan {
  readonly column: SampleColumn;
  readonly gaps: readonly Gap[];
  /** To be put in front of the column once it is read. */
  readonly head: SampleColumn | null;
  /** Whether the column is worth keeping. */
  readonly keep: boolean;
}

/** From how many windows a step on the steps are read one by one. */
const SPARSE_WINDOWS = 2;
/** A hole in what is known is filled rather than started anew beyond when it is no longer than this. */
const FILL_MS = 60 * MINUTE_MS;

const NO_GAPS: readonly Gap[] = [];

/** The steps of a selection that skips most samples; null where all of them are to be read. */
export function stepsOf({ hints }: Selection): Steps | null {
  const { kind, startMs, endMs, stepMs, windowMs } = hints;
  if (kind !== 'instant' || endMs <= startMs || stepMs < SPARSE_WINDOWS * windowMs) return null;
  return { stepMs, phaseMs: startMs - floorTo(startMs, stepMs), windowMs };
}

/** The same for needs that one column can answer. */
export function needKey({ key }: ConfiguredSeries, steps: Steps | null): string {
  return steps === null ? key : `${key}@${steps.stepMs}+${steps.phaseMs}-${steps.windowMs}`;
}

/** The instants of the steps with `fromMs < instant <= toMs`. */
export function instantsIn({ stepMs, phaseMs }: Steps, fromMs: number, toMs: number): number[] {
  const instants: number[] = [];
  let at = floorTo(fromMs - phaseMs, stepMs) + phaseMs + stepMs;
  for (; at <= toMs; at += stepMs) instants.push(at);
  return instants;
}

/**
 * What of the need is known, and what is to be read. `settledMs`: rows up to there are what they will be, as long
 * as the past does not change. A column whose past has changed is cut off before it. `copy`: somebody else may be
 * reading its arrays.
 */
export function planNeed(
  need: Need,
  cached: SampleColumn | undefined,
  settledMs: number,
  { copy }: { readonly copy: boolean },
): Plan {
  const { history } = need;
  const { historyVersion } = history;
  // A column of a newer version was made by a query that saw more; it is not older for that.
  if (cached !== undefined && cached.version < historyVersion) {
    const changedMs = changedFrom(historyMarksOf(history), historyVersion - cached.version);
    cached.cutOff(changedMs <= cached.untilMs ? beginOf(need.steps, changedMs) : changedMs, { copy });
    cached.version = historyVersion;
  }
  const toMs = Math.max(need.fromMs, need.toMs);
  const knownMs = settledOf(need.steps, Math.min(toMs, settledMs));
  if (cached === undefined || isApart(cached, need)) {
    const column = new SampleColumn(need.fromMs, historyVersion);
    const gaps = [{ need, into: column, fromMs: need.fromMs, toMs, settledMs: knownMs }];
    const isLonger = cached === undefined || toMs - need.fromMs >= cached.untilMs - cached.fromMs;
    return { column, gaps, head: null, keep: isLonger };
  }
  if (need.fromMs >= cached.fromMs && toMs <= cached.untilMs) {
    return { column: cached, gaps: NO_GAPS, head: null, keep: true };
  }
  const gaps: Gap[] = [];
  let head: SampleColumn | null = null;
  if (need.fromMs < cached.fromMs) {
    head = new SampleColumn(need.fromMs, historyVersion);
    gaps.push({ need, into: head, fromMs: need.fromMs, toMs: cached.fromMs, settledMs: cached.fromMs });
  }
  if (toMs > cached.untilMs) {
    cached.cutOff(Number.POSITIVE_INFINITY, { copy });
    gaps.push({ need, into: cached, fromMs: cached.untilMs, toMs, settledMs: knownMs });
  }
  return { column: cached, gaps, head, keep: true };
}

/** Of steps, the last one that is settled. */
function settledOf(steps: Steps | null, settledMs: number): number {
  if (steps === null || !Number.isFinite(settledMs)) return settledMs;
  return floorTo(settledMs - steps.phaseMs, steps.stepMs) + steps.phaseMs;
}

/** What is read for a step may be older than the step, so a change touches the step's whole window. */
function beginOf(steps: Steps | null, changedMs: number): number {
  if (steps === null || !Number.isFinite(changedMs)) return changedMs;
  return floorTo(changedMs - 1 - steps.phaseMs, steps.stepMs) + steps.phaseMs + 1;
}

function isApart(cached: SampleColumn, { fromMs, toMs }: Need): boolean {
  const fill = Math.max(FILL_MS, cached.untilMs - cached.fromMs);
  return fromMs > cached.untilMs + fill || toMs < cached.fromMs - fill;
}
