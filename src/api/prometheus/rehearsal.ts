import { MINUTE_MS } from '../../lib/duration.ts';
import { makeLabels } from '../../promql/labels.ts';
import type { SampleSource, Series } from '../../promql/source.ts';

/** Queries of each kind: about as many as it takes until the engine's loops are compiled. */
const ROUNDS = 12;
const SERIES = 100;
const MINUTES = 120;
const END_MS = Date.UTC(2024, 0, 1);

const times = Float64Array.from({ length: MINUTES }, (_, i) => END_MS - (MINUTES - 1 - i) * MINUTE_MS);

const madeUp: readonly Series[] = Array.from({ length: SERIES }, (_, n) => ({
  labels: makeLabels([
    ['__name__', 'burn_rate'],
    ['slo', `slo-${String(n).padStart(3, '0')}`],
    ['service', `service-${n % 10}`],
  ]),
  times,
  values: Float64Array.from(times, (_, i) => ((n * 7 + i * 13) % 100) / 10),
  start: 0,
  end: MINUTES,
}));

/** Made-up series, whatever is asked for. */
export const rehearsalSource: SampleSource = {
  select: async (selections) => selections.map(() => madeUp),
};

const INSTANT = [
  'burn_rate',
  'burn_rate{slo=~"slo-.+"} < 2',
  'sum by (service) (burn_rate)',
  'topk(5, burn_rate)',
  'avg_over_time(burn_rate[1h])',
  '(1 - burn_rate) * 100 and burn_rate > 3',
];
const time = String(END_MS / 1000);
const start = String((END_MS - 60 * MINUTE_MS) / 1000);

/** The forms of what is asked, by their path. */
export const rehearsalForms: readonly (readonly [
  '/query' | '/query_range',
  Readonly<Record<string, string>>,
])[] = Array.from({ length: ROUNDS }, () => [
  ...INSTANT.map((query) => ['/query', { query, time }] as const),
  ['/query_range', { query: 'burn_rate', start, end: time, step: '300' }] as const,
]).flat();
