import type { NumberLiteral } from './ast.ts';
import { numberValue } from './lex-number.ts';
import type { Span } from './position.ts';
import { MAX_DURATION_MS, parsePromDuration } from './prom-duration.ts';
import type { TokenReader } from './token-reader.ts';

/** The number or duration at hand; a duration counts in seconds. */
export function parseNumber(tokens: TokenReader): NumberLiteral {
  const { type, text, start, end } = tokens.take();
  if (type === 'number') return { kind: 'number', value: numberValue(text), isDuration: false, start, end };
  const ms = parsePromDuration(text);
  if (typeof ms !== 'number') throw tokens.fault({ start, end }, ms.error);
  return { kind: 'number', value: ms / 1000, isDuration: true, start, end };
}

const atNumber = (tokens: TokenReader): boolean =>
  tokens.token.type === 'number' || tokens.token.type === 'duration';

/** A span of time above zero, in whole milliseconds, as in `[5m]` or `[300]`. */
export function parsePositiveDuration(tokens: TokenReader, context: string, expected: string): number {
  const sign = tokens.at('-') || tokens.at('+') ? tokens.take() : null;
  if (!atNumber(tokens)) throw tokens.unexpected(context, expected);
  const number = parseNumber(tokens);
  const span = { start: sign?.start ?? number.start, end: number.end };
  if (sign?.text === '-' || !(number.value > 0)) throw tokens.fault(span, 'duration must be greater than 0');
  return inRange(tokens, span, number.value);
}

/** The span after `offset`, in milliseconds, negative allowed. */
export function parseOffset(tokens: TokenReader): number {
  const sign = tokens.at('-') || tokens.at('+') ? tokens.take() : null;
  if (!atNumber(tokens)) throw tokens.unexpected('offset', 'number or duration');
  const number = parseNumber(tokens);
  const ms = inRange(tokens, number, number.value);
  return sign?.text === '-' ? -ms : ms;
}

function inRange(tokens: TokenReader, span: Span, seconds: number): number {
  const ms = Math.round(seconds * 1000);
  if (!(Math.abs(ms) <= MAX_DURATION_MS)) throw tokens.fault(span, 'duration out of range');
  return ms;
}

/** The instant after `@`, in epoch milliseconds. */
export function parseTimestamp(tokens: TokenReader, subject: Span): number {
  const sign = tokens.at('-') || tokens.at('+') ? tokens.take() : null;
  if (!atNumber(tokens)) throw tokens.unexpected('@', 'timestamp');
  const { value } = parseNumber(tokens);
  const seconds = sign?.text === '-' ? -value : value;
  if (Math.abs(seconds) < 2 ** 63 / 1000) return Math.round(seconds * 1000);
  const shown = Number.isFinite(seconds) ? seconds.toFixed(6) : `${seconds > 0 ? '+' : '-'}Inf`;
  throw tokens.fault(
    subject,
    `timestamp out of bounds for @ modifier: ${Number.isNaN(seconds) ? 'NaN' : shown}`,
  );
}
