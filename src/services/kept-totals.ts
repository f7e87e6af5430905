import { DAY_MS, MINUTE_MS } from '../lib/duration.ts';
import type { DayBase, RunningTotals } from '../slo/running-totals.ts';
import type { SeriesRange } from '../storage/series-columns.ts';
import { isShortSpan, lookbackRanges, rowsOf, type SpannedSeries } from './series-plan.ts';

/** As far as the default alert conditions look back. */
const KEPT_MS = 3 * DAY_MS;
/** A series may have this part more of what it is to keep before it is cut down to that. */
const SLACK = 1 / 6;
/** Rows that are kept at once, of all series together, each of 26 bytes. */
const MAX_ROWS = 600_000;
/** From so many series on those that a stream has left behind are forgotten. */
const MANY_SERIES = 120;

interface Kept {
  readonly sloId: string;
  /** All rows from `knownFromMs` to the series' last one, and the last row before. */
  readonly totals: RunningTotals;
  knownFromMs: number;
  /** `at` of the series' first row where that is known, else null: before it nothing was counted. */
  firstRowMs: number | null;
  /** The transaction that wrote it last. */
  writtenIn: number;
  /** As many as there were then. */
  rows: number;
}

/** Other limits than the usual ones, for tests of what happens at them. */
export interface KeptLimits {
  readonly keptMs?: number;
  readonly maxRows?: number;
}

/** What of the rows before a span is at hand, and which ranges of them have to be read. */
export interface KnownRows {
  readonly totals: RunningTotals;
  /** The series' first day, where that is known: what is missing does not reach back to before it. */
  readonly firstDay: DayBase | null;
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
  readonly #maxRows: number;
  #rows = 0;
  #transaction = 0;
  /** Series that this transaction has written to. */
  #written = 0;
  /** What a series may keep in this transaction, in milliseconds back of its last row. */
  #shareMs = 0;

  /** `keptMs`: how far back of a series' last row is kept at most; `maxRows`: of all series together. */
  constructor({ keptMs = KEPT_MS, maxRows = MAX_ROWS }: KeptLimits = {}) {
    this.#keptMs = keptMs;
    this.#maxRows = maxRows;
  }

  /**
   * Begins a transaction that holds the locks of these SLOs' rows: forgets what others have written to. The more
   * series are written to at a time, the less of each is kept.
   */
  open(versions: ReadonlyMap<string, string>): void {
    this.#transaction += 1;
    const series = Math.max(versions.size, this.#written);
    this.#written = 0;
    const share = Math.floor(this.#maxRows / (1 + SLACK) / Math.max(series, 1));
    this.#shareMs = Math.min(this.#keptMs, share * MINUTE_MS);
    for (const [name, { sloId }] of this.#series) {
      const version = versions.get(sloId);
      if (version !== undefined && version !== this.#versions.get(sloId)) this.#forget(name);
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
    const firstDay = firstRowMs === null ? null : totals.firstDay;
    if (totals.length > 0) return { totals, firstDay, missing };
    if (missing.length === 0) {
      // The span begins before the series does: all rows come from it.
      kept.knownFromMs = Number.NEGATIVE_INFINITY;
      return { totals, firstDay, missing };
    }
    this.#forget(nameOf(series));
    return null;
  }

  /** Takes what the span was written with. Where rows stand behind the span, nothing is kept of the series. */
  keep(series: SpannedSeries, totals: RunningTotals): void {
    this.#written += 1;
    const name = nameOf(series);
    const kept = this.#series.get(name) ?? newlyKept(series, totals);
    this.#forget(name);
    if (kept === null || (series.lastRowMs !== null && series.lastRowMs > series.span.untilMs)) return;
    if (kept.totals !== totals) kept.totals.loadFrom(totals, series.span.fromMs);
    if (kept.knownFromMs === Number.NEGATIVE_INFINITY) kept.firstRowMs = kept.totals.firstAt;
    cutDown(kept, this.#shareMs);
    // What it will come to have among so many: growing on the way leaves as much again to be collected.
    if (this.#shareMs < this.#keptMs) {
      kept.totals.reserve(Math.ceil((this.#shareMs / MINUTE_MS) * (1 + SLACK)) + rowsOf(series.span));
    }
    if (!this.#hasRoom(kept.totals.length)) return;
    kept.writtenIn = this.#transaction;
    kept.rows = kept.totals.length;
    this.#rows += kept.rows;
    this.#series.set(name, kept);
  }

  #forget(name: string): void {
    this.#rows -= this.#series.get(name)?.rows ?? 0;
    this.#series.delete(name);
  }

  /** Whether so many rows more can be kept; series that the last transactions did not touch make room for them. */
  #hasRoom(rows: number): boolean {
    for (const [name, { writtenIn }] of this.#series) {
      const isFull = this.#series.size >= MANY_SERIES || this.#rows + rows > this.#maxRows;
      // In a stream of more series, to replace some by others would come to keeping none.
      if (!isFull || writtenIn >= this.#transaction - 1) break;
      this.#forget(name);
    }
    return this.#rows + rows <= this.#maxRows;
  }
}

function newlyKept({ slo, objective, span, lastRowMs }: SpannedSeries, totals: RunningTotals): Kept | null {
  const kept = { sloId: slo.id, totals, firstRowMs: null, writtenIn: 0, rows: 0 };
  if (lastRowMs === null) return { ...kept, knownFromMs: Number.NEGATIVE_INFINITY };
  // Of a short one single instants are known.
  if (isShortSpan(span)) return null;
  const ranges = lookbackRanges(slo, objective, 0, span);
  // The last range reaches to the span.
  const knownFromMs = ranges.at(-1)?.fromMs;
  const oldestMs = ranges[0]?.fromMs;
  if (knownFromMs === undefined || oldestMs === undefined) return null;
  const { firstAt } = totals;
  // What is read reaches back to a row at or before the first range, unless the series begins later.
  const firstRowMs = firstAt !== null && firstAt > oldestMs && firstAt < span.fromMs ? firstAt : null;
  totals.dropBefore(knownFromMs);
  return { ...kept, firstRowMs, knownFromMs };
}

function cutDown(kept: Kept, keptMs: number): void {
  const { length, lastAt } = kept.totals;
  if (lastAt === null || length * MINUTE_MS <= keptMs * (1 + SLACK)) return;
  kept.knownFromMs = Math.max(kept.knownFromMs, lastAt - keptMs);
  kept.totals.dropBefore(kept.knownFromMs);
}
