import { PromqlError } from './promql-error.ts';

/** A part of the expression's text: `start` inclusive, `end` exclusive, in UTF-16 units. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** `line:column`, both from 1, the column in bytes of UTF-8, as Prometheus counts them. */
export function positionOf(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  const line = before.split('\n').length;
  return `${line}:${Buffer.byteLength(before.slice(lineStart)) + 1}`;
}

export function parseError(text: string, { start }: Span, message: string): PromqlError {
  return new PromqlError('bad_data', `${positionOf(text, start)}: parse error: ${message}`);
}
