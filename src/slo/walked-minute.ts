/** What of one minute is known, NaN for null. */
export interface MinuteColumns {
  readonly usedGood: number;
  readonly usedTotal: number;
  readonly receivedGood: number;
  readonly receivedBad: number;
  readonly receivedTotal: number;
  readonly value: number;
  /** JSON text. */
  readonly counterPoints: string | null;
  readonly dataUnused: boolean;
}

/**
 * The minute that a walk is at: one object for all of them, its numbers in a typed array. A field of an object
 * holds a fraction in a box of its own, and a walk goes through millions of minutes.
 */
export class WalkedMinute implements MinuteColumns {
  readonly #numbers = new Float64Array(6);
  counterPoints: string | null = null;
  dataUnused = false;

  /** What is used of the minute. */
  setUsed(good: number, total: number): void {
    this.#numbers[0] = good;
    this.#numbers[1] = total;
  }

  /** What came in, where it differs from what is used. */
  setReceived(good: number, bad: number, total: number): void {
    this.#numbers[2] = good;
    this.#numbers[3] = bad;
    this.#numbers[4] = total;
  }

  set value(value: number) {
    this.#numbers[5] = value;
  }

  get usedGood(): number {
    return this.#numbers[0] ?? Number.NaN;
  }

  get usedTotal(): number {
    return this.#numbers[1] ?? Number.NaN;
  }

  get receivedGood(): number {
    return this.#numbers[2] ?? Number.NaN;
  }

  get receivedBad(): number {
    return this.#numbers[3] ?? Number.NaN;
  }

  get receivedTotal(): number {
    return this.#numbers[4] ?? Number.NaN;
  }

  get value(): number {
    return this.#numbers[5] ?? Number.NaN;
  }
}
