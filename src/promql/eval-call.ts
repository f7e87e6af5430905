import type { Call, Expr, MatrixSelector, Subquery } from './ast.ts';
import { withoutParens } from './ast.ts';
import { evalRangeFunction, stepsWithSamples } from './eval-range-function.ts';
import type { Evaluation } from './evaluation.ts';
import { type Grid, instantOf } from './grid.ts';
import { histogramFraction, histogramQuantile } from './histogram-functions.ts';
import { labelJoin, labelReplace } from './label-functions.ts';
import { type Labels, METRIC_NAME, NO_LABELS, withLabel } from './labels.ts';
import { DATE_FUNCTIONS, NUMBER_FUNCTIONS } from './number-functions.ts';
import { PromqlError } from './promql-error.ts';
import { RANGE_FUNCTIONS } from './range-functions.ts';
import { selectInstant } from './select-instant.ts';
import type { RangeVector } from './select-range.ts';
import { anyPresent } from './set-operators.ts';
import { sortSeries } from './sort-series.ts';
import { constantSeries, emptySeries, type StepSeries, type StepValue, vectorOf } from './step-series.ts';

/** How a function reaches the values of its arguments. */
export interface Arguments {
  readonly scalar: (expr: Expr) => Promise<Float64Array>;
  readonly vector: (expr: Expr) => Promise<readonly StepSeries[]>;
  readonly range: (expr: MatrixSelector | Subquery) => Promise<RangeVector>;
}

/** A function call over all steps. */
export async function evalCall(
  evaluation: Evaluation,
  call: Call,
  grid: Grid,
  from: Arguments,
): Promise<StepValue> {
  const { name } = call.signature;
  const args = call.args.map(withoutParens);
  const arg = (i: number): Expr => {
    const found = args[i];
    if (found === undefined) throw new Error(`${name} without its argument ${i + 1}`);
    return found;
  };
  const rangeFunction = RANGE_FUNCTIONS.get(name);
  if (rangeFunction !== undefined) {
    const matrixAt = args.findIndex(isMatrix);
    const scalarArg = args.find((_, i) => i !== matrixAt);
    const scalars = scalarArg === undefined ? null : await from.scalar(scalarArg);
    const range = await from.range(matrixOf(arg(matrixAt)));
    return vectorOf(await evalRangeFunction(evaluation, call, range, grid, rangeFunction, scalars));
  }
  const numberFunction = NUMBER_FUNCTIONS.get(name);
  if (numberFunction !== undefined) {
    const { apply, defaults } = numberFunction;
    const series = await from.vector(arg(0));
    const scalars = await Promise.all(args.slice(1).map((expr) => from.scalar(expr)));
    const scalarAt = (i: number, k: number): number => scalars[i]?.[k] ?? defaults[i] ?? Number.NaN;
    return vectorOf(
      await mapSamples(evaluation, series, (value, k) => apply(value, scalarAt(0, k), scalarAt(1, k))),
    );
  }
  const dateFunction = DATE_FUNCTIONS.get(name);
  if (dateFunction !== undefined) {
    const series = args.length === 0 ? [timeSeries(grid)] : await from.vector(arg(0));
    return vectorOf(await mapSamples(evaluation, series, dateFunction));
  }
  switch (name) {
    case 'time':
      return { type: 'scalar', values: timeSeries(grid).values };
    case 'pi':
      return { type: 'scalar', values: new Float64Array(grid.steps).fill(Math.PI) };
    case 'scalar':
      return { type: 'scalar', values: onlyValues(await from.vector(arg(0)), grid.steps) };
    case 'vector': {
      const values = await from.scalar(arg(0));
      return vectorOf([{ ...constantSeries(NO_LABELS, 0, grid.steps), values }]);
    }
    case 'timestamp':
      return vectorOf(await timestamps(evaluation, arg(0), grid, from));
    case 'absent':
      return absent(arg(0), anyPresent(await from.vector(arg(0)), grid.steps));
    case 'absent_over_time': {
      const range = await from.range(matrixOf(arg(0)));
      return absent(arg(0), await stepsWithSamples(evaluation, range, grid));
    }
    case 'sort':
    case 'sort_desc':
      if (grid.steps > 1)
        evaluation.annotations.warn(
          'sort is ineffective for range queries since results are always ordered by labels',
          call,
        );
      return vectorOf(sortSeries(await from.vector(arg(0)), name === 'sort_desc', grid.steps));
    case 'label_replace': {
      const [target = '', replacement = '', source = '', expression = ''] = args.slice(1).map(textOf);
      return vectorOf(labelReplace(await from.vector(arg(0)), target, replacement, source, expression));
    }
    case 'label_join': {
      const [target = '', separator = '', ...sources] = args.slice(1).map(textOf);
      return vectorOf(labelJoin(await from.vector(arg(0)), target, separator, sources));
    }
    case 'histogram_quantile':
      return vectorOf(
        await histogramQuantile(evaluation, call, await from.scalar(arg(0)), await from.vector(arg(1))),
      );
    case 'histogram_fraction':
      return vectorOf(
        await histogramFraction(
          evaluation,
          call,
          await from.scalar(arg(0)),
          await from.scalar(arg(1)),
          await from.vector(arg(2)),
        ),
      );
    default:
      // All that is left works on native histograms.
      throw new PromqlError('execution', `${name} works on native histograms, which are not supported`);
  }
}

const isMatrix = (expr: Expr): expr is MatrixSelector | Subquery =>
  expr.kind === 'matrixSelector' || expr.kind === 'subquery';

function matrixOf(expr: Expr): MatrixSelector | Subquery {
  if (!isMatrix(expr)) throw new Error('the type check lets only range vectors through');
  return expr;
}

function textOf(expr: Expr): string {
  if (expr.kind !== 'string') throw new Error('the type check lets only strings through');
  return expr.value;
}

/** A new value for each sample; undefined drops it. */
async function mapSamples(
  { budget }: Evaluation,
  series: readonly StepSeries[],
  map: (value: number, k: number) => number | undefined,
): Promise<StepSeries[]> {
  const result: StepSeries[] = [];
  for (const one of series) {
    const steps = one.values.length;
    budget.hold(steps);
    const out = emptySeries(one.labels, true, steps);
    let found = false;
    for (let k = 0; k < steps; k += 1) {
      if (one.present[k] !== 1) continue;
      const value = map(one.values[k] ?? 0, k);
      if (value === undefined) continue;
      found = true;
      out.present[k] = 1;
      out.values[k] = value;
    }
    if (found) result.push(out);
    if (budget.spend(steps)) await budget.breathe();
  }
  return result;
}

/** The steps' own instants, in seconds. */
function timeSeries(grid: Grid): StepSeries {
  const values = Float64Array.from({ length: grid.steps }, (_, k) => instantOf(grid, k) / 1000);
  return { ...constantSeries(NO_LABELS, 0, grid.steps), values };
}

/** The value of the only series at each step; NaN where there is none, or more than one. */
function onlyValues(series: readonly StepSeries[], steps: number): Float64Array {
  const values = new Float64Array(steps).fill(Number.NaN);
  const count = new Uint32Array(steps);
  for (const one of series)
    for (let k = 0; k < steps; k += 1) {
      if (one.present[k] !== 1) continue;
      const before = count[k] ?? 0;
      count[k] = before + 1;
      values[k] = before === 0 ? (one.values[k] ?? 0) : Number.NaN;
    }
  return values;
}

/** A selector's samples have times of their own; whatever was computed has the step's. */
async function timestamps(
  evaluation: Evaluation,
  expr: Expr,
  grid: Grid,
  from: Arguments,
): Promise<StepSeries[]> {
  if (expr.kind === 'vectorSelector') return selectInstant(evaluation, expr, grid, 'time');
  return mapSamples(evaluation, await from.vector(expr), (_value, k) => instantOf(grid, k) / 1000);
}

function absent(expr: Expr, present: Uint8Array): StepValue {
  const missing = present.map((here) => 1 - here);
  if (!missing.includes(1)) return vectorOf([]);
  return vectorOf([{ ...constantSeries(absentLabels(expr), 1, missing.length), present: missing }]);
}

/** The labels that a selector demands; a label with more than one condition after an equality is left out. */
function absentLabels(expr: Expr): Labels {
  const selector =
    expr.kind === 'matrixSelector' ? expr.selector : expr.kind === 'vectorSelector' ? expr : null;
  if (selector === null) return NO_LABELS;
  const seen = new Set<string>();
  let labels = NO_LABELS;
  for (const { name, operator, value } of selector.matchers) {
    if (name === METRIC_NAME) continue;
    const demanded = operator === '=' && !seen.has(name);
    if (demanded) seen.add(name);
    labels = withLabel(labels, name, demanded ? value : '');
  }
  return labels;
}
