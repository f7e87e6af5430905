import { type Exact, minus, sumOf, ZERO } from './exact-sum.ts';

/** What components have cost, counted over all time up to instants that ascend; a look-up takes the last one. */
export class LossTotals {
  readonly #places: number;
  readonly #at: number[] = [];
  readonly #counted: (readonly Exact[])[] = [];

  /** `places`: how many components there are. */
  constructor(places: number) {
    this.#places = places;
  }

  /** Takes a row as it is stored: pairs of numbers, fewer where components have come since. */
  load(at: number, pairs: readonly (number | null)[]): void {
    if (at <= (this.#at.at(-1) ?? Number.NEGATIVE_INFINITY)) return;
    this.#append(
      at,
      Array.from({ length: this.#places }, (_, i) => ({
        high: pairs[2 * i] ?? 0,
        low: pairs[2 * i + 1] ?? 0,
      })),
    );
  }

  /** Counts on: what was lost by what is counted at `at`, by place; null for nothing. */
  push(at: number, losses: readonly number[] | null): void {
    const last = this.#counted.at(-1) ?? Array.from({ length: this.#places }, () => ZERO);
    this.#append(at, losses === null ? last : last.map((counted, i) => sumOf(counted, losses[i] ?? 0)));
  }

  /** The newest row as it is to be stored. */
  get last(): number[] {
    const last = this.#counted.at(-1) ?? Array.from({ length: this.#places }, () => ZERO);
    const pairs: number[] = [];
    for (const { high, low } of last) pairs.push(high, low);
    return pairs;
  }

  /** By place, over `(fromMs, toMs]`. */
  between(fromMs: number, toMs: number): number[] {
    const from = this.#countedAt(fromMs);
    const to = this.#countedAt(toMs);
    return Array.from({ length: this.#places }, (_, i) => minus(to?.[i] ?? ZERO, from?.[i] ?? ZERO));
  }

  #append(at: number, counted: readonly Exact[]): void {
    this.#at.push(at);
    this.#counted.push(counted);
  }

  #countedAt(ms: number): readonly Exact[] | undefined {
    let low = 0;
    let high = this.#at.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#at[middle] ?? 0) <= ms) low = middle + 1;
      else high = middle;
    }
    return this.#counted[low - 1];
  }
}
