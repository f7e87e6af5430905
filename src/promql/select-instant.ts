import type { VectorSelector } from './ast.ts';
import type { Evaluation } from './evaluation.ts';
import type { Grid, MovedGrid } from './grid.ts';
import { moveGrid } from './grid.ts';
import { advance } from './sample-index.ts';
import type { Series } from './source.ts';
import { staleReader } from './stale.ts';
import { emptySeries, type StepSeries } from './step-series.ts';

export type SampleColumn = 'value' | 'time';

/**
 * The newest sample of each series in the lookback before each step, or its time in seconds. A series that is
 * stale there, and one without any sample, is left out.
 */
export async function selectInstant(
  evaluation: Evaluation,
  selector: VectorSelector,
  grid: Grid,
  column: SampleColumn = 'value',
): Promise<StepSeries[]> {
  const { budget, lookbackMs, query, selected } = evaluation;
  const moved = moveGrid(grid, selector, query);
  const result: StepSeries[] = [];
  for (const series of selected.get(selector) ?? []) {
    budget.hold(grid.steps);
    const one = lookAtSteps(series, grid.steps, moved, lookbackMs, column);
    if (one !== null) {
      result.push(one);
      budget.countRead(grid.steps);
    }
    if (budget.spend(grid.steps)) await budget.breathe();
  }
  return result;
}

function lookAtSteps(
  series: Series,
  steps: number,
  { startMs, stepMs }: MovedGrid,
  lookbackMs: number,
  column: SampleColumn,
): StepSeries | null {
  const { times, values } = series;
  const result = emptySeries(series.labels, column === 'time', steps);
  let isStale: ((index: number) => boolean) | null = null;
  let found = false;
  let next = series.start;
  let stride = 1;
  for (let k = 0; k < steps; k += 1) {
    const instant = startMs + k * stepMs;
    const after = advance(times, next, series.end, instant, stride);
    stride = Math.max(1, after - next);
    next = after;
    const at = after - 1;
    if (at < series.start || (times[at] ?? 0) <= instant - lookbackMs) continue;
    const value = values[at] ?? 0;
    if (Number.isNaN(value)) {
      isStale ??= staleReader(values);
      if (isStale(at)) continue;
    }
    found = true;
    result.present[k] = 1;
    result.values[k] = column === 'time' ? (times[at] ?? 0) / 1000 : value;
  }
  return found ? result : null;
}
