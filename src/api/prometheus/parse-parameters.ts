import { parseRfc3339 } from '../../lib/rfc3339.ts';
import type { Expr, VectorSelector } from '../../promql/ast.ts';
import type { Matcher } from '../../promql/matcher.ts';
import { parseGoFloat } from '../../promql/number-format.ts';
import { parseMetricSelector } from '../../promql/parse-metric-selector.ts';
import { parsePromql } from '../../promql/parser.ts';
import { MAX_DURATION_MS, parsePromDuration } from '../../promql/prom-duration.ts';
import { PromqlError } from '../../promql/promql-error.ts';
import type { RequestParameters } from './request-parameters.ts';

/** As Prometheus words a parameter that is not what it should be. */
export function invalidParameter(name: string, message: string): PromqlError {
  return new PromqlError('bad_data', `invalid parameter "${name}": ${message}`);
}

/** The range of JavaScript's dates, in milliseconds around the epoch. */
const MAX_TIME_MS = 8.64e15;

/** Seconds since the epoch, rounded to milliseconds, or RFC 3339; null for any other text. */
function parseTime(text: string): number | null {
  const seconds = parseGoFloat(text);
  const ms = seconds === null ? parseRfc3339(text) : Math.round(seconds * 1000);
  return ms !== null && Math.abs(ms) <= MAX_TIME_MS ? ms : null;
}

/** Epoch milliseconds. */
export function requiredTime(parameters: RequestParameters, name: 'start' | 'end'): number {
  const text = parameters.get(name);
  const ms = parseTime(text);
  if (ms === null) throw invalidParameter(name, `cannot parse ${quoted(text)} to a valid timestamp`);
  return ms;
}

/** Epoch milliseconds; `otherwise` where the parameter is not there. */
export function optionalTime<T>(
  parameters: RequestParameters,
  name: 'time' | 'start' | 'end',
  otherwise: T,
): number | T {
  const text = parameters.get(name);
  if (text === '') return otherwise;
  const ms = parseTime(text);
  if (ms !== null) return ms;
  throw invalidParameter(
    name,
    `invalid time value for '${name}': cannot parse ${quoted(text)} to a valid timestamp`,
  );
}

/** Milliseconds out of float seconds or a duration such as `1h30m`; a text with the reason for any other. */
export function parseDurationParameter(text: string): number | { readonly error: string } {
  const seconds = parseGoFloat(text);
  if (seconds !== null) {
    const ms = seconds * 1000;
    // Go's durations are whole nanoseconds, here they are whole milliseconds.
    if (Math.abs(ms) <= MAX_DURATION_MS) return ms > 0 && ms < 1 ? 1 : Math.trunc(ms);
    return { error: `cannot parse ${quoted(text)} to a valid duration. It overflows int64` };
  }
  const parsed = parsePromDuration(text);
  return typeof parsed === 'number' ? parsed : { error: `cannot parse ${quoted(text)} to a valid duration` };
}

/** Milliseconds. */
export function durationParameter(parameters: RequestParameters, name: string): number {
  const parsed = parseDurationParameter(parameters.get(name));
  if (typeof parsed !== 'number') throw invalidParameter(name, parsed.error);
  return parsed;
}

/** At least 0, which is off. */
export function limitParameter(parameters: RequestParameters): number {
  const text = parameters.get('limit');
  if (text === '') return 0;
  const limit = wholeNumber(text);
  if (limit === null)
    throw invalidParameter('limit', `strconv.Atoi: parsing ${quoted(text)}: invalid syntax`);
  if (limit < 0) throw invalidParameter('limit', 'limit must be non-negative');
  return limit;
}

/** A whole number of any sign; null for any other text. */
export function wholeNumber(text: string): number | null {
  if (!/^[+-]?\d+$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}

/** The expression, as written and parsed. */
export function queryParameter(parameters: RequestParameters): {
  readonly text: string;
  readonly expr: Expr;
} {
  const text = parameters.get('query');
  try {
    return { text, expr: parsePromql(text) };
  } catch (cause) {
    throw cause instanceof PromqlError ? invalidParameter('query', cause.message) : cause;
  }
}

/** The selectors of `match[]`. */
export function selectorsParameter(parameters: RequestParameters): readonly (readonly Matcher[])[] {
  return parameters.all('match[]').map((text) => {
    const { matchers } = selectorOf(text);
    if (matchers.every(({ matches }) => matches(''))) {
      throw new PromqlError('bad_data', 'match[] must contain at least one non-empty matcher');
    }
    return matchers;
  });
}

function selectorOf(text: string): VectorSelector {
  try {
    return parseMetricSelector(text);
  } catch (cause) {
    throw cause instanceof PromqlError ? invalidParameter('match[]', cause.message) : cause;
  }
}

/** Long texts are cut: nobody reads a megabyte in an error. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}...` : text);
}
