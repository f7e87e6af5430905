import type { Labels } from '../../src/promql/labels.ts';
import { filterLabels, METRIC_NAME, metricName, withLabel } from '../../src/promql/labels.ts';
import { matchesAll } from '../../src/promql/matcher.ts';
import type { SampleSource, Series } from '../../src/promql/source.ts';
import { markStale } from '../../src/promql/stale.ts';
import { memorySource } from './memory-source.ts';
import type { Command } from './script.ts';
import type { Item } from './series-line.ts';

type Load = Extract<Command, { readonly kind: 'load' }>;

/** What a script has loaded so far. */
export class Store {
  readonly #series = new Map<string, { readonly labels: Labels; readonly items: Map<number, Item> }>();
  #cached: readonly Series[] | null = null;

  clear(): void {
    this.#series.clear();
    this.#cached = null;
  }

  load({ stepMs, series, withNative }: Load): void {
    // Within one load the last line of a series counts; several loads add up.
    const last = new Map(series.map((line) => [line.labels.signature, line]));
    for (const { labels, items } of last.values()) {
      this.#add(labels, stepMs, items);
      const native = withNative ? nativeLabels(labels) : null;
      if (native !== null)
        this.#add(
          native,
          stepMs,
          items.map((item) => (item === 'gap' ? item : 'native')),
        );
    }
    this.#cached = null;
  }

  #add(labels: Labels, stepMs: number, items: readonly Item[]): void {
    const entry = this.#series.get(labels.signature) ?? { labels, items: new Map<number, Item>() };
    this.#series.set(labels.signature, entry);
    items.forEach((item, i) => {
      if (item !== 'gap') entry.items.set(i * stepMs, item);
    });
  }

  /** The float samples as a source. `onNative` is called when a selection covers a native histogram. */
  source(onNative: () => void): SampleSource {
    this.#cached ??= [...this.#series.values()].map(({ labels, items }) => floatSeries(labels, items));
    const floats = memorySource(this.#cached);
    const natives = [...this.#series.values()]
      .map(({ labels, items }) => ({
        labels,
        times: [...items].flatMap(([time, item]) => (item === 'native' ? [time] : [])),
      }))
      .filter(({ times }) => times.length > 0);
    return {
      select: (selections, signal) => {
        const touched = selections.some(({ matchers, fromMs, toMs }) =>
          natives.some(
            ({ labels, times }) =>
              times.some((time) => time > fromMs && time <= toMs) && matchesAll(matchers, labels),
          ),
        );
        if (touched) onNative();
        return floats.select(selections, signal);
      },
    };
  }
}

function floatSeries(labels: Labels, items: ReadonlyMap<number, Item>): Series {
  const samples = [...items].filter(([, item]) => item !== 'native').sort(([a], [b]) => a - b);
  const times = Float64Array.from(samples, ([time]) => time);
  const values = Float64Array.from(samples, ([, item]) => (typeof item === 'number' ? item : Number.NaN));
  samples.forEach(([, item], i) => {
    if (item === 'stale') markStale(values, i);
  });
  return { labels, times, values, start: 0, end: samples.length };
}

/** The native histogram that a bucket of a classic one becomes part of. */
function nativeLabels(labels: Labels): Labels | null {
  const name = metricName(labels);
  if (!name.endsWith('_bucket')) return null;
  const others = filterLabels(labels, (label) => label !== 'le');
  return withLabel(others, METRIC_NAME, name.slice(0, -'_bucket'.length));
}
