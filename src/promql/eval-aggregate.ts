import type { Aggregate } from './ast.ts';
import { invalidQuantile } from './eval-range-function.ts';
import type { Evaluation } from './evaluation.ts';
import { groupLabels, type Labels, METRIC_NAME, withLabel } from './labels.ts';
import { groupBy } from './match-group.ts';
import { formatF } from './number-format.ts';
import { PromqlError } from './promql-error.ts';
import { isUtf8, quote } from './quote.ts';
import { selectExtremes } from './select-extremes.ts';
import { maxOf, meanOf, minOf, quantileOf, type Statistic, sumOf, varianceOf } from './statistics.ts';
import { columnsOf, emptySeries, type StepSeries } from './step-series.ts';

const STATISTICS: ReadonlyMap<string, Statistic> = new Map<string, Statistic>([
  ['sum', sumOf],
  ['avg', meanOf],
  ['min', minOf],
  ['max', maxOf],
  ['count', (_values, start, end) => end - start],
  ['group', () => 1],
  ['stdvar', varianceOf],
  ['stddev', (values, start, end) => Math.sqrt(varianceOf(values, start, end))],
]);

export type AggregateParam = { readonly numbers: Float64Array } | { readonly text: string } | null;

/** An aggregator over the series of a vector, step by step. */
export async function evalAggregate(
  evaluation: Evaluation,
  expr: Aggregate,
  series: readonly StepSeries[],
  param: AggregateParam,
  steps: number,
): Promise<readonly StepSeries[]> {
  const { operator } = expr;
  const statistic = STATISTICS.get(operator);
  if (statistic !== undefined) return reduceGroups(evaluation, expr, series, steps, () => statistic);
  if (param !== null && 'text' in param) return countValues(evaluation, expr, series, param.text, steps);
  const numbers = param?.numbers;
  if (numbers === undefined) throw new Error(`${operator} without its parameter`);
  if (operator === 'quantile') {
    remarkOnQuantiles(evaluation, expr, numbers);
    return reduceGroups(
      evaluation,
      expr,
      series,
      steps,
      (k) => (values, start, end) => quantileOf(numbers[k] ?? Number.NaN, values, start, end),
    );
  }
  return selectExtremes(evaluation.budget, series, groupKey(expr), operator === 'topk', numbers);
}

const groupKey = ({ grouping, without }: Aggregate): ((labels: Labels) => Labels) =>
  groupLabels(grouping, without);

async function reduceGroups(
  { budget }: Evaluation,
  expr: Aggregate,
  series: readonly StepSeries[],
  steps: number,
  statisticAt: (k: number) => Statistic,
): Promise<StepSeries[]> {
  const result: StepSeries[] = [];
  // One for all groups, of which there may be as many as series.
  const column = new Float64Array(series.length);
  for (const { key, members } of groupBy(series, groupKey(expr)).values()) {
    budget.hold(steps);
    const dropName = members.some((member) => member.dropName);
    const out = emptySeries(key, dropName, steps);
    const { values, present } = columnsOf(members);
    for (let k = 0; k < steps; k += 1) {
      let length = 0;
      for (let i = 0; i < values.length; i += 1) {
        if (present[i]?.[k] !== 1) continue;
        column[length] = values[i]?.[k] ?? 0;
        length += 1;
      }
      if (budget.spend(members.length)) await budget.breathe();
      if (length === 0) continue;
      out.present[k] = 1;
      out.values[k] = statisticAt(k)(column, 0, length);
    }
    result.push(out);
  }
  return result;
}

function remarkOnQuantiles({ annotations }: Evaluation, expr: Aggregate, numbers: Float64Array): void {
  const span = expr.param ?? expr;
  if (numbers.some((q) => Number.isNaN(q))) annotations.warn(invalidQuantile(Number.NaN), span);
  const max = numbers.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const min = numbers.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  if (numbers.length > 0 && max > 1) annotations.warn(invalidQuantile(max), span);
  if (numbers.length > 0 && min < 0) annotations.warn(invalidQuantile(min), span);
}

/** How many series of a group have each value, which becomes a label. */
async function countValues(
  { budget }: Evaluation,
  expr: Aggregate,
  series: readonly StepSeries[],
  label: string,
  steps: number,
): Promise<StepSeries[]> {
  if (label === '' || !isUtf8(label))
    throw new PromqlError('execution', `invalid label name ${quote(label)}`);
  const keyOf = groupKey(expr);
  const counts = new Map<string, StepSeries>();
  for (const one of series) {
    const group = keyOf(one.labels);
    const dropName = label !== METRIC_NAME && one.dropName;
    let out: StepSeries | undefined;
    let counted = Number.NaN;
    for (let k = 0; k < steps; k += 1) {
      if (one.present[k] !== 1) continue;
      const value = one.values[k] ?? 0;
      if (out === undefined || !Object.is(value, counted)) {
        const labels = withLabel(group, label, formatF(value));
        out = counts.get(labels.signature);
        if (out === undefined) {
          budget.hold(steps);
          out = emptySeries(labels, dropName, steps);
          counts.set(labels.signature, out);
        }
        counted = value;
      }
      out.present[k] = 1;
      out.values[k] = (out.values[k] ?? 0) + 1;
    }
    if (budget.spend(steps)) await budget.breathe();
  }
  return [...counts.values()];
}
