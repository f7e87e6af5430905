import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ServiceEnvironment } from '../../services/context.ts';
import type { SeriesStore } from '../../services/series-context.ts';
import { startServer } from '../server.ts';
import { PROMETHEUS_BASE } from './endpoints.ts';

/** How long may be rehearsed. */
const PATIENCE_MS = 2000;

/** Queries of each kind, half of which find all they ask for in the cache: as many as it takes until loops are compiled. */
const ROUNDS = 3;
/** The same of what the default account's own series answer, over HTTP; each takes a few milliseconds of the start. */
const OWN_ROUNDS = 8;

const INSTANT = [
  'burn_rate',
  'burn_rate{slo=~"slo-.+"} < 2',
  'sum by (service) (burn_rate)',
  'topk(5, burn_rate)',
  'avg_over_time(burn_rate[1h])',
  '(1 - burn_rate) * 100 and burn_rate > 3',
];

/** What is asked: a path and its form. */
type Rehearsal = readonly ['/query' | '/query_range', Readonly<Record<string, string>>];

/** Of the made-up series. */
function madeUpForms(nowMs: number): Rehearsal[] {
  const start = String(nowMs / 1000 - 3600);
  const end = String(nowMs / 1000);
  const forms: Rehearsal[] = [
    ...INSTANT.map((query) => ['/query', { query }] as const),
    ['/query_range', { query: 'burn_rate', start, end, step: '300' }],
  ];
  return Array.from({ length: ROUNDS }, () => forms).flat();
}

/**
 * Of the default account's own series, as dashboards ask first: the last six hours, which Grafana shows where nobody
 * says otherwise, are read, and then found where they are kept.
 */
const firstForms: readonly Rehearsal[] = ['reliability', 'budget', 'burn_rate'].flatMap((metric) => [
  ['/query', { query: `count(count_over_time(${metric}[6h]))` }],
  ...Array.from({ length: OWN_ROUNDS }, (): Rehearsal => ['/query', { query: metric }]),
]);

/** Answers as the API does, but without a trace in its counters; whoever asks is the default account's viewer. */
export type Serve = (environment: ServiceEnvironment, series: SeriesStore) => Answer;

export interface RehearsalOptions {
  readonly environment: ServiceEnvironment;
  readonly series: SeriesStore;
  /** Resolves when what was missed while the service was down has been caught up on: it changes what is kept. */
  readonly caughtUp: Promise<void>;
  readonly serve: Serve;
}

/**
 * Makes the first real query quick: has the store open its connections, asks queries of made-up series until their
 * code is compiled, and, when all is caught up, what dashboards ask first of the default account. Never throws.
 */
export async function rehearse(options: RehearsalOptions): Promise<void> {
  const patience = new AbortController();
  const expired = sleep(PATIENCE_MS, undefined, { signal: patience.signal }).catch(() => undefined);
  await Promise.race([askAll(options, patience.signal), expired]);
  patience.abort();
}

async function askAll(
  { environment, series, caughtUp, serve }: RehearsalOptions,
  signal: AbortSignal,
): Promise<void> {
  const madeUp = series.rehearsal();
  try {
    await Promise.all([
      ask(
        serve({ ...environment, clock: madeUp.clock }, madeUp.series),
        'http://localhost',
        madeUpForms(madeUp.clock.now()),
        signal,
      ),
      Promise.all([series.prepare(), caughtUp]).then(() =>
        overHttp(serve(environment, series), environment.logger, (origin) =>
          ask(fetch, origin, firstForms, signal),
        ),
      ),
    ]);
  } catch (error) {
    // Out of time, on a busy machine: whatever is rehearsed by then will do.
    if (signal.aborted) return;
    environment.logger.warn(
      { err: error },
      'queries could not be rehearsed; the first ones will take longer',
    );
  }
}

type Answer = (request: Request) => Promise<Response>;

/** As over the network, from a server of our own that nobody else knows: its code takes half of a first query's time. */
async function overHttp(
  answer: Answer,
  logger: Logger,
  use: (origin: string) => Promise<void>,
): Promise<void> {
  const server = await startServer(answer, { host: '127.0.0.1', port: 0, logger });
  try {
    await use(`http://127.0.0.1:${server.port}`);
  } finally {
    await server.close(PATIENCE_MS);
  }
}

async function ask(
  answer: Answer,
  origin: string,
  forms: readonly Rehearsal[],
  signal: AbortSignal,
): Promise<void> {
  for (const [path, form] of forms) {
    // Made-up series wait for nobody, and others are to get on meanwhile.
    await immediate();
    signal.throwIfAborted();
    const body = new URLSearchParams(form);
    const url = `${origin}${PROMETHEUS_BASE}${path}`;
    const response = await answer(new Request(url, { method: 'POST', body, signal }));
    const text = await response.text();
    if (!response.ok) throw new Error(`${form.query}: ${text}`);
  }
}
