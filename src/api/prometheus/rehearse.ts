import { setTimeout as sleep } from 'node:timers/promises';
import { MINUTE_MS } from '../../lib/duration.ts';
import { makeLabels } from '../../promql/labels.ts';
import type { SampleSource, Series } from '../../promql/source.ts';
import type { Actor, ServiceEnvironment } from '../../services/context.ts';
import type { SeriesStore } from '../../services/series-context.ts';
import { queryEndpoints } from './query-endpoints.ts';
import { readParameters } from './request-parameters.ts';

/** How long may be rehearsed. */
const PATIENCE_MS = 2000;
/** The account of whoever names none. */
const DEFAULT_VIEWER: Actor = { accountId: 'primary', role: 'viewer', canWrite: false };

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

/** Made-up series, whatever is asked for; in the wrong order, so that sorting is rehearsed as well. */
const madeUpSource: SampleSource = {
  select: async (selections) => selections.map(() => madeUp.toReversed()),
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

/** What is asked: a path and its form. */
type Rehearsal = readonly ['/query' | '/query_range', Readonly<Record<string, string>>];

/** Of the made-up series. */
const madeUpForms: readonly Rehearsal[] = Array.from({ length: ROUNDS }, () => [
  ...INSTANT.map((query) => ['/query', { query, time }] as const),
  ['/query_range', { query: 'burn_rate', start, end: time, step: '300' }] as const,
]).flat();

/** Of the default account's own series, as dashboards ask first; twice, since the second time they are kept. */
const firstForms: readonly Rehearsal[] = ['reliability', 'budget', 'burn_rate'].flatMap((query) => [
  ['/query', { query }],
  ['/query', { query }],
]);

export interface RehearsalOptions {
  readonly environment: ServiceEnvironment;
  readonly series: SeriesStore;
  readonly version: string;
}

/**
 * Makes the first real query quick: has the store open its connections, asks queries of made-up series until their
 * code is compiled, and then what dashboards ask first of the default account. Never throws.
 */
export async function rehearse(options: RehearsalOptions): Promise<void> {
  const patience = new AbortController();
  const expired = sleep(PATIENCE_MS, undefined, { signal: patience.signal }).catch(() => undefined);
  await Promise.race([askAll(options, patience.signal), expired]);
  patience.abort();
}

async function askAll(options: RehearsalOptions, signal: AbortSignal): Promise<void> {
  const { environment, series } = options;
  const source = { ...madeUpSource, release: () => undefined };
  const madeUpSeries: SeriesStore = { ...series, open: () => source };
  try {
    await Promise.all([series.prepare(), ask({ ...options, series: madeUpSeries }, madeUpForms, signal)]);
    await ask(options, firstForms, signal);
  } catch (error) {
    // Out of time, on a busy machine: whatever is rehearsed by then will do.
    if (signal.aborted) return;
    environment.logger.warn(
      { err: error },
      'queries could not be rehearsed; the first ones will take longer',
    );
  }
}

async function ask(
  { environment, series, version }: RehearsalOptions,
  forms: readonly Rehearsal[],
  signal: AbortSignal,
): Promise<void> {
  const ctx = { ...environment, actor: DEFAULT_VIEWER, series };
  for (const [path, form] of forms) {
    signal.throwIfAborted();
    const body = new URLSearchParams(form);
    const parameters = await readParameters(new Request(`http://localhost${path}`, { method: 'POST', body }));
    const endpoint = queryEndpoints.find((one) => one.path === path);
    await endpoint?.handle({ ctx, parameters, name: '', signal, version });
  }
}
