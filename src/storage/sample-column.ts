import { MINUTE_MS } from '../lib/duration.ts';
import type { MinuteGrid } from './minute-grid.ts';

/** A part of a column as the engine reads it: the indices from `start` to before `end`. */
export interface ColumnView {
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly start: number;
  readonly end: number;
}

const NONE = new Float64Array(0);
const SPARE = 64;
/** Of an object with its arrays, beside what the arrays hold. */
const OVERHEAD_BYTES = 400;

/**
 * The samples of one series over a stretch of time, all that there are in `fromMs < time <= untilMs`, and
 * perhaps some behind it. While there is one in every minute their times are not kept. Arrays that were handed out
 * keep what they held as long as nothing is cut off, or `cutOff` is told to copy.
 */
export class SampleColumn {
  fromMs: number;
  untilMs: number;
  /** The history version up to which changes of the past are in here. */
  version: number;
  #length = 0;
  #firstMs = 0;
  #times: Float64Array | null = null;
  #values: Float64Array;

  constructor(fromMs: number, version: number, capacity = 0) {
    this.fromMs = fromMs;
    this.untilMs = fromMs;
    this.version = version;
    this.#values = new Float64Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): number {
    return this.#values.byteLength + (this.#times?.byteLength ?? 0) + OVERHEAD_BYTES;
  }

  /** Adds samples behind the last one, ascending. */
  append(times: Float64Array, values: Float64Array): void {
    const added = times.length;
    if (added === 0) return;
    if (this.#length === 0) this.#firstMs = times[0] ?? 0;
    this.#reserve(added);
    if (this.#times === null && !this.#goesOn(times)) this.#spellOutTimes();
    this.#times?.set(times, this.#length);
    this.#values.set(values, this.#length);
    this.#length += added;
  }

  /** Puts what is known of the time before in front. */
  prepend(before: SampleColumn): void {
    const all = new SampleColumn(before.fromMs, this.version, before.#length + this.#length + SPARE);
    for (const part of [before, this]) {
      all.append(part.#allTimes(), part.#values.subarray(0, part.#length));
    }
    this.fromMs = before.fromMs;
    this.#firstMs = all.#firstMs;
    this.#length = all.#length;
    this.#times = all.#times;
    this.#values = all.#values;
  }

  /**
   * Forgets the samples from `fromMs` on, and those behind `untilMs`, which are not yet what they will be. `copy`:
   * somebody else may be reading the arrays.
   */
  cutOff(fromMs: number, { copy }: { readonly copy: boolean }): void {
    this.untilMs = Math.min(this.untilMs, Math.max(this.fromMs, fromMs - 1));
    const length = this.#firstAfter(this.untilMs);
    if (length === this.#length) return;
    this.#length = length;
    if (!copy) return;
    this.#values = this.#values.slice();
    this.#times = this.#times?.slice() ?? null;
  }

  /** The samples with `fromMs < time <= toMs`. */
  view(fromMs: number, toMs: number, grid: MinuteGrid): ColumnView {
    const [start, end] = [this.#firstAfter(fromMs), this.#firstAfter(toMs)];
    if (start >= end) return { times: NONE, values: NONE, start: 0, end: 0 };
    return { times: this.#times ?? grid.from(this.#firstMs, this.#length), values: this.#values, start, end };
  }

  /** The index of the first sample later than `ms`. */
  #firstAfter(ms: number): number {
    const times = this.#times;
    if (times === null) {
      const index = Math.floor((ms - this.#firstMs) / MINUTE_MS) + 1;
      return Math.max(0, Math.min(this.#length, index));
    }
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((times[middle] ?? 0) > ms) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #goesOn(times: Float64Array): boolean {
    const next = this.#firstMs + this.#length * MINUTE_MS;
    for (let i = 0; i < times.length; i += 1) if (times[i] !== next + i * MINUTE_MS) return false;
    return true;
  }

  #allTimes(): Float64Array {
    if (this.#times !== null) return this.#times.subarray(0, this.#length);
    const times = new Float64Array(this.#length);
    for (let i = 0; i < times.length; i += 1) times[i] = this.#firstMs + i * MINUTE_MS;
    return times;
  }

  #spellOutTimes(): void {
    const times = new Float64Array(this.#values.length);
    times.set(this.#allTimes());
    this.#times = times;
  }

  #reserve(added: number): void {
    const needed = this.#length + added;
    if (needed <= this.#values.length) return;
    const capacity = needed + SPARE + (this.#length >> 3);
    const grown = (old: Float64Array): Float64Array => {
      const wider = new Float64Array(capacity);
      wider.set(old.subarray(0, this.#length));
      return wider;
    };
    this.#values = grown(this.#values);
    if (this.#times !== null) this.#times = grown(this.#times);
  }
}
