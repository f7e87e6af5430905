import { MINUTE_MS } from '../lib/duration.ts';
import type { CompositeWalk } from '../slo/composite-walk.ts';
import type { Slo } from '../slo/definition.ts';
import type { MinuteChange } from '../slo/rewrite.ts';
import type { MinuteReceived } from '../slo/sli.ts';
import { type MovedSpan, splitSpan } from './moved-span.ts';
import { rowsOf, type SpannedSeries, spanOfChange } from './series-plan.ts';

/** A series of which minutes have changed, or which is to be carried on. The SLO's row must be locked. */
export interface SeriesChange {
  readonly slo: Slo;
  readonly objective: string;
  /** Ascending, one a minute; none to carry the series on only. */
  readonly changes: readonly MinuteReceived[];
  /** Minutes of which it is decided anew what of them is used: the first and the last one. */
  readonly resettle?: { readonly fromMs: number; readonly untilMs: number };
  /** Rows are to stand up to here, while the window holds data; null for no further than they do. */
  readonly extendToMs: number | null;
  /** Rows from here on are computed anew even where nothing came in, since the rule has changed. */
  readonly anewFromMs?: number;
  /** Rows from here on, for whose minutes nothing came in, are removed first: someone else makes them again. */
  readonly silentFromMs?: number | null;
}

/** Rows that one pass may hold in memory, with what they look back to about 500 bytes each. */
const ROWS_A_PASS = 10_000;

/** A change of which it is settled what it does to each minute. */
interface Settled extends Omit<SeriesChange, 'changes'> {
  readonly changes: readonly MinuteChange[];
}

/** A series whose rows of a span are to be computed and written. */
export interface Planned extends Settled, SpannedSeries {
  readonly composite?: CompositeWalk;
  /** Rows behind the span that are moved, not computed, and the last one that then may change. */
  readonly behind?: { readonly moved: MovedSpan; readonly untilMs: number };
}

/** `at` of the last row that stands when the work is done. */
const endOf = (change: Settled, lastRowMs: number | null): number =>
  Math.max(
    lastRowMs ?? Number.NEGATIVE_INFINITY,
    change.extendToMs ?? Number.NEGATIVE_INFINITY,
    (change.changes.at(-1)?.minuteMs ?? Number.NEGATIVE_INFINITY) + MINUTE_MS,
  );

/** Which rows a change touches; null for none. `lastRowMs` is `at` of the newest row, null where there are none. */
export function plan(change: Settled, lastRowMs: number | null): Planned | null {
  const { slo, objective } = change;
  const key = { accountId: slo.accountId, sloId: slo.id, objective };
  const limitMs = endOf(change, lastRowMs);
  const first = change.changes[0];
  const last = change.changes.at(-1);
  if (first !== undefined && last !== undefined) {
    const changedAt = first.minuteMs + MINUTE_MS;
    // Minutes without data between the last row and the first change have statuses too.
    const firstAt = lastRowMs === null ? changedAt : Math.min(changedAt, lastRowMs + MINUTE_MS);
    const span = spanOfChange(slo, objective, firstAt, last.minuteMs + MINUTE_MS, limitMs);
    // Rows that are missing at the end are made in the same pass.
    const untilMs = lastRowMs === null || lastRowMs < limitMs ? limitMs : span.untilMs;
    const whole = { ...change, key, lastRowMs, span: { fromMs: span.fromMs, untilMs } };
    const split = splitSpan(whole);
    return split === null ? whole : { ...whole, span: split.near, behind: { moved: split.moved, untilMs } };
  }
  if (lastRowMs === null) return null;
  const next = Math.min(lastRowMs, (change.anewFromMs ?? Number.POSITIVE_INFINITY) - MINUTE_MS) + MINUTE_MS;
  if (next > limitMs) return null;
  const { fromMs } = spanOfChange(slo, objective, next, next, limitMs);
  return { ...change, key, lastRowMs, span: { fromMs, untilMs: limitMs } };
}

/** The most rows that the spans can have. */
export const sizeOf = (all: readonly Planned[]): number =>
  all.reduce((sum, { span }) => sum + rowsOf(span), 0);

/** The series, in their order, in passes of bounded size; a long one has a pass of its own. */
export function passesOf(planned: readonly Planned[]): Planned[][] {
  const passes: Planned[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const series of planned) {
    const length = sizeOf([series]);
    if (size + length > ROWS_A_PASS) {
      passes.push([]);
      size = 0;
    }
    passes.at(-1)?.push(series);
    size += length;
  }
  return passes;
}
