/** What the cache holds; the size may change from one `put` to the next. */
export interface Sized {
  readonly bytes: number;
}

/** Keeps the most recently used of what fits into so many bytes. */
export class BoundedCache<T extends Sized> {
  readonly #maxBytes: number;
  // A Map keeps the order of insertion, and what is used is inserted anew: the first is the oldest.
  readonly #entries = new Map<string, { readonly value: T; readonly bytes: number }>();
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
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Keeps the value at its present size. Whatever does not fit any more is let go of, perhaps the value itself. */
  put(key: string, value: T): void {
    this.delete(key);
    const { bytes } = value;
    if (bytes > this.#maxBytes) return;
    this.#entries.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}
