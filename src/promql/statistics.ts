import { KahanSum } from './kahan.ts';

// Each takes the values from `start` to `end` of a column, at least one. The aggregators over series and the
// functions over time share them.
export type Statistic = (values: Float64Array, start: number, end: number) => number;

const isInfinite = (value: number): boolean =>
  value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;

// The sums are written out over local numbers: these loops are where most queries spend their time.
export const sumOf: Statistic = (values, start, end) => {
  let sum = 0;
  let lost = 0;
  for (let i = start; i < end; i += 1) {
    const value = values[i] ?? 0;
    const total = sum + value;
    if (isInfinite(total)) lost = 0;
    else if (Math.abs(sum) >= Math.abs(value)) lost += sum - total + value;
    else lost += value - total + sum;
    sum = total;
  }
  return sum + lost;
};

/** The plain mean as long as the sum stays finite, and from there on the incremental one. */
export const meanOf: Statistic = (values, start, end) => {
  let sum = values[start] ?? 0;
  let lost = 0;
  for (let i = start + 1; i < end; i += 1) {
    const value = values[i] ?? 0;
    const total = sum + value;
    if (isInfinite(total)) return incrementalMean(values, i, end, i - start, sum, lost);
    if (Math.abs(sum) >= Math.abs(value)) lost += sum - total + value;
    else lost += value - total + sum;
    sum = total;
  }
  const count = end - start;
  return sum / count + lost / count;
};

function incrementalMean(
  values: Float64Array,
  from: number,
  end: number,
  countBefore: number,
  sum: number,
  lost: number,
): number {
  let mean = sum / countBefore;
  let meanLost = lost / countBefore;
  let count = countBefore;
  for (let i = from; i < end; i += 1) {
    const value = values[i] ?? 0;
    count += 1;
    if (isInfinite(mean)) {
      // An infinite mean stays what it is, unless the other infinity or NaN comes.
      if (isInfinite(value) && mean > 0 === value > 0) continue;
      if (!isInfinite(value) && !Number.isNaN(value)) continue;
    }
    const share = (count - 1) / count;
    const next = new KahanSum(share * mean, share * meanLost);
    next.add(value / count);
    mean = next.sum;
    meanLost = next.lost;
  }
  return mean + meanLost;
}

export const minOf: Statistic = (values, start, end) => {
  let min = values[start] ?? 0;
  for (let i = start + 1; i < end; i += 1) {
    const value = values[i] ?? 0;
    if (value < min || Number.isNaN(min)) min = value;
  }
  return min;
};

export const maxOf: Statistic = (values, start, end) => {
  let max = values[start] ?? 0;
  for (let i = start + 1; i < end; i += 1) {
    const value = values[i] ?? 0;
    if (value > max || Number.isNaN(max)) max = value;
  }
  return max;
};

/** Population variance, by Welford. */
export const varianceOf: Statistic = (values, start, end) => {
  const mean = new KahanSum();
  const squares = new KahanSum();
  for (let i = start; i < end; i += 1) {
    const value = values[i] ?? 0;
    const delta = value - mean.value;
    mean.add(delta / (i - start + 1));
    squares.add(delta * (value - mean.value));
  }
  return squares.value / (end - start);
};

/** The φ-quantile, interpolated; NaN sorts below all numbers. Below 0 it is -Inf, above 1 +Inf. */
export function quantileOf(q: number, values: Float64Array, start: number, end: number): number {
  if (start >= end || Number.isNaN(q)) return Number.NaN;
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  const sorted = values.slice(start, end).sort();
  const count = sorted.length;
  let nans = 0;
  while (nans < count && Number.isNaN(sorted[count - 1 - nans] ?? 0)) nans += 1;
  // The typed array sorts NaN to its end.
  const at = (i: number): number => (i < nans ? Number.NaN : (sorted[i - nans] ?? 0));
  const rank = q * (count - 1);
  const lower = Math.max(0, Math.floor(rank));
  const upper = Math.min(count - 1, lower + 1);
  const weight = rank - Math.floor(rank);
  return at(lower) * (1 - weight) + at(upper) * weight;
}
