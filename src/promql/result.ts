import type { Labels } from './labels.ts';

export interface InstantSample {
  readonly labels: Labels;
  readonly value: number;
}

/** Points of one series: epoch milliseconds ascending, and as many values. */
export interface MatrixSeries {
  readonly labels: Labels;
  readonly times: Float64Array;
  readonly values: Float64Array;
}

/** The answer of a query. A range query answers with a matrix always. */
export type QueryValue =
  | { readonly type: 'scalar'; readonly atMs: number; readonly value: number }
  | { readonly type: 'string'; readonly atMs: number; readonly value: string }
  | { readonly type: 'vector'; readonly atMs: number; readonly samples: readonly InstantSample[] }
  | { readonly type: 'matrix'; readonly series: readonly MatrixSeries[] };

export interface QueryResult {
  readonly value: QueryValue;
  /** Without repetition, each with its prefix and position: `PromQL warning: ... (1:5)`. */
  readonly warnings: readonly string[];
  readonly infos: readonly string[];
  readonly stats: QueryStats;
}

export interface QueryStats {
  /** Samples read from the source, each as often as a step looked at it. */
  readonly samplesRead: number;
  /** Most samples held at one time. */
  readonly peakSamples: number;
}
