import Big from 'big.js';
import { exactDecimal } from '../lib/exact-decimal.ts';

/** A sum as a number and what its rounding leaves out. */
export interface Exact {
  readonly high: number;
  readonly low: number;
}

export const ZERO: Exact = { high: 0, low: 0 };

/** Decimal text of fewer digits than this, without a point, is a whole number that `number` holds exactly. */
const SAFE_DIGITS = 15;
const isSafe = (decimal: string): boolean => decimal.length <= SAFE_DIGITS && !decimal.includes('.');

/** The exact difference of two decimal texts. */
export function difference(a: string, b: string): Exact {
  if (a === b) return ZERO;
  if (isSafe(a) && isSafe(b)) return { high: Number(a) - Number(b), low: 0 };
  const exact = new Big(a).minus(b);
  const high = exact.toNumber();
  return { high, low: exact.minus(exactDecimal(high)).toNumber() };
}

/** `a + b` without loss (Knuth's TwoSum). */
export function sumOf(a: Exact, b: number): Exact {
  const high = a.high + b;
  const part = high - a.high;
  const low = a.high - (high - part) + (b - part) + a.low;
  const rounded = high + low;
  return { high: rounded, low: low - (rounded - high) };
}

/** `a - b`, rounded once. */
export const minus = (a: Exact, b: Exact): number => a.high - b.high + (a.low - b.low);

/** A decimal text and numbers added up, as decimal text. */
export function decimalSum(base: string, ...parts: readonly number[]): string {
  let sum: Big | null = null;
  for (const part of parts) if (part !== 0) sum = (sum ?? new Big(base)).plus(exactDecimal(part));
  return sum === null ? base : sum.toFixed();
}
