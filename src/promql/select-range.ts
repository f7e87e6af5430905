import type { Expr, MatrixSelector, Subquery } from './ast.ts';
import type { Evaluation } from './evaluation.ts';
import type { Grid, MovedGrid } from './grid.ts';
import { instantOf, moveGrid, subqueryGrid } from './grid.ts';
import type { Series } from './source.ts';
import { staleReader } from './stale.ts';
import type { StepSeries } from './step-series.ts';

/** The samples that the windows of a range vector are cut from; none of them is a staleness marker. */
export interface WindowSeries extends Series {
  readonly dropName: boolean;
}

/** A range vector over all steps: at step k it holds the samples in `(end - rangeMs, end]` of each series. */
export interface RangeVector {
  readonly series: readonly WindowSeries[];
  readonly rangeMs: number;
  /** Where the windows end. */
  readonly ends: MovedGrid;
}

/** Evaluates the inner expression of a subquery, which the caller knows how to do. */
export type EvaluateInner = (expr: Expr, grid: Grid) => Promise<readonly StepSeries[]>;

export async function selectRange(
  evaluation: Evaluation,
  expr: MatrixSelector | Subquery,
  grid: Grid,
  evaluateInner: EvaluateInner,
): Promise<RangeVector> {
  const { query, selected, subqueryStepMs } = evaluation;
  if (expr.kind === 'matrixSelector') {
    const { selector, rangeMs } = expr;
    const series = await withoutMarkers(evaluation, selected.get(selector) ?? []);
    return { series, rangeMs, ends: moveGrid(grid, selector, query) };
  }
  const { rangeMs } = expr;
  const ends = moveGrid(grid, expr, query);
  const inner = subqueryGrid(ends, rangeMs, expr.stepMs ?? subqueryStepMs);
  evaluation.budget.hold(inner.steps);
  const vector = await evaluateInner(expr.expr, inner);
  return { series: vector.map((one) => pointsOf(one, inner)), rangeMs, ends };
}

async function withoutMarkers(
  { budget }: Evaluation,
  selected: readonly Series[],
): Promise<readonly WindowSeries[]> {
  const result: WindowSeries[] = [];
  for (const series of selected) {
    const length = series.end - series.start;
    budget.hold(length);
    result.push(withoutMarkersOf(series));
    if (budget.spend(length)) await budget.breathe();
  }
  return result;
}

function withoutMarkersOf(series: Series): WindowSeries {
  const { values, times, start, end, labels } = series;
  let at = start;
  while (at < end && !Number.isNaN(values[at] ?? 0)) at += 1;
  if (at === end) return { labels, times, values, start, end, dropName: false };
  const isStale = staleReader(values);
  const kept = { times: new Float64Array(end - start), values: new Float64Array(end - start) };
  let length = 0;
  for (let i = start; i < end; i += 1) {
    const value = values[i] ?? 0;
    if (Number.isNaN(value) && isStale(i)) continue;
    kept.times[length] = times[i] ?? 0;
    kept.values[length] = value;
    length += 1;
  }
  return { labels, ...kept, start: 0, end: length, dropName: false };
}

/** The samples of one series as points. */
function pointsOf({ labels, dropName, values, present }: StepSeries, grid: Grid): WindowSeries {
  const points = pointColumns(values, present, grid);
  return { labels, dropName, ...points, start: 0, end: points.times.length };
}

export function pointColumns(
  values: Float64Array,
  present: Uint8Array,
  grid: Grid,
): { readonly times: Float64Array; readonly values: Float64Array } {
  let length = 0;
  for (let k = 0; k < present.length; k += 1) length += present[k] ?? 0;
  const points = { times: new Float64Array(length), values: new Float64Array(length) };
  let at = 0;
  for (let k = 0; k < present.length; k += 1) {
    if (present[k] !== 1) continue;
    points.times[at] = instantOf(grid, k);
    points.values[at] = values[k] ?? 0;
    at += 1;
  }
  return points;
}
