/** What the cache holds; the size may change from one `put` to the next. */
export interface Sized {
  readonly bytes: number;
}

interface Entry<T> {
  readonly value: T;
  readonly bytes: number;
  /** Since it was last looked at for letting go. */
  used: boolean;
}

/**
 * Keeps what fits into so many bytes, and of that rather what was used lately: whatever was used since it was last
 * in turn to go is passed over once. To use an entry so costs no more than to find it.
 */
export class BoundedCache<T extends Sized> {
  readonly #maxBytes: number;
  // A Map keeps the order of insertion: the first is the next in turn.
  readonly #entries = new Map<string, Entry<T>>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    entry.used = true;
    return entry.value;
  }

  /** Keeps the value at its present size. Whatever does not fit any more is let go of, perhaps the value itself. */
  put(key: string, value: T): void {
    this.delete(key);
    const { bytes } = value;
    if (bytes > this.#maxBytes) return;
    this.#entries.set(key, { value, bytes, used: false });
    this.#bytes += bytes;
    // What is passed over comes back behind all others, and by then is used no more: the loop ends.
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) return;
      if (entry.used) {
        entry.used = false;
        this.#entries.delete(oldest);
        this.#entries.set(oldest, entry);
      } else {
        this.delete(oldest);
      }
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}
