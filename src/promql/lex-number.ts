import { parseError } from './position.ts';
import { quote } from './quote.ts';
import { isAlphaNumeric, isDigit } from './token.ts';

const HEXADECIMAL = /^0[xX]_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*/;
const DECIMAL = /^(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?/;
const DURATION = /^\d+(?:ms|[smhdwy])(?:\d+(?:ms|[smhdw]))*/;
/** What Prometheus has read when it gives up, at most; for the error's text only. */
const GIVEN_UP = /^[0-9a-fA-FxX_.]*[smhdwy]?s?[A-Za-z0-9_]?/;

/** The end of the number or duration that starts at `start`; throws when it is neither. */
export function scanNumberOrDuration(
  text: string,
  start: number,
): { readonly type: 'number' | 'duration'; readonly end: number } {
  // A number has few characters; a slice keeps a megabyte of digits from being copied for each.
  const rest = text.slice(start, start + 1000);
  const endOf = (pattern: RegExp): number => {
    const match = pattern.exec(rest);
    if (match === null) return -1;
    const end = start + match[0].length;
    return isAlphaNumeric(text[end] ?? '') ? -1 : end;
  };
  const number = Math.max(endOf(HEXADECIMAL), endOf(DECIMAL));
  if (number >= 0 && text[number] !== '.') return { type: 'number', end: number };
  const duration = endOf(DURATION);
  if (duration >= 0) return { type: 'duration', end: duration };
  const read = number >= 0 ? text.slice(start, number + 1) : isDigit(rest[0] ?? '') ? givenUp(rest) : '';
  throw parseError(text, { start, end: text.length }, `bad number or duration syntax: ${quote(read)}`);
}

function givenUp(rest: string): string {
  const digits = /^\d*/.exec(rest)?.[0] ?? '';
  const unit = /^(?:[smhdwy]s?(?:\d+[smhdw]s?)*)?\d*[A-Za-z0-9_]?/.exec(rest.slice(digits.length))?.[0] ?? '';
  return unit === '' ? (GIVEN_UP.exec(rest)?.[0] ?? digits) : digits + unit;
}

/** The value of a number's text: also hexadecimal, octal (a leading 0), and with `_` between digits. */
export function numberValue(text: string): number {
  const plain = text.toLowerCase().replaceAll('_', '');
  if (plain === 'inf') return Number.POSITIVE_INFINITY;
  if (plain === 'nan') return Number.NaN;
  if (/^0[0-7]+$/.test(plain)) return Number.parseInt(plain, 8);
  return Number(plain);
}
