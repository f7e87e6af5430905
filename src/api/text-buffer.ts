const LEAST_BYTES = 4 * 1024;
/** Of one unit of UTF-16. */
const MOST_BYTES = 3;

/**
 * A long text that is made of many pieces, encoded piece by piece: joined first, it lies in memory twice over, and the
 * pieces until the end, which the garbage collector then moves around.
 */
export class TextBuffer {
  #bytes: Buffer<ArrayBuffer>;
  #length = 0;

  /** `expected`: about how many bytes there will be. To grow leaves memory behind that only a full collection frees. */
  constructor(expected = 0) {
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(LEAST_BYTES, Math.ceil(expected)));
  }

  add(text: string): void {
    const most = this.#length + text.length * MOST_BYTES;
    if (most > this.#bytes.length) this.#grow(most);
    this.#length += this.#bytes.write(text, this.#length, 'utf8');
  }

  /** All that was added so far. Shares its memory with the buffer. */
  encoded(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(least: number): void {
    const bytes = Buffer.allocUnsafeSlow(Math.max(least, 2 * this.#bytes.length));
    this.#bytes.copy(bytes, 0, 0, this.#length);
    this.#bytes = bytes;
  }
}
