import { formatF } from '../../promql/number-format.ts';

/** A sample's value: the shortest decimal, with an exponent below 1e-6 and from 1e21 on. */
export function formatSample(value: number): string {
  if (Number.isFinite(value)) {
    // What JavaScript writes, but for the sign of zero and exponents of one digit.
    const text = Object.is(value, -0) ? '-0' : String(value);
    return text.includes('e') ? text.replace(/e([+-])(\d)$/, 'e$10$2') : text;
  }
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

/** A scalar's value, which never has an exponent. */
export const formatScalar = (value: number): string => formatF(value);

/** Epoch milliseconds as a JSON number of seconds. */
export function formatTime(ms: number): string {
  const text = String(ms / 1000);
  return text.includes('e') ? (ms / 1000).toFixed(3) : text;
}
