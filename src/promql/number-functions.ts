import { DAY_MS } from '../lib/duration.ts';

/** A function of one value and up to two scalars; undefined for no sample. */
export type NumberFunction = (value: number, a: number, b: number) => number | undefined;

interface NumberFunctionSpec {
  readonly apply: NumberFunction;
  /** What stands for scalar arguments that are left out. */
  readonly defaults: readonly number[];
}

const RADIANS = Math.PI / 180;

const plain = (apply: NumberFunction): NumberFunctionSpec => ({ apply, defaults: [] });

/** Functions that turn each sample of an instant vector into another. */
export const NUMBER_FUNCTIONS: ReadonlyMap<string, NumberFunctionSpec> = new Map<string, NumberFunctionSpec>([
  ['abs', plain(Math.abs)],
  ['acos', plain(Math.acos)],
  ['acosh', plain(Math.acosh)],
  ['asin', plain(Math.asin)],
  ['asinh', plain(Math.asinh)],
  ['atan', plain(Math.atan)],
  ['atanh', plain(Math.atanh)],
  ['ceil', plain(Math.ceil)],
  ['cos', plain(Math.cos)],
  ['cosh', plain(Math.cosh)],
  ['exp', plain(Math.exp)],
  ['floor', plain(Math.floor)],
  ['ln', plain(Math.log)],
  ['log2', plain(Math.log2)],
  ['log10', plain(Math.log10)],
  ['sgn', plain(Math.sign)],
  ['sin', plain(Math.sin)],
  ['sinh', plain(Math.sinh)],
  ['sqrt', plain(Math.sqrt)],
  ['tan', plain(Math.tan)],
  ['tanh', plain(Math.tanh)],
  ['deg', plain((value) => value / RADIANS)],
  ['rad', plain((value) => value * RADIANS)],
  ['clamp', plain((value, min, max) => (max < min ? undefined : Math.max(min, Math.min(max, value))))],
  ['clamp_min', plain((value, min) => Math.max(min, value))],
  ['clamp_max', plain((value, max) => Math.min(max, value))],
  [
    'round',
    { apply: (value, nearest) => Math.floor(value * (1 / nearest) + 0.5) / (1 / nearest), defaults: [1] },
  ],
]);

/** Functions of a time in seconds, UTC; without an argument, of the step's own instant. */
export const DATE_FUNCTIONS: ReadonlyMap<string, (seconds: number) => number> = new Map<
  string,
  (seconds: number) => number
>([
  ['minute', (seconds) => dateOf(seconds).getUTCMinutes()],
  ['hour', (seconds) => dateOf(seconds).getUTCHours()],
  ['day_of_week', (seconds) => dateOf(seconds).getUTCDay()],
  ['day_of_month', (seconds) => dateOf(seconds).getUTCDate()],
  ['day_of_year', dayOfYear],
  ['days_in_month', daysInMonth],
  ['month', (seconds) => dateOf(seconds).getUTCMonth() + 1],
  ['year', (seconds) => dateOf(seconds).getUTCFullYear()],
]);

const dateOf = (seconds: number): Date => new Date(Math.trunc(seconds) * 1000);

/** `Date.UTC` takes the years 0 to 99 for 1900 to 1999. */
function utc(year: number, month: number, day: number): number {
  return new Date(0).setUTCFullYear(year, month, day);
}

function dayOfYear(seconds: number): number {
  const date = dateOf(seconds);
  const day = utc(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate());
  return (day - utc(date.getUTCFullYear(), 0, 1)) / DAY_MS + 1;
}

function daysInMonth(seconds: number): number {
  const date = dateOf(seconds);
  return new Date(utc(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
}
