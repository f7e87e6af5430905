const NEWLINE = 0x0a;

/** A line of a body: its bytes without the newline, or null for one that was longer than allowed. */
export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string | null;
}

const BYTE_ORDER_MARK = '\uFEFF';

/** Editors and exports put a byte order mark in front of a file; it says nothing in UTF-8. */
function textOf(bytes: Buffer, number: number): string {
  const text = bytes.toString('utf8');
  return number === 1 && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
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
  const take = (last: Buffer): Line => {
    number += 1;
    const bytes = pendingBytes + last.length;
    const whole = pending.length === 0 ? last : Buffer.concat([...pending, last]);
    pending = [];
    pendingBytes = 0;
    return { number, text: bytes > maxLineBytes ? null : textOf(whole, number) };
  };
  for await (const part of body) {
    const bytes = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    const lines: Line[] = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      lines.push(take(bytes.subarray(start, end)));
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
  if (pendingBytes > 0) yield [take(Buffer.alloc(0))];
}
