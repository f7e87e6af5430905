import type { Call } from './ast.ts';
import type { Evaluation } from './evaluation.ts';
import { type Grid, instantOf } from './grid.ts';
import { metricName } from './labels.ts';
import { formatG } from './number-format.ts';
import { quote } from './quote.ts';
import type { Window, WindowFunction } from './range-functions.ts';
import { advance } from './sample-index.ts';
import type { RangeVector, WindowSeries } from './select-range.ts';
import { emptySeries, type StepSeries } from './step-series.ts';

const COUNTER_SUFFIX = /_(?:total|sum|count|bucket)$/;

/** A function of a range vector, over all series and steps. Steps without samples have no result. */
export async function evalRangeFunction(
  evaluation: Evaluation,
  call: Call,
  range: RangeVector,
  grid: Grid,
  apply: WindowFunction,
  scalars: Float64Array | null,
): Promise<StepSeries[]> {
  const { annotations, budget } = evaluation;
  const { name } = call.signature;
  const remarks = remarksOf(evaluation, call);
  const result: StepSeries[] = [];
  for (const series of range.series) {
    budget.hold(grid.steps);
    const dropName = series.dropName || name !== 'last_over_time';
    const out = emptySeries(series.labels, dropName, grid.steps);
    const window = windowOver(series, range, grid);
    let found = false;
    let seen = false;
    for (let k = 0; k < grid.steps; k += 1) {
      const moved = moveTo(window, range, grid, k);
      if (window.lo >= window.hi) continue;
      seen = true;
      const scalar = scalars?.[k] ?? Number.NaN;
      const isRepeat = !moved && k > 0 && name !== 'predict_linear' && Object.is(scalar, window.scalar);
      window.scalar = scalar;
      if (isRepeat) {
        out.present[k] = out.present[k - 1] ?? 0;
        out.values[k] = out.values[k - 1] ?? 0;
        continue;
      }
      remarks?.(scalar);
      budget.countRead(window.hi - window.lo);
      const value = apply(window);
      if (budget.spend(window.hi - window.lo)) await budget.breathe();
      if (value === undefined) continue;
      found = true;
      out.present[k] = 1;
      out.values[k] = value;
    }
    if (seen && (name === 'rate' || name === 'increase')) remarkOnGauge(series);
    if (found) result.push(out);
  }
  return result;

  function remarkOnGauge(series: WindowSeries): void {
    const metric = metricName(series.labels);
    if (metric === '' || COUNTER_SUFFIX.test(metric)) return;
    annotations.inform(
      `metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ${quote(metric)}`,
      call.args[0] ?? call,
    );
  }
}

function remarksOf({ annotations }: Evaluation, call: Call): ((scalar: number) => void) | null {
  const [first] = call.args;
  if (call.signature.name !== 'quantile_over_time' || first === undefined) return null;
  return (q) => {
    if (!(q >= 0 && q <= 1)) annotations.warn(invalidQuantile(q), first);
  };
}

export const invalidQuantile = (q: number): string =>
  `quantile value should be between 0 and 1, got ${formatG(q)}`;

/** Whether each step has a sample of any series in its window. */
export async function stepsWithSamples(
  { budget }: Evaluation,
  range: RangeVector,
  grid: Grid,
): Promise<Uint8Array> {
  const found = new Uint8Array(grid.steps);
  for (const series of range.series) {
    const window = windowOver(series, range, grid);
    for (let k = 0; k < grid.steps; k += 1) {
      moveTo(window, range, grid, k);
      if (window.lo < window.hi) found[k] = 1;
    }
    if (budget.spend(grid.steps)) await budget.breathe();
  }
  return found;
}

function windowOver(series: WindowSeries, range: RangeVector, grid: Grid): Window {
  const { times, values, start } = series;
  const startMs = range.ends.startMs - range.rangeMs;
  return {
    times,
    values,
    lo: start,
    hi: start,
    startMs,
    endMs: range.ends.startMs,
    instantMs: grid.startMs,
    scalar: Number.NaN,
    end: series.end,
    strideLo: 1,
    strideHi: 1,
  };
}

/** Moves both ends of the window on to step k; false when it is where it was. */
function moveTo(window: Window, { rangeMs, ends }: RangeVector, grid: Grid, k: number): boolean {
  const endMs = ends.startMs + k * ends.stepMs;
  const moved = k === 0 || endMs !== window.endMs;
  window.instantMs = instantOf(grid, k);
  if (!moved) return false;
  window.endMs = endMs;
  window.startMs = endMs - rangeMs;
  const lo = advance(window.times, window.lo, window.end, window.startMs, window.strideLo);
  window.strideLo = Math.max(1, lo - window.lo);
  window.lo = lo;
  const from = Math.max(lo, window.hi);
  const hi = advance(window.times, from, window.end, endMs, window.strideHi);
  window.strideHi = Math.max(1, hi - from);
  window.hi = hi;
  return true;
}
