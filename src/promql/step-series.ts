import { type Labels, withoutMetricName } from './labels.ts';
import { PromqlError } from './promql-error.ts';

/**
 * One series of an instant vector over all steps of a grid. Where `present` is 0 there is no sample, and the
 * value means nothing.
 */
export interface StepSeries {
  readonly labels: Labels;
  /** The name goes when the query is done; until then `by (__name__)` and label_replace still see it. */
  readonly dropName: boolean;
  readonly values: Float64Array;
  readonly present: Uint8Array;
}

/** What an expression evaluates to, a range vector apart. */
export type StepValue =
  | { readonly type: 'scalar'; readonly values: Float64Array }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'vector'; readonly series: readonly StepSeries[] };

/** The columns of several series side by side, for loops that go step by step. */
export interface Columns {
  readonly values: readonly Float64Array[];
  readonly present: readonly Uint8Array[];
}

export function columnsOf(series: readonly StepSeries[]): Columns {
  return { values: series.map(({ values }) => values), present: series.map(({ present }) => present) };
}

export const vectorOf = (series: readonly StepSeries[]): StepValue => ({ type: 'vector', series });

export function emptySeries(labels: Labels, dropName: boolean, steps: number): StepSeries {
  return { labels, dropName, values: new Float64Array(steps), present: new Uint8Array(steps) };
}

/** The same sample at every step. */
export function constantSeries(labels: Labels, value: number, steps: number): StepSeries {
  const values = new Float64Array(steps).fill(value);
  return { labels, dropName: false, values, present: new Uint8Array(steps).fill(1) };
}

export const finalLabels = ({ labels, dropName }: StepSeries): Labels =>
  dropName ? withoutMetricName(labels) : labels;

/**
 * Series of one label set become one; they may not have a sample at the same step.
 * @param labelsOf what counts as the label set
 */
export function mergeSameLabels(
  series: readonly StepSeries[],
  labelsOf: (one: StepSeries) => Labels,
): readonly StepSeries[] {
  const merged = new Map<string, StepSeries>();
  for (const one of series) {
    const { signature } = labelsOf(one);
    const before = merged.get(signature);
    merged.set(signature, before === undefined ? one : union(before, one));
  }
  return merged.size === series.length ? series : [...merged.values()];
}

const sameLabelsError = (): PromqlError =>
  new PromqlError('execution', 'vector cannot contain metrics with the same labelset');

function union(a: StepSeries, b: StepSeries): StepSeries {
  const values = a.values.slice();
  const present = a.present.slice();
  for (let k = 0; k < present.length; k += 1) {
    if (b.present[k] !== 1) continue;
    if (present[k] === 1) throw sameLabelsError();
    present[k] = 1;
    values[k] = b.values[k] ?? 0;
  }
  return { ...a, values, present };
}
