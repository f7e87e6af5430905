import { DAY_MS, MINUTE_MS } from '../lib/duration.ts';
import { PromqlError } from '../promql/promql-error.ts';
import type { Selection } from '../promql/source.ts';
import type { Need } from './sample-needs.ts';

/** Of a sample in a column. */
export const SAMPLE_BYTES = 8;

/** What one query may ask for. */
export const SERIES_LIMITS = { series: 10_000, rangeMs: 400 * DAY_MS, samples: 50_000_000 } as const;

/** Throws a PromqlError `bad_data`. */
export function assertRange({ fromMs, toMs }: Selection): void {
  if (toMs - fromMs <= SERIES_LIMITS.rangeMs + DAY_MS) return;
  throw new PromqlError('bad_data', 'the query reaches over more than 400 days; shorten its range');
}

/** Of each selection, what it selects. Throws a PromqlError `bad_data`. */
export function assertSeries(chosen: readonly (readonly unknown[])[]): void {
  const count = chosen.reduce((sum, series) => sum + series.length, 0);
  if (count <= SERIES_LIMITS.series) return;
  throw new PromqlError(
    'bad_data',
    `the query selects ${count} series, and 10,000 is the limit; narrow its selectors`,
  );
}

/** The most samples that the needs can have. Throws a PromqlError `bad_data`. */
export function assertSamples(needs: Iterable<Need>): number {
  let samples = 0;
  for (const { fromMs, toMs, steps } of needs) {
    samples += steps === null ? (toMs - fromMs) / MINUTE_MS : (toMs - fromMs) / steps.stepMs + 1;
  }
  if (samples > SERIES_LIMITS.samples) throw tooManySamples();
  return Math.ceil(samples);
}

export const tooManySamples = (): PromqlError =>
  new PromqlError('bad_data', 'query processing would load too many samples into memory in query execution');
