import { DAY_MS, HOUR_MS, MINUTE_MS } from '../lib/duration.ts';
import type { RunningTotals } from '../slo/running-totals.ts';
import type { SeriesRange } from '../storage/series-columns.ts';
import { isShortSpan, lookbackRanges, type SpannedSeries } from './series-plan.ts';

/** As far as the default alert conditions look back. */
const KEPT_MS = 3 * DAY_MS;
/** So much more may be kept before it is cut down to that. */
const SLACK_MS = 12 * HOUR_MS;
/** Series that are kept at once, each of 32 bytes a minute. */
const MAX_SERIES = 120;

interface Kept {
  readonly sloId: string;
  /** All rows from `knownFromMs` to the series' last one, and the last row before. */
  readonly totals: RunningTotals;
  knownFromMs: number;
  /** `at` of the series' first row where that is known, else null: before it nothing was counted. */
  firstRowMs: number | null;
  /** The transaction that wrote it last. */
  writtenIn: number;
}

/** What of the rows before a span is at hand, and which ranges of them have to be read. */
export interface KnownRows {
  readonly totals: RunningTotals;
  readonly missing: readonly SeriesRange[];
}

const nameOf = ({ slo, objective }: SpannedSeries): string => `${slo.id} ${objective}`;

/**
 * The newest running totals of series that a stream carries on chunk by chunk. What a status looks back to takes
 * the database longer to read than the rows of the chunk take to be written, and the chunks before have just made
 * it. Nothing is taken from here unless the SLO's row is, under lock, the one that the chunk before has written.
 */
export class KeptTotals {
  readonly #series = new Map<string, Kept>();
  /** By SLO, the row that stands since its totals were last known to be right. */
  readonly #versions = new Map<string, string>();
  readonly #keptMs: number;
  #transaction = 0;

  /** `keptMs`: how far back of a series' last row is kept. */
  constructor(keptMs = KEPT_MS) {
    this.#keptMs = keptMs;
  }

  /** Begins a transaction that holds the locks of these SLOs' rows: forgets what others have written to. */
  open(versions: ReadonlyMap<string, string>): void {
    this.#transaction += 1;
    for (const [name, { sloId }] of this.#series) {
      const version = versions.get(sloId);
      if (version !== undefined && version !== this.#versions.get(sloId)) this.#series.delete(name);
    }
    // Should the transaction fail, none of it is known any more.
    for (const sloId of versions.keys()) this.#versions.delete(sloId);
  }

  /** Ends that transaction, which has committed and left the rows like this. */
  close(versions: ReadonlyMap<string, string>): void {
    for (const [sloId, version] of versions) this.#versions.set(sloId, version);
  }

  has(series: SpannedSeries): boolean {
    return this.#series.has(nameOf(series));
  }

  /** What is known of the rows before the span, from which the rest is forgotten; null for nothing. */
  knownBefore(series: SpannedSeries, ranges: readonly SeriesRange[]): KnownRows | null {
    const kept = this.#series.get(nameOf(series));
    if (kept === undefined) return null;
    const { totals, knownFromMs, firstRowMs } = kept;
    totals.dropFrom(series.span.fromMs);
    const missing = ranges
      .filter(({ fromMs, toMs }) => fromMs < knownFromMs && toMs >= (firstRowMs ?? Number.NEGATIVE_INFINITY))
      .map((range) => ({ ...range, toMs: Math.min(range.toMs, knownFromMs - MINUTE_MS) }));
    if (totals.length > 0) return { totals, missing };
    if (missing.length === 0) {
      // The span begins before the series does: all rows come from it.
      kept.knownFromMs = Number.NEGATIVE_INFINITY;
      return { totals, missing };
    }
    this.#series.delete(nameOf(series));
    return null;
  }

  /** Takes what the span was written with. Where rows stand behind the span, nothing is kept of the series. */
  keep(series: SpannedSeries, totals: RunningTotals): void {
    const name = nameOf(series);
    const kept = this.#series.get(name) ?? newlyKept(series, totals);
    this.#series.delete(name);
    if (kept === null || (series.lastRowMs !== null && series.lastRowMs > series.span.untilMs)) return;
    if (!this.#hasRoom()) return;
    if (kept.totals !== totals) kept.totals.loadFrom(totals, series.span.fromMs);
    if (kept.knownFromMs === Number.NEGATIVE_INFINITY) kept.firstRowMs = kept.totals.firstAt;
    cutDown(kept, this.#keptMs);
    kept.writtenIn = this.#transaction;
    this.#series.set(name, kept);
  }

  /** Whether one more can be kept; one that the last transactions did not touch makes room for it. */
  #hasRoom(): boolean {
    if (this.#series.size < MAX_SERIES) return true;
    const [oldest] = this.#series;
    // In a stream of more series, to replace some by others would come to keeping none.
    if (oldest === undefined || oldest[1].writtenIn >= this.#transaction - 1) return false;
    return this.#series.delete(oldest[0]);
  }
}

function newlyKept({ slo, objective, span, lastRowMs }: SpannedSeries, totals: RunningTotals): Kept | null {
  const kept = { sloId: slo.id, totals, firstRowMs: null, writtenIn: 0 };
  if (lastRowMs === null) return { ...kept, knownFromMs: Number.NEGATIVE_INFINITY };
  // The last range reaches to the span. Of a short one single instants are known.
  const knownFromMs = isShortSpan(span) ? undefined : lookbackRanges(slo, objective, 0, span).at(-1)?.fromMs;
  if (knownFromMs === undefined) return null;
  totals.dropBefore(knownFromMs);
  return { ...kept, knownFromMs };
}

function cutDown(kept: Kept, keptMs: number): void {
  const { length, lastAt } = kept.totals;
  if (lastAt === null || length * MINUTE_MS <= keptMs + Math.min(keptMs, SLACK_MS)) return;
  kept.knownFromMs = Math.max(kept.knownFromMs, lastAt - keptMs);
  kept.totals.dropBefore(kept.knownFromMs);
}
