import { MINUTE_MS } from '../lib/duration.ts';
import type { Selection, Series } from '../promql/source.ts';
import type { AccountSeries, ConfiguredSeries } from './account-series.ts';
import type { BoundedCache, CacheEntry, Sized } from './bounded-cache.ts';
import { lastNeeded } from './chosen-series.ts';
import { configuredValue, createConfiguredSamples } from './configured-samples.ts';
import type { MinuteGrid } from './minute-grid.ts';
import { SampleColumn } from './sample-column.ts';
import { needKey, type Steps, stepsOf } from './sample-needs.ts';
import type { SeriesHistory } from './series-definitions.ts';
import { SAMPLE_BYTES, SERIES_LIMITS } from './series-limits.ts';

type ColumnCache = BoundedCache<Sized & (SampleColumn | AccountSeries)>;

/** A series, and where its samples were found last. */
interface Place {
  readonly series: ConfiguredSeries;
  readonly history: SeriesHistory;
  /** Null for a series with a history. */
  readonly configured: number | null;
  entry: CacheEntry<Sized & (SampleColumn | AccountSeries)> | undefined;
}

export interface KeptSamples {
  /** Of each selection. */
  readonly series: readonly (readonly Series[])[];
  /** The most that they can take. */
  readonly bytes: number;
}

/**
 * Finds the samples of selections that are kept whole. It does so with nearly every query: which series are meant, and
 * where their columns are, is found out once for each state of an account.
 */
export class KeptSeries {
  readonly #cache: ColumnCache;
  readonly #grid: MinuteGrid;
  readonly #places = new WeakMap<AccountSeries, WeakMap<readonly ConfiguredSeries[], readonly Place[]>>();

  constructor(cache: ColumnCache, grid: MinuteGrid) {
    this.#cache = cache;
    this.#grid = grid;
  }

  /**
   * Null where something is to be read first, and for what may be more than one query may ask for: what two
   * selections share counts twice here.
   */
  find(account: AccountSeries, selections: readonly Selection[], nowMs: number): KeptSamples | null {
    const series: Series[][] = [];
    let count = 0;
    let samples = 0;
    for (const selection of selections) {
      const chosen = account.match(selection.matchers);
      count += chosen.length;
      if (count > SERIES_LIMITS.series) return null;
      const found: Series[] = [];
      const added = this.#collect(account, selection, chosen, nowMs, found);
      if (added === null) return null;
      samples += added;
      if (samples > SERIES_LIMITS.samples) return null;
      series.push(found);
    }
    return { series, bytes: Math.ceil(samples) * SAMPLE_BYTES };
  }

  /** Adds the selection's series to `found`; answers how many samples they have at the most, null as `find`. */
  #collect(
    account: AccountSeries,
    selection: Selection,
    chosen: readonly ConfiguredSeries[],
    nowMs: number,
    found: Series[],
  ): number | null {
    const steps = stepsOf(selection);
    const toMs = Math.min(selection.toMs, lastNeeded(steps, nowMs));
    const keptFromMs = Math.max(selection.fromMs, account.keptFromMs - 1);
    const always = createConfiguredSamples(selection);
    const apartMs = steps?.stepMs ?? MINUTE_MS;
    const more = steps === null ? 0 : 1;
    let samples = 0;
    for (const place of this.#placesOf(account, chosen, steps)) {
      const { series, history, configured } = place;
      const { firstDataAtMs, snapshotsUntilMs, historyVersion } = history;
      if (configured !== null) {
        found.push(always(series, history.startMs, configured));
        continue;
      }
      if (firstDataAtMs === null || snapshotsUntilMs === null) continue;
      const fromMs = Math.max(keptFromMs, firstDataAtMs);
      if (toMs <= fromMs) continue;
      const column = this.#columnAt(place, steps);
      if (column === null || column.version < historyVersion) return null;
      if (fromMs < column.fromMs || toMs > column.untilMs) return null;
      samples += (toMs - fromMs) / apartMs + more;
      const { times, values, start, end } = column.view(keptFromMs, selection.toMs, this.#grid);
      if (start < end) found.push({ labels: series.labels, times, values, start, end });
    }
    return samples;
  }

  #placesOf(
    account: AccountSeries,
    chosen: readonly ConfiguredSeries[],
    steps: Steps | null,
  ): readonly Place[] {
    // The steps of a query that is asked again and again move on with the time.
    if (steps !== null) return placesOf(account, chosen);
    const known = this.#places.get(account) ?? new WeakMap<readonly ConfiguredSeries[], readonly Place[]>();
    this.#places.set(account, known);
    const places = known.get(chosen) ?? placesOf(account, chosen);
    known.set(chosen, places);
    return places;
  }

  #columnAt(place: Place, steps: Steps | null): SampleColumn | null {
    let column = place.entry?.value;
    if (column === undefined) {
      place.entry = this.#cache.entryOf(needKey(place.series, steps));
      column = place.entry?.value;
    }
    return column instanceof SampleColumn ? column : null;
  }
}

function placesOf(account: AccountSeries, chosen: readonly ConfiguredSeries[]): Place[] {
  return chosen.map((series) => ({
    series,
    history: account.historyOf(series),
    configured: configuredValue(series),
    entry: undefined,
  }));
}
