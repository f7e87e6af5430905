import { matchesAll } from '../../src/promql/matcher.ts';
import type { SampleSource, Selection, Series } from '../../src/promql/source.ts';

/** A source over series held in memory. */
export function memorySource(series: readonly Series[]): SampleSource {
  return {
    select: async (selections) => selections.map((selection) => selectFrom(series, selection)),
  };
}

function selectFrom(series: readonly Series[], { matchers, fromMs, toMs }: Selection): Series[] {
  return series
    .filter(({ labels }) => matchesAll(matchers, labels))
    .map((one) => ({ ...one, start: after(one, fromMs), end: after(one, toMs) }))
    .filter(({ start, end }) => start < end);
}

/** The index of the first sample later than `ms`. */
function after({ times, start, end }: Series, ms: number): number {
  let low = start;
  let high = end;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) <= ms) low = middle + 1;
    else high = middle;
  }
  return low;
}
