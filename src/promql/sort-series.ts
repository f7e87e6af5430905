import { compareLabels } from './labels.ts';
import type { StepSeries } from './step-series.ts';

/** `sort` and `sort_desc`: by value, NaN last for both. Over several steps there is no order to give. */
export function sortSeries(
  series: readonly StepSeries[],
  descending: boolean,
  steps: number,
): readonly StepSeries[] {
  if (steps !== 1) return series;
  const firstValue = ({ values }: StepSeries): number => values[0] ?? 0;
  return [...series].sort((a, b) => {
    const x = firstValue(a);
    const y = firstValue(b);
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
    if (x === y) return compareLabels(a.labels, b.labels);
    return x < y === descending ? 1 : -1;
  });
}
