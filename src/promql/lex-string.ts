import { parseError } from './position.ts';
import type { PromqlError } from './promql-error.ts';
import { describeCharacter, joinStrayBytes, strayByte } from './quote.ts';

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};
/** Digits, base and greatest value of the numeric escapes. */
const NUMERIC: Readonly<Record<string, readonly [digits: number, base: number, max: number]>> = {
  x: [2, 16, 0xff],
  u: [4, 16, 0x10ffff],
  U: [8, 16, 0x10ffff],
};
const OCTAL = [3, 8, 0xff] as const;

/** The end of the string that starts with the quote at `start`. */
export function scanString(text: string, start: number): number {
  return readString(text, start).end;
}

/** The value of a string token's text. */
export function stringValue(literal: string): string {
  return readString(literal, 0).value;
}

function readString(text: string, start: number): { readonly value: string; readonly end: number } {
  const quoteMark = text[start] ?? '';
  const fault = (message: string): PromqlError => parseError(text, { start, end: text.length }, message);
  if (quoteMark === '`') {
    const close = text.indexOf('`', start + 1);
    if (close < 0) throw fault('unterminated raw string');
    return { value: text.slice(start + 1, close), end: close + 1 };
  }
  const parts: string[] = [];
  let from = start + 1;
  for (let at = from; ; ) {
    const character = text[at];
    if (character === undefined || character === '\n') throw fault('unterminated quoted string');
    if (character === quoteMark) {
      parts.push(text.slice(from, at));
      return { value: joinStrayBytes(parts.join('')), end: at + 1 };
    }
    if (character !== '\\') {
      at += 1;
      continue;
    }
    parts.push(text.slice(from, at));
    const read = readEscape(text, at + 1, quoteMark, fault);
    parts.push(read.value);
    at = read.end;
    from = at;
  }
}

function readEscape(
  text: string,
  at: number,
  quoteMark: string,
  fault: (message: string) => PromqlError,
): { readonly value: string; readonly end: number } {
  const code = text.codePointAt(at);
  if (code === undefined) throw fault('escape sequence not terminated');
  const letter = String.fromCodePoint(code);
  const simple = letter === quoteMark ? quoteMark : ESCAPES[letter];
  if (simple !== undefined) return { value: simple, end: at + 1 };
  const octal = letter >= '0' && letter <= '7';
  const numeric = octal ? OCTAL : NUMERIC[letter];
  if (numeric === undefined) throw fault(`unknown escape sequence ${describeCharacter(letter)}`);
  const [digits, base, max] = numeric;
  const first = octal ? at : at + 1;
  let value = 0;
  for (let i = first; i < first + digits; i += 1) {
    const digitCode = text.codePointAt(i);
    if (digitCode === undefined) throw fault('escape sequence not terminated');
    const digit = Number.parseInt(String.fromCodePoint(digitCode), base);
    if (Number.isNaN(digit))
      throw fault(
        `illegal character ${describeCharacter(String.fromCodePoint(digitCode))} in escape sequence`,
      );
    value = value * base + digit;
  }
  if (value > max || (value >= 0xd800 && value < 0xe000))
    throw fault('escape sequence is an invalid Unicode code point');
  const isByte = max === 0xff && value >= 0x80;
  return { value: isByte ? strayByte(value) : String.fromCodePoint(value), end: first + digits };
}
