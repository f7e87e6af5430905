import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { Selection, Series } from '../promql/source.ts';
import type { SloMetricName } from '../slo/slo-metrics.ts';
import type { ConfiguredSeries } from './account-series.ts';

/** What the metric says at every time, as configured now; null for a metric that has a history. */
export function configuredValue({ metric, objective, component }: ConfiguredSeries): number | null {
  const { name }: { readonly name: SloMetricName } = metric;
  switch (name) {
    case 'target':
      return objective.target;
    case 'threshold':
      return objective.value;
    case 'time_slice_allowance':
      return objective.timeSliceTarget;
    case 'component_weight':
      return component?.weight ?? null;
    default:
      return null;
  }
}

/**
 * Samples of series that have one at every instant since their start: at the very instants that are looked at,
 * or, where a range is, at every full minute and at the start, `startMs`. They share their arrays.
 */
export function createConfiguredSamples({ hints, fromMs, toMs }: Selection) {
  // Made when there is such a series: mostly there is none, and there may be millions of them.
  let made: Float64Array | null = null;
  const byValue = new Map<number, Float64Array>();

  return ({ labels }: ConfiguredSeries, startMs: number, value: number): Series => {
    made ??= hints.kind === 'instant' ? instantsOf(hints) : minutesOf(fromMs, toMs);
    const times = made;
    let values = byValue.get(value);
    if (values === undefined) {
      values = new Float64Array(times.length).fill(value);
      byValue.set(value, values);
    }
    const start = firstAtOrAfter(times, startMs);
    const isBetween = hints.kind === 'range' && startMs > fromMs && startMs <= toMs;
    if (!isBetween || times[start] === startMs) return { labels, times, values, start, end: times.length };
    const own = new Float64Array(times.length - start + 1);
    own[0] = startMs;
    own.set(times.subarray(start), 1);
    return {
      labels,
      times: own,
      values: new Float64Array(own.length).fill(value),
      start: 0,
      end: own.length,
    };
  };
}

function instantsOf({ startMs, endMs, stepMs }: Selection['hints']): Float64Array {
  const count = Math.floor((endMs - startMs) / stepMs) + 1;
  return evenly(startMs, stepMs, count);
}

function minutesOf(fromMs: number, toMs: number): Float64Array {
  const firstMs = floorTo(fromMs, MINUTE_MS) + MINUTE_MS;
  const count = Math.max(0, Math.floor((toMs - firstMs) / MINUTE_MS) + 1);
  return evenly(firstMs, MINUTE_MS, count);
}

function evenly(firstMs: number, stepMs: number, count: number): Float64Array {
  const times = new Float64Array(count);
  for (let i = 0; i < count; i += 1) times[i] = firstMs + i * stepMs;
  return times;
}

function firstAtOrAfter(times: Float64Array, ms: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) >= ms) high = middle;
    else low = middle + 1;
  }
  return low;
}
