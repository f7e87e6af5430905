import type { Aggregate, Expr, Unary } from './ast.ts';
import { withoutParens } from './ast.ts';
import { type AggregateParam, evalAggregate } from './eval-aggregate.ts';
import { evalBinary } from './eval-binary.ts';
import { evalCall } from './eval-call.ts';
import type { Evaluation } from './evaluation.ts';
import type { Grid } from './grid.ts';
import { selectInstant } from './select-instant.ts';
import { selectRange } from './select-range.ts';
import { finalLabels, mergeSameLabels, type StepSeries, type StepValue, vectorOf } from './step-series.ts';

/** The value of an expression, range vectors apart, at all instants of the grid. */
export async function evalExpr(evaluation: Evaluation, expr: Expr, grid: Grid): Promise<StepValue> {
  const { budget } = evaluation;
  budget.check();
  const before = budget.held;
  const value = await evalKind(evaluation, expr, grid);
  budget.settle(before + (value.type === 'vector' ? value.series.length * grid.steps : 0));
  return value;
}

async function evalKind(evaluation: Evaluation, expr: Expr, grid: Grid): Promise<StepValue> {
  const { budget } = evaluation;
  switch (expr.kind) {
    case 'number':
      return { type: 'scalar', values: new Float64Array(grid.steps).fill(expr.value) };
    case 'string':
      return { type: 'string', value: expr.value };
    case 'paren':
      return evalKind(evaluation, withoutParens(expr), grid);
    case 'vectorSelector':
      return vectorOf(await selectInstant(evaluation, expr, grid));
    case 'unary':
      return evalUnary(expr, await evalExpr(evaluation, expr.expr, grid));
    case 'binary': {
      const left = await evalExpr(evaluation, expr.left, grid);
      const right = await evalExpr(evaluation, expr.right, grid);
      return evalBinary(budget, expr, left, right, grid.steps);
    }
    case 'aggregate': {
      const param = await aggregateParam(evaluation, expr, grid);
      const series = await vectorAt(evaluation, expr.expr, grid);
      return vectorOf(await evalAggregate(evaluation, expr, series, param, grid.steps));
    }
    case 'call':
      return evalCall(evaluation, expr, grid, {
        scalar: (inner) => scalarAt(evaluation, inner, grid),
        vector: (inner) => vectorAt(evaluation, inner, grid),
        range: (inner) => selectRange(evaluation, inner, grid, (part, at) => vectorAt(evaluation, part, at)),
      });
    case 'matrixSelector':
    case 'subquery':
      throw new Error('a range vector is evaluated by the function around it');
  }
}

async function vectorAt(evaluation: Evaluation, expr: Expr, grid: Grid): Promise<readonly StepSeries[]> {
  const value = await evalExpr(evaluation, expr, grid);
  if (value.type !== 'vector') throw new Error('the type check lets only instant vectors through');
  return value.series;
}

async function scalarAt(evaluation: Evaluation, expr: Expr, grid: Grid): Promise<Float64Array> {
  const value = await evalExpr(evaluation, expr, grid);
  if (value.type !== 'scalar') throw new Error('the type check lets only scalars through');
  return value.values;
}

async function aggregateParam(
  evaluation: Evaluation,
  { param }: Aggregate,
  grid: Grid,
): Promise<AggregateParam> {
  if (param === null) return null;
  const inner = withoutParens(param);
  return inner.kind === 'string'
    ? { text: inner.value }
    : { numbers: await scalarAt(evaluation, inner, grid) };
}

function evalUnary({ operator }: Unary, value: StepValue): StepValue {
  if (operator === '+' || value.type === 'string') return value;
  const negated = (values: Float64Array): Float64Array => values.map((one) => -one);
  if (value.type === 'scalar') return { type: 'scalar', values: negated(value.values) };
  const series = value.series.map((one) => ({ ...one, dropName: true, values: negated(one.values) }));
  return vectorOf(series);
}

/** The series as the query's answer shows them: names dropped, and each label set once. */
export function finalSeries(series: readonly StepSeries[]): readonly StepSeries[] {
  const named = series.map((one) =>
    one.dropName
      ? { labels: finalLabels(one), dropName: false, values: one.values, present: one.present }
      : one,
  );
  return mergeSameLabels(named, ({ labels }) => labels);
}
