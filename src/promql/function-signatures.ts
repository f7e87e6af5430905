import type { ValueType } from './value-type.ts';

export interface FunctionSignature {
  readonly name: string;
  readonly args: readonly ValueType[];
  /** How many arguments may be left out (or, -1, how the last repeats): 0 for exactly as listed. */
  readonly variadic: number;
  readonly returns: ValueType;
}

type Row = readonly [names: string, args: readonly ValueType[], variadic?: number, returns?: ValueType];

const ROWS: readonly Row[] = [
  [
    'abs acos acosh asin asinh atan atanh ceil cos cosh deg exp floor ln log10 log2 rad sgn sin sinh sqrt tan tanh',
    ['vector'],
  ],
  ['absent sort sort_desc timestamp', ['vector']],
  ['absent_over_time avg_over_time changes count_over_time delta deriv idelta increase irate', ['matrix']],
  ['last_over_time max_over_time min_over_time present_over_time rate resets', ['matrix']],
  ['stddev_over_time stdvar_over_time sum_over_time', ['matrix']],
  ['clamp', ['vector', 'scalar', 'scalar']],
  ['clamp_max clamp_min', ['vector', 'scalar']],
  ['day_of_month day_of_week day_of_year days_in_month hour minute month year', ['vector'], 1],
  ['histogram_avg histogram_count histogram_stddev histogram_stdvar histogram_sum', ['vector']],
  ['histogram_fraction', ['scalar', 'scalar', 'vector']],
  ['histogram_quantile', ['scalar', 'vector']],
  ['label_join', ['vector', 'string', 'string', 'string'], -1],
  ['label_replace', ['vector', 'string', 'string', 'string', 'string']],
  ['pi time', [], 0, 'scalar'],
  ['predict_linear', ['matrix', 'scalar']],
  ['quantile_over_time', ['scalar', 'matrix']],
  ['round', ['vector', 'scalar'], 1],
  ['scalar', ['vector'], 0, 'scalar'],
  ['vector', ['scalar']],
];

export const FUNCTIONS: ReadonlyMap<string, FunctionSignature> = new Map(
  ROWS.flatMap(([names, args, variadic = 0, returns = 'vector']) =>
    names.split(' ').map((name) => [name, { name, args, variadic, returns }]),
  ),
);

/** Functions that Prometheus knows and keeps behind a feature flag; here the flag is off for good. */
export const EXPERIMENTAL_FUNCTIONS: ReadonlySet<string> = new Set([
  'double_exponential_smoothing',
  'end',
  'first_over_time',
  'histogram_quantiles',
  'info',
  'mad_over_time',
  'max_of',
  'min_of',
  'range',
  'sort_by_label',
  'sort_by_label_desc',
  'start',
  'step',
  'ts_of_first_over_time',
  'ts_of_last_over_time',
  'ts_of_max_over_time',
  'ts_of_min_over_time',
]);
