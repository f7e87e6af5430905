import { ARITHMETIC, COMPARISONS } from './arithmetic.ts';
import type { Binary } from './ast.ts';
import { isComparison, isSetOperator } from './ast.ts';
import type { Budget } from './budget.ts';
import { combineSets } from './set-operators.ts';
import type { StepSeries, StepValue } from './step-series.ts';
import { emptySeries, vectorOf } from './step-series.ts';
import { type ElementOperation, matchVectors } from './vector-matching.ts';

/** A binary operator over both sides' values, step by step. */
export async function evalBinary(
  budget: Budget,
  expr: Binary,
  left: StepValue,
  right: StepValue,
  steps: number,
): Promise<StepValue> {
  if (left.type === 'scalar' && right.type === 'scalar')
    return { type: 'scalar', values: betweenScalars(expr, left.values, right.values) };
  if (left.type === 'vector' && right.type === 'scalar')
    return vectorOf(await withScalar(budget, expr, left.series, right.values, false));
  if (left.type === 'scalar' && right.type === 'vector')
    return vectorOf(await withScalar(budget, expr, right.series, left.values, true));
  if (left.type !== 'vector' || right.type !== 'vector' || expr.matching === null)
    throw new Error('the type check lets only scalars and vectors through');
  const sides = { left: left.series, right: right.series, matching: expr.matching, steps };
  if (isSetOperator(expr.operator)) return vectorOf(await combineSets(budget, expr.operator, sides));
  return vectorOf(await matchVectors(budget, elementOperation(expr), sides));
}

function elementOperation({ operator, returnBool }: Binary): ElementOperation {
  if (isSetOperator(operator)) throw new Error('a set operator has no numbers to work on');
  if (!isComparison(operator)) return { apply: ARITHMETIC[operator], changesMetric: true, dropsName: false };
  const holds = COMPARISONS[operator];
  if (returnBool)
    return { apply: (left, right) => (holds(left, right) ? 1 : 0), changesMetric: false, dropsName: true };
  return {
    apply: (left, right) => (holds(left, right) ? left : undefined),
    changesMetric: false,
    dropsName: false,
  };
}

function betweenScalars(expr: Binary, left: Float64Array, right: Float64Array): Float64Array {
  const { apply } = elementOperation(expr);
  return left.map((value, k) => apply(value, right[k] ?? 0) ?? Number.NaN);
}

/** A vector with a scalar; a comparison keeps the vector's value on whichever side it stands. */
async function withScalar(
  budget: Budget,
  expr: Binary,
  series: readonly StepSeries[],
  scalars: Float64Array,
  scalarLeft: boolean,
): Promise<StepSeries[]> {
  const { apply, changesMetric, dropsName } = elementOperation(expr);
  const filters = isComparison(expr.operator) && !expr.returnBool;
  const steps = scalars.length;
  const result: StepSeries[] = [];
  for (const one of series) {
    budget.hold(steps);
    // A filter leaves few.
    let out: StepSeries | null = null;
    for (let k = 0; k < steps; k += 1) {
      if (one.present[k] !== 1) continue;
      const value = one.values[k] ?? 0;
      const scalar = scalars[k] ?? 0;
      const applied = scalarLeft ? apply(scalar, value) : apply(value, scalar);
      if (applied === undefined) continue;
      out ??= emptySeries(one.labels, one.dropName || changesMetric || dropsName, steps);
      out.present[k] = 1;
      out.values[k] = filters ? value : applied;
    }
    if (out !== null) result.push(out);
    if (budget.spend(steps)) await budget.breathe();
  }
  return result;
}
