const LEAST_BYTES = 4 * 1024;
/** Of one unit of UTF-16. */
const MOST_BYTES = 3;

/**
 * A long text that is made of many pieces, encoded piece by piece: joined first, it lies in memory twice over, and the
 * pieces until the end, which the garbage collector then moves around.
 */
export class TextBuffer {
  #bytes: Buffer<ArrayBuffer> = Buffer.allocUnsafeSlow(LEAST_BYTES);
  #length = 0;

  /** Of what was added so far, in bytes. */
  get length(): number {
    return this.#length;
  }

  add(text: string): void {
    const most = this.#length + text.length * MOST_BYTES;
    if (most > this.#bytes.length) this.#grow(most);
    this.#length += this.#bytes.write(text, this.#length, 'utf8');
  }

  /** Makes room for about so many bytes in all: to grow leaves memory behind that only a full collection frees. */
  expect(bytes: number): void {
    if (bytes > this.#bytes.length) this.#grow(Math.ceil(bytes));
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
