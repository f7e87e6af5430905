import { KahanSum } from './kahan.ts';
import { maxOf, meanOf, minOf, quantileOf, type Statistic, sumOf, varianceOf } from './statistics.ts';

/** One window of one series: the samples from `lo` to `hi`, at least one. It is reused from step to step. */
export interface Window {
  times: Float64Array;
  values: Float64Array;
  lo: number;
  hi: number;
  /** The window's bounds, exclusive and inclusive, epoch milliseconds. */
  startMs: number;
  endMs: number;
  /** The step's own instant, which `offset` and `@` do not move. */
  instantMs: number;
  /** The scalar argument at this step; NaN where there is none. */
  scalar: number;
  /** Where the series' samples end. */
  readonly end: number;
  /** How far the two ends moved at the last step. */
  strideLo: number;
  strideHi: number;
}

/** The function's value over a window; undefined for no sample. */
export type WindowFunction = (window: Window) => number | undefined;

const over =
  (statistic: Statistic): WindowFunction =>
  ({ values, lo, hi }) =>
    statistic(values, lo, hi);

/** Functions of one range vector, and perhaps one scalar. */
export const RANGE_FUNCTIONS: ReadonlyMap<string, WindowFunction> = new Map<string, WindowFunction>([
  ['avg_over_time', over(meanOf)],
  ['sum_over_time', over(sumOf)],
  ['min_over_time', over(minOf)],
  ['max_over_time', over(maxOf)],
  ['stdvar_over_time', over(varianceOf)],
  ['stddev_over_time', over((values, lo, hi) => Math.sqrt(varianceOf(values, lo, hi)))],
  ['count_over_time', ({ lo, hi }) => hi - lo],
  ['last_over_time', ({ values, hi }) => values[hi - 1]],
  ['present_over_time', () => 1],
  ['quantile_over_time', ({ values, lo, hi, scalar }) => quantileOf(scalar, values, lo, hi)],
  ['changes', changes],
  ['resets', resets],
  ['rate', (window) => extrapolated(window, true, true)],
  ['increase', (window) => extrapolated(window, true, false)],
  ['delta', (window) => extrapolated(window, false, false)],
  ['irate', (window) => lastTwo(window, true)],
  ['idelta', (window) => lastTwo(window, false)],
  ['deriv', deriv],
  ['predict_linear', predictLinear],
]);

function changes({ values, lo, hi }: Window): number {
  let count = 0;
  let before = values[lo] ?? 0;
  for (let i = lo + 1; i < hi; i += 1) {
    const value = values[i] ?? 0;
    if (value !== before && !(Number.isNaN(value) && Number.isNaN(before))) count += 1;
    before = value;
  }
  return count;
}

function resets({ values, lo, hi }: Window): number {
  let count = 0;
  for (let i = lo + 1; i < hi; i += 1) if ((values[i] ?? 0) < (values[i - 1] ?? 0)) count += 1;
  return count;
}

/**
 * The difference over the window, extrapolated to its bounds where the samples reach close enough; a counter is
 * never extrapolated below zero, and after a reset starts from zero.
 */
function extrapolated(window: Window, isCounter: boolean, perSecond: boolean): number | undefined {
  const { times, values, lo, hi, startMs, endMs } = window;
  if (hi - lo < 2) return undefined;
  const first = values[lo] ?? 0;
  const firstMs = times[lo] ?? 0;
  const lastMs = times[hi - 1] ?? 0;
  let difference = (values[hi - 1] ?? 0) - first;
  if (isCounter)
    for (let i = lo + 1; i < hi; i += 1) {
      const before = values[i - 1] ?? 0;
      if ((values[i] ?? 0) < before) difference += before;
    }
  const sampled = (lastMs - firstMs) / 1000;
  const average = sampled / (hi - lo - 1);
  const threshold = average * 1.1;
  let toStart = (firstMs - startMs) / 1000;
  if (toStart >= threshold) toStart = average / 2;
  if (isCounter && difference > 0 && first >= 0) toStart = Math.min(toStart, sampled * (first / difference));
  let toEnd = (endMs - lastMs) / 1000;
  if (toEnd >= threshold) toEnd = average / 2;
  const factor = (sampled + toStart + toEnd) / sampled;
  return difference * (perSecond ? factor / ((endMs - startMs) / 1000) : factor);
}

function lastTwo({ times, values, lo, hi }: Window, isRate: boolean): number | undefined {
  if (hi - lo < 2) return undefined;
  const before = values[hi - 2] ?? 0;
  const last = values[hi - 1] ?? 0;
  const seconds = ((times[hi - 1] ?? 0) - (times[hi - 2] ?? 0)) / 1000;
  if (seconds === 0) return undefined;
  if (!isRate) return last - before;
  return (last < before ? last : last - before) / seconds;
}

function deriv(window: Window): number | undefined {
  if (window.hi - window.lo < 2) return undefined;
  return linearRegression(window, window.times[window.lo] ?? 0).slope;
}

function predictLinear(window: Window): number | undefined {
  if (window.hi - window.lo < 2) return undefined;
  const { slope, intercept } = linearRegression(window, window.instantMs);
  return slope * window.scalar + intercept;
}

/** The line of least squares: its slope per second, and its value at `originMs`. */
function linearRegression(
  { times, values, lo, hi }: Window,
  originMs: number,
): { readonly slope: number; readonly intercept: number } {
  const first = values[lo] ?? 0;
  const x = new KahanSum();
  const y = new KahanSum();
  const xy = new KahanSum();
  const xx = new KahanSum();
  let constant = true;
  for (let i = lo; i < hi; i += 1) {
    const value = values[i] ?? 0;
    const seconds = ((times[i] ?? 0) - originMs) / 1000;
    if (value !== first) constant = false;
    x.add(seconds);
    y.add(value);
    xy.add(seconds * value);
    xx.add(seconds * seconds);
  }
  // A constant is kept exactly; a constant infinity has no line.
  if (constant && Number.isFinite(first)) return { slope: 0, intercept: first };
  if (constant && !Number.isNaN(first)) return { slope: Number.NaN, intercept: Number.NaN };
  const n = hi - lo;
  const covariance = xy.value - (x.value * y.value) / n;
  const variance = xx.value - (x.value * x.value) / n;
  const slope = covariance / variance;
  return { slope, intercept: y.value / n - (slope * x.value) / n };
}
