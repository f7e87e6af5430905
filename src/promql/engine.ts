import { Annotations } from './annotations.ts';
import { type Expr, typeOf, withoutParens } from './ast.ts';
import { Budget } from './budget.ts';
import { evalExpr, finalSeries } from './eval-expr.ts';
import type { Evaluation } from './evaluation.ts';
import { type Grid, makeGrid } from './grid.ts';
import { areSorted, compareLabels, type Labels, NO_LABELS } from './labels.ts';
import { planSelections } from './plan-selections.ts';
import { PromqlError } from './promql-error.ts';
import type { InstantSample, MatrixSeries, QueryResult, QueryValue } from './result.ts';
import { pointColumns, selectRange } from './select-range.ts';
import type { SampleSource, Selection } from './source.ts';
import type { StepValue } from './step-series.ts';
import { documented } from './value-type.ts';

export interface EngineOptions {
  readonly lookbackMs: number;
  /** The step of a subquery that names none. */
  readonly subqueryStepMs: number;
  /** Samples held in memory at one time, of what is selected and of what is computed. */
  readonly maxSamples: number;
  /** Series that one query may select. */
  readonly maxSeries: number;
}

const ENGINE_OPTIONS: EngineOptions = {
  lookbackMs: 5 * 60_000,
  subqueryStepMs: 60_000,
  maxSamples: 50_000_000,
  maxSeries: 10_000,
};

export interface Query {
  /** As written, for the positions in remarks. */
  readonly text: string;
  /** What `parsePromql` made of it. */
  readonly expr: Expr;
  readonly source: SampleSource;
  /** A TimeoutError as its reason makes the failure a `timeout`, any other reason `canceled`. */
  readonly signal: AbortSignal;
  readonly options?: Partial<EngineOptions>;
}

/**
 * Evaluates at one instant.
 * @throws PromqlError, and whatever the source rejects with
 */
export async function evaluateInstant(query: Query, atMs: number): Promise<QueryResult> {
  const grid = makeGrid(atMs, atMs, 1);
  const evaluation = await prepare(query, grid);
  const root = withoutParens(query.expr);
  if (root.kind !== 'matrixSelector' && root.kind !== 'subquery')
    return resultOf(evaluation, instantValue(await evalExpr(evaluation, root, grid), atMs));
  const range = await selectRange(evaluation, root, grid, async (inner, innerGrid) => {
    const value = await evalExpr(evaluation, inner, innerGrid);
    return value.type === 'vector' ? finalSeries(value.series) : [];
  });
  const fromMs = range.ends.startMs - range.rangeMs;
  const series = range.series.flatMap(({ labels, times, values, start, end }): MatrixSeries[] => {
    let first = start;
    while (first < end && (times[first] ?? 0) <= fromMs) first += 1;
    return first < end ? [{ labels, times: times.slice(first, end), values: values.slice(first, end) }] : [];
  });
  return resultOf(evaluation, { type: 'matrix', series: sortedByLabels(series) });
}

/**
 * Evaluates at `startMs` and every `stepMs` after it, up to `endMs`; answers with a matrix sorted by labels.
 * @param stepMs above 0
 * @throws PromqlError, and whatever the source rejects with
 */
export async function evaluateRange(
  query: Query,
  startMs: number,
  endMs: number,
  stepMs: number,
): Promise<QueryResult> {
  const type = typeOf(query.expr);
  if (type !== 'vector' && type !== 'scalar')
    throw new PromqlError(
      'bad_data',
      `invalid expression type "${documented(type)}" for range query, must be Scalar or instant Vector`,
    );
  const grid = makeGrid(startMs, endMs, stepMs);
  const evaluation = await prepare(query, grid);
  const value = await evalExpr(evaluation, query.expr, grid);
  return resultOf(evaluation, { type: 'matrix', series: sortedByLabels(rangeValue(value, grid)) });
}

async function prepare({ text, expr, source, signal, options }: Query, grid: Grid): Promise<Evaluation> {
  const { lookbackMs, subqueryStepMs, maxSamples, maxSeries } = { ...ENGINE_OPTIONS, ...options };
  const budget = new Budget(maxSamples, signal, source);
  budget.check();
  budget.hold(grid.steps);
  const planned = planSelections(expr, { query: grid, lookbackMs, subqueryStepMs });
  for (const { selection } of planned) budget.foresee(stepsOf(selection));
  const answers =
    planned.length === 0
      ? []
      : await source.select(
          planned.map(({ selection }) => selection),
          signal,
        );
  budget.check();
  if (answers.reduce((sum, series) => sum + series.length, 0) > maxSeries)
    throw new PromqlError('bad_data', `query selects more than ${maxSeries} series`);
  return {
    query: grid,
    lookbackMs,
    subqueryStepMs,
    budget,
    annotations: new Annotations(text),
    selected: new Map(
      planned.map(({ selector }, i) => {
        const series = answers[i] ?? [];
        return [selector, source.isSorted === true ? series : sortedByLabels(series)];
      }),
    ),
  };
}

/** How many steps look at the selection, which with a subquery are more than the query has. */
function stepsOf({ hints: { startMs, endMs, stepMs } }: Selection): number {
  return Math.floor((endMs - startMs) / stepMs) + 1;
}

function sortedByLabels<T extends { readonly labels: Labels }>(series: readonly T[]): readonly T[] {
  return areSorted(series) ? series : series.toSorted((a, b) => compareLabels(a.labels, b.labels));
}

function instantValue(value: StepValue, atMs: number): QueryValue {
  switch (value.type) {
    case 'string':
      return { type: 'string', atMs, value: value.value };
    case 'scalar':
      return { type: 'scalar', atMs, value: value.values[0] ?? Number.NaN };
    case 'vector': {
      const samples: InstantSample[] = [];
      for (const { labels, values, present } of finalSeries(value.series))
        if (present[0] === 1) samples.push({ labels, value: values[0] ?? Number.NaN });
      return { type: 'vector', atMs, samples };
    }
  }
}

function rangeValue(value: StepValue, grid: Grid): MatrixSeries[] {
  if (value.type === 'string') throw new Error('a string has no range');
  const series =
    value.type === 'vector'
      ? finalSeries(value.series)
      : [{ labels: NO_LABELS, values: value.values, present: new Uint8Array(grid.steps).fill(1) }];
  return series
    .map(({ labels, values, present }) => ({ labels, ...pointColumns(values, present, grid) }))
    .filter(({ times }) => times.length > 0);
}

function resultOf({ annotations, budget }: Evaluation, value: QueryValue): QueryResult {
  return {
    value,
    warnings: annotations.warnings,
    infos: annotations.infos,
    stats: { samplesRead: budget.read, peakSamples: budget.peak },
  };
}
