// A string of PromQL is a row of bytes, which need not be UTF-8: "\xc5" is one byte. A byte that is no part of UTF-8
// is kept as the lone surrogate DC00 + byte, which no valid text holds.
const STRAY_BYTES = /[\uDC80-\uDCFF]+/gu;

export const strayByte = (byte: number): string => String.fromCharCode(0xdc00 + byte);

/** Puts together those stray bytes that, next to each other, are UTF-8 after all: `"\xc3\xa9"` is é. */
export function joinStrayBytes(text: string): string {
  return text.replace(STRAY_BYTES, (run) => {
    const bytes = Uint8Array.from(run, (unit) => unit.charCodeAt(0) - 0xdc00);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return run;
    }
  });
}

/** Whether the text is UTF-8 as Prometheus sees it. */
export const isUtf8 = (text: string): boolean => !/\p{Surrogate}/u.test(text);

const SHORT: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};

function escapeOf(character: string): string {
  const short = SHORT[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x10000
    ? `\\u${code.toString(16).padStart(4, '0')}`
    : `\\U${code.toString(16).padStart(8, '0')}`;
}

const NOT_PRINTABLE = /[\p{C}\p{Z}\\]/u;

function printable(character: string): string {
  return character !== ' ' && NOT_PRINTABLE.test(character) ? escapeOf(character) : character;
}

/** The text in double quotes, as Go's `%q` writes it. */
export function quote(text: string): string {
  let quoted = '"';
  for (const character of text) quoted += character === '"' ? '\\"' : printable(character);
  return `${quoted}"`;
}

/** One character in single quotes, as Go's `%q` writes it. */
export function quoteCharacter(character: string): string {
  return `'${character === "'" ? "\\'" : printable(character)}'`;
}

/** A character with its number, as Go's `%#U` writes it: `U+0063 'c'`. */
export function describeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')} '${character}'`;
}
