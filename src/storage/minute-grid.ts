import { DAY_MS, HOUR_MS, MINUTE_MS } from '../lib/duration.ts';

/** Rows further apart than this, some three years, do not share their times. */
const MAX_MINUTES = 1_500_000;
/** Room at both ends for rows that reach a little further: as much as there is, but within these. */
const LEAST_MARGIN_MS = HOUR_MS;
const MOST_MARGIN_MS = 8 * DAY_MS;

/** The times of series that have a sample in every minute: one array for all of them. */
export class MinuteGrid {
  #firstMs = 0;
  #times: Float64Array = new Float64Array(0);
  /** What was asked for last: most series begin alike. */
  #cut: { readonly fromMs: number; readonly times: Float64Array } | null = null;

  /** At the index `i` the minute `fromMs + i` minutes, at least `length` of them. `fromMs` is a whole minute. */
  from(fromMs: number, length: number): Float64Array {
    const cut = this.#cut;
    if (cut !== null && cut.fromMs === fromMs && cut.times.length >= length) return cut.times;
    const times = this.#from(fromMs, length);
    this.#cut = { fromMs, times };
    return times;
  }

  #from(fromMs: number, length: number): Float64Array {
    let offset = (fromMs - this.#firstMs) / MINUTE_MS;
    if (offset < 0 || offset + length > this.#times.length) {
      const isEmpty = this.#times.length === 0;
      const endMs = fromMs + length * MINUTE_MS;
      const oldEndMs = this.#firstMs + this.#times.length * MINUTE_MS;
      const low = isEmpty ? fromMs : Math.min(fromMs, this.#firstMs);
      const high = isEmpty ? endMs : Math.max(endMs, oldEndMs);
      const marginMs = Math.min(MOST_MARGIN_MS, Math.max(LEAST_MARGIN_MS, high - low));
      const lowMs = low < this.#firstMs || isEmpty ? low - marginMs : low;
      const highMs = high > oldEndMs || isEmpty ? high + marginMs : high;
      const minutes = Math.ceil((highMs - lowMs) / MINUTE_MS);
      if (minutes > MAX_MINUTES) return minutesFrom(fromMs, length);
      this.#times = minutesFrom(lowMs, minutes);
      this.#firstMs = lowMs;
      offset = (fromMs - lowMs) / MINUTE_MS;
    }
    return this.#times.subarray(offset);
  }
}

function minutesFrom(fromMs: number, length: number): Float64Array {
  const times = new Float64Array(length);
  for (let i = 0; i < length; i += 1) times[i] = fromMs + i * MINUTE_MS;
  return times;
}
