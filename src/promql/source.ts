import type { Labels } from './labels.ts';
import type { Matcher } from './matcher.ts';

/**
 * The samples of one series as columns. Those at the indices `start` (inclusive) to `end` (exclusive) are
 * what was selected; the arrays may hold more around them, so that a source can hand out a cache's arrays.
 * The engine never writes into them.
 */
export interface Series {
  readonly labels: Labels;
  /** Epoch milliseconds, strictly ascending. */
  readonly times: Float64Array;
  /** A staleness marker is the bit pattern that `markStale` writes; any other NaN is a value. */
  readonly values: Float64Array;
  readonly start: number;
  readonly end: number;
}

/**
 * How the engine reads what it selects. At each instant `startMs + k * stepMs` up to `endMs` (both already
 * moved by `offset` and `@`) it looks at the samples in `(instant - windowMs, instant]`: for `instant` only at
 * the newest one, so that a source may leave out those that are never the newest; for `range` at all of them.
 */
export interface SelectionHints {
  readonly kind: 'instant' | 'range';
  readonly startMs: number;
  readonly endMs: number;
  /** Above 0, also when there is one instant only. */
  readonly stepMs: number;
  readonly windowMs: number;
  /** The function or aggregator directly around the selector, e.g. `avg_over_time`, `sum`; null for none. */
  readonly around: string | null;
  /** The labels that an aggregator directly around keeps (`by`) or drops; null for none. */
  readonly grouping: { readonly by: boolean; readonly labels: readonly string[] } | null;
}

export interface Selection {
  /** All of them must match. */
  readonly matchers: readonly Matcher[];
  /** Exclusive, epoch milliseconds. */
  readonly fromMs: number;
  /** Inclusive, epoch milliseconds. */
  readonly toMs: number;
  readonly hints: SelectionHints;
}

/** Where the engine reads samples. */
export interface SampleSource {
  /**
   * All selections of a query at once, answered in the same order: for each the series that match, each label
   * set once. A series without samples in the range may be left out. The engine accepts any order of series and sorts
   * them itself, unless the source says that they are.
   * May reject with any error, which reaches the caller of the engine as it is; should reject soon after
   * `signal` aborts.
   */
  select(selections: readonly Selection[], signal: AbortSignal): Promise<readonly (readonly Series[])[]>;
  /** Whether the series of every answer ascend by their labels. Left out: they do not. */
  readonly isSorted?: boolean;
  /** Once it is so, nobody wants the answer any more: the evaluation fails as soon as it notices. Left out: never. */
  isOutdated?(): boolean;
}
