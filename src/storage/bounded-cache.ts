/** What the cache holds; the size may change from one `put` to the next. */
export interface Sized {
  readonly bytes: number;
}

/** A place in the cache, by which a value is found again without its key for as long as it is kept. */
export class CacheEntry<T> {
  readonly bytes: number;
  /** Since it was last looked at for letting go. */
  used = false;
  #value: T | undefined;

  constructor(value: T, bytes: number) {
    this.#value = value;
    this.bytes = bytes;
  }

  /** Undefined once the cache has let go of it. To look is to use. */
  get value(): T | undefined {
    this.used = true;
    return this.#value;
  }

  empty(): void {
    this.#value = undefined;
  }
}

/**
 * Keeps what fits into so many bytes, and of that rather what was used lately: whatever was used since it was last
 * in turn to go is passed over once. To use an entry so costs no more than to find it.
 */
export class BoundedCache<T extends Sized> {
  readonly #maxBytes: number;
  // A Map keeps the order of insertion: the first is the next in turn.
  readonly #entries = new Map<string, CacheEntry<T>>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.value;
  }

  /** Where the value is kept now; undefined where it is not. */
  entryOf(key: string): CacheEntry<T> | undefined {
    return this.#entries.get(key);
  }

  /** Keeps the value at its present size. Whatever does not fit any more is let go of, perhaps the value itself. */
  put(key: string, value: T): void {
    this.delete(key);
    const { bytes } = value;
    if (bytes > this.#maxBytes) return;
    this.#entries.set(key, new CacheEntry(value, bytes));
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
    entry.empty();
  }
}
