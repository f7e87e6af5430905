const NEWLINE = 0x0a;

/** A line of a body: where its bytes lie, without the newline. They are good until the next line is asked for. */
export interface Line {
  /** From 1. */
  readonly number: number;
  /** Null for a line that was longer than allowed. */
  readonly bytes: Buffer | null;
  readonly from: number;
  readonly to: number;
}

const BYTE_ORDER_MARK = Buffer.from('\uFEFF');

/** Editors and exports put a byte order mark in front of a file; it says nothing in UTF-8. */
function lineOf(number: number, bytes: Buffer, from: number, to: number): Line {
  const text = from + BYTE_ORDER_MARK.length;
  const isMarked = number === 1 && text <= to && bytes.subarray(from, text).equals(BYTE_ORDER_MARK);
  return { number, bytes, from: isMarked ? text : from, to };
}

/**
 * Splits a byte stream into lines as it arrives. Memory stays below two network chunks and one line: the rest
 * of a line that is too long is skipped as it comes. Yields what each network chunk completes, perhaps
 * nothing, so that the reader sees time pass on a slow stream.
 */
export async function* readLines(
  body: AsyncIterable<Uint8Array>,
  maxLineBytes: number,
): AsyncGenerator<readonly Line[]> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let number = 0;
  const take = (bytes: Buffer, from: number, to: number): Line => {
    number += 1;
    const length = pendingBytes + to - from;
    const before = pending;
    pending = [];
    pendingBytes = 0;
    if (length > maxLineBytes) return { number, bytes: null, from: 0, to: 0 };
    if (before.length === 0) return lineOf(number, bytes, from, to);
    return lineOf(number, Buffer.concat([...before, bytes.subarray(from, to)]), 0, length);
  };
  for await (const part of body) {
    const bytes = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    const lines: Line[] = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      lines.push(take(bytes, start, end));
      start = end + 1;
    }
    const rest = bytes.subarray(start);
    if (rest.length > 0) {
      // Past the limit the bytes are only counted.
      if (pendingBytes <= maxLineBytes) pending.push(rest);
      pendingBytes += rest.length;
    }
    yield lines;
  }
  if (pendingBytes > 0) yield [take(Buffer.alloc(0), 0, 0)];
}
