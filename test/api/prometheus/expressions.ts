import { SLO_METRICS } from '../../../src/slo/slo-metrics.ts';

/** A generator of numbers in [0, 1) that starts over with the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

const NAMES = SLO_METRICS.map(({ name }) => name);
const MATCHERS = [
  '',
  '',
  '{slo="ratio"}',
  '{slo!="ratio"}',
  '{slo=~"r.*|slices"}',
  '{objective!~"f.+"}',
  '{project="default",service=~".+"}',
  '{component_slo=""}',
  '{component_slo=~"ratio|gappy"}',
];
const RANGES = ['2m', '5m', '17m', '1h', '1h30m'];
const OVER_TIME = [
  'avg_over_time',
  'min_over_time',
  'max_over_time',
  'sum_over_time',
  'count_over_time',
  'last_over_time',
  'present_over_time',
  'stddev_over_time',
  'stdvar_over_time',
  'delta',
  'idelta',
  'deriv',
  'changes',
  'resets',
  'rate',
  'irate',
  'increase',
];
const MAPPED = ['abs', 'ceil', 'floor', 'round', 'sgn', 'sqrt', 'exp', 'sin', 'atan', 'deg', '-', '+'];
const AGGREGATORS = ['sum', 'avg', 'min', 'max', 'count', 'group', 'stddev', 'stdvar'];
const GROUPINGS = [
  '',
  ' by (slo)',
  ' by (service, objective)',
  ' without (objective)',
  ' by (project)',
  ' without (slo, nothing)',
  ' by (slo, component_slo)',
];
/** Without atan2, which keeps the metric's name in Prometheus 2.42 and drops it in 3. */
const ARITHMETIC = ['+', '-', '*', '/', '%', '^'];
const COMPARISONS = ['<', '>', '<=', '>=', '> bool', '< bool'];
const SET_OPERATORS = ['and', 'or', 'unless'];
const MATCHING = [
  '',
  ' on (slo, objective)',
  ' ignoring (nothing)',
  ' on (project) group_left ()',
  ' on (slo, objective) group_right (service)',
  ' ignoring (component_project, component_slo, component_objective) group_left ()',
];

/** `count` PromQL expressions over the metrics, the same for the same seed. */
export function generateExpressions(count: number, seed: number): string[] {
  const next = random(seed);
  const pick = <T>(list: readonly T[]): T => {
    const chosen = list[Math.floor(next() * list.length)];
    if (chosen === undefined) throw new RangeError('nothing to pick from');
    return chosen;
  };
  const number = (): string => pick(['0', '1', '0.5', '2', '10', '0.9', '-1', '1e2', 'Inf']);
  const offset = (): string => pick(['', '', '', ' offset 7m', ' offset -3m', ' offset 1h']);
  const selector = (): string => `${pick(NAMES)}${pick(MATCHERS)}${offset()}`;
  const ranged = (): string => `${pick(NAMES)}${pick(MATCHERS)}[${pick(RANGES)}]${offset()}`;

  function vector(depth: number): string {
    if (depth === 0) return selector();
    const inner = (): string => vector(depth - 1);
    const made: (() => string)[] = [
      selector,
      () => `${pick(OVER_TIME)}(${ranged()})`,
      () => `${pick(OVER_TIME)}(${ranged()})`,
      () => `quantile_over_time(${pick(['0', '0.25', '0.9', '1'])}, ${ranged()})`,
      () => `predict_linear(${ranged()}, 600)`,
      () => `${pick(MAPPED)}(${inner()})`,
      () => `clamp(${inner()}, 0, ${pick(['1', '50'])})`,
      () => `${pick(AGGREGATORS)}${pick(GROUPINGS)} (${inner()})`,
      () => `${pick(AGGREGATORS)}${pick(GROUPINGS)} (${inner()})`,
      () => `quantile${pick(GROUPINGS)} (0.75, ${inner()})`,
      () => `(${inner()}) ${pick(ARITHMETIC)} ${number()}`,
      () => `${number()} ${pick(ARITHMETIC)} (${inner()})`,
      () => `(${inner()}) ${pick(COMPARISONS)} ${number()}`,
      () => `(${inner()}) ${pick(ARITHMETIC)}${pick(MATCHING)} (${inner()})`,
      () => `(${inner()}) ${pick(SET_OPERATORS)}${pick(MATCHING.slice(0, 3))} (${inner()})`,
      // Moved, so that no step of the subquery falls on a sample: the ends of windows are another matter.
      () =>
        `${pick(['max', 'avg', 'count'])}_over_time((${pick(NAMES)} offset 30s)[${pick(['12m', '40m'])}:${pick(['1m', '5m'])}])`,
      () => `label_replace(${inner()}, "copy", "$1-x", "slo", "(.*)")`,
      () => `absent(${selector()})`,
      () => `scalar(${inner()}) + vector(1)`,
      () => `vector(${number()})`,
    ];
    return pick(made)();
  }
  return Array.from({ length: count }, (_, i) => {
    // Each of the metrics by itself first.
    const name = NAMES[i];
    return name ?? vector(1 + Math.floor(next() * 3));
  });
}
