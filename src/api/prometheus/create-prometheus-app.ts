import type { Config } from '../../config.ts';
import { ServiceError } from '../../lib/errors.ts';
import { PromqlError } from '../../promql/promql-error.ts';
import type { ServiceEnvironment } from '../../services/context.ts';
import type { SeriesStore } from '../../services/series-context.ts';
import { assertAllowed } from '../account-limit.ts';
import { addAnswerHeaders, requestIdOf } from '../answer-headers.ts';
import type { AuthenticatedActor } from '../auth/credential.ts';
import type { ResolveActor } from '../auth/resolve-actor.ts';
import { addCorsHeaders, optionsResponse } from '../cors.ts';
import type { Metrics } from '../metrics.ts';
import { RateLimitedError } from '../rate-limited-error.ts';
import { headersOfError, statusOfError } from '../service-error-answer.ts';
import { type Allowance, createTokenBuckets } from '../token-buckets.ts';
import type { PrometheusEndpoint } from './endpoint.ts';
import { PROMETHEUS_BASE, prometheusEndpoints } from './endpoints.ts';
import { failure } from './envelope.ts';
import { rehearse, type Serve } from './rehearse.ts';
import { readParameters } from './request-parameters.ts';

export interface PrometheusOptions {
  readonly environment: ServiceEnvironment;
  readonly series: SeriesStore;
  readonly config: Pick<Config, 'corsOrigins' | 'prometheusRateLimit'>;
  readonly version: string;
  readonly metrics: Pick<Metrics, 'requestStarted' | 'countError'>;
  readonly resolveActor: ResolveActor;
}

export interface PrometheusApp {
  /**
   * Makes the first real query quick: has the store open its connections, asks made-up queries of made-up series
   * until their code is compiled, and then, once what was missed has been caught up on, what dashboards ask first of
   * the default account. Takes a fraction of a second as a rule, and gives up after two; never throws.
   */
  prepare(caughtUp: Promise<void>): Promise<void>;
  /** Never throws. */
  fetch(request: Request, peerAddress: string | undefined): Promise<Response>;
}

const MAX_ACCOUNTS = 10_000;
/** The account of whoever names none. */
const DEFAULT_VIEWER: AuthenticatedActor = {
  accountId: 'primary',
  role: 'viewer',
  canWrite: false,
  via: 'plugin-bearer',
};

interface Found {
  readonly endpoint: PrometheusEndpoint;
  readonly name: string;
}

/** The HTTP API of Prometheus over the account's metrics: an adapter, with no logic of its own. */
export function createPrometheusApp(options: PrometheusOptions): PrometheusApp {
  const { environment, series, config, version, metrics, resolveActor } = options;
  const { clock, logger } = environment;
  const limit = config.prometheusRateLimit;
  const buckets = limit === null ? null : createTokenBuckets({ ...limit, maxKeys: MAX_ACCOUNTS });

  async function serve(found: Found, { request, peerAddress, id }: Asked): Promise<Served> {
    let allowance: Allowance | null = null;
    try {
      const actor = await resolveActor(request, { peerAddress });
      if (buckets !== null) {
        allowance = buckets.take(actor.accountId, clock.now());
        assertAllowed(allowance);
      }
      const parameters = await readParameters(request);
      const ctx = { ...environment, actor, series };
      const { endpoint, name } = found;
      const { signal } = request;
      return { response: await endpoint.handle({ ctx, parameters, name, signal, version }), allowance };
    } catch (error) {
      return { response: answerError(error, id), allowance };
    }
  }

  function answerError(error: unknown, requestId: string): Response {
    if (error instanceof PromqlError) {
      metrics.countError(error.kind);
      return failure(error.kind, error.message);
    }
    if (error instanceof ServiceError) {
      metrics.countError(error.code);
      return answerServiceError(error);
    }
    metrics.countError('internal');
    logger.error({ err: error, requestId }, 'a query failed');
    return failure('internal', `Something went wrong on our side. The request's id is ${requestId}.`);
  }

  return {
    prepare: (caughtUp) => rehearse({ environment, series, caughtUp, serve: createRehearsalServe(options) }),
    async fetch(request, peerAddress) {
      const finished = metrics.requestStarted();
      const found = endpointAt(new URL(request.url).pathname);
      const id = requestIdOf(request);
      const { response, allowance } = await answer(found, { request, peerAddress, id });
      const { headers } = response;
      addAnswerHeaders(headers, id, allowance, clock.now());
      headers.set('Trace-Id', id);
      addCorsHeaders(request, headers, config.corsOrigins);
      const route = found === null ? 'unmatched' : PROMETHEUS_BASE + found.endpoint.path;
      finished({ method: request.method, route, status: response.status });
      return response;
    },
  };

  async function answer(found: Found | null, asked: Asked): Promise<Served> {
    const { request } = asked;
    if (found === null) return plain(404, '404 page not found\n');
    const methods = ['OPTIONS', ...found.endpoint.methods].sort();
    if (request.method === 'OPTIONS') {
      return { response: optionsResponse(request, methods, config.corsOrigins), allowance: null };
    }
    if (!methods.includes(request.method)) {
      return plain(405, 'Method Not Allowed\n', { Allow: methods.join(', ') });
    }
    return serve(found, asked);
  }
}

/** The same API over other series, open to the rehearsal alone. */
function createRehearsalServe(options: PrometheusOptions): Serve {
  return (environment, series) => {
    const app = createPrometheusApp({
      ...options,
      environment,
      series,
      config: { ...options.config, prometheusRateLimit: null },
      metrics: { requestStarted: () => () => undefined, countError: () => undefined },
      resolveActor: async () => DEFAULT_VIEWER,
    });
    return (request) => app.fetch(request, undefined);
  };
}

interface Asked {
  readonly request: Request;
  readonly peerAddress: string | undefined;
  readonly id: string;
}

interface Served {
  readonly response: Response;
  /** What the account may still ask, once it is known. */
  readonly allowance: Allowance | null;
}

function plain(status: number, text: string, headers: Record<string, string> = {}): Served {
  const all = { 'Content-Type': 'text/plain; charset=utf-8', ...headers };
  return { response: new Response(text, { status, headers: all }), allowance: null };
}

/** What comes before Prometheus, credentials and rates, and what is behind it, the database. */
function answerServiceError(error: ServiceError): Response {
  const headers = headersOfError(error);
  const status = statusOfError(error);
  if (error instanceof RateLimitedError) return failure('too_many_requests', error.message, headers);
  if (status === 503) return failure('unavailable', error.message, headers);
  if (status === 400) return failure('bad_data', error.message, headers);
  if (error.code === 'unauthorized') {
    headers['WWW-Authenticate'] = 'Basic realm="nself-slo-tracker", Bearer realm="nself-slo-tracker"';
  }
  return plain(status, `${error.message}\n`, headers).response;
}

function endpointAt(pathname: string): Found | null {
  if (!pathname.startsWith(`${PROMETHEUS_BASE}/`)) return null;
  const path = pathname.slice(PROMETHEUS_BASE.length);
  for (const endpoint of prometheusEndpoints) {
    if (endpoint.path === path) return { endpoint, name: '' };
    const [before = '', after] = endpoint.path.split('{name}');
    if (after === undefined || !path.startsWith(before) || !path.endsWith(after)) continue;
    const name = path.slice(before.length, path.length - after.length);
    if (!name.includes('/')) return { endpoint, name: decoded(name) };
  }
  return null;
}

/** A name that is no text is no label's. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return '\ud800';
  }
}
