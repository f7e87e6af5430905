import type { Logger } from 'pino';
import { createAccountLimit } from './api/account-limit.ts';
import { createEdgeVerify, type EdgeVerify } from './api/auth/edge-verify.ts';
import { peerAddressOf } from './api/auth/peer-address.ts';
import { assertMayUpgrade } from './api/auth/request-origin.ts';
import { createActorResolver } from './api/auth/resolve-actor.ts';
import { createConnectionResolver } from './api/auth/resolve-connection.ts';
import { addCorsHeaders, optionsResponse } from './api/cors.ts';
import { createGraphql, type Graphql } from './api/graphql/create-graphql.ts';
import { createGraphqlSockets } from './api/graphql/graphql-sockets.ts';
import { createMetrics, type Metrics } from './api/metrics.ts';
import { createPrometheusApp } from './api/prometheus/create-prometheus-app.ts';
import { PROMETHEUS_BASE } from './api/prometheus/endpoints.ts';
import { prometheusOpenApi } from './api/prometheus/openapi-part.ts';
import { createRestApp } from './api/rest/create-rest-app.ts';
import type { Upgrade } from './api/server.ts';
import type { Config } from './config.ts';
import type { Clock } from './lib/clock.ts';
import { type Courtesy, createCourtesy } from './lib/courtesy.ts';
import { SECOND_MS } from './lib/duration.ts';
import { ownVersion } from './lib/own-version.ts';
import { createAccessKeys } from './services/access-keys.ts';
import { createReceivers } from './services/alert-receivers.ts';
import type { LicenseGuard, ServiceEnvironment } from './services/context.ts';
import { createRemovedOutboxes } from './services/removed-outboxes.ts';
import { createStatusHub } from './services/status-hub.ts';
import { createSourceReaders } from './sources/source-readers.ts';
import { createChangeFeed } from './storage/change-feed.ts';
import type { Database } from './storage/client.ts';
import { createPartitions } from './storage/partitions.ts';
import { createSeriesStore } from './storage/series-source.ts';
import { createShards } from './storage/shards.ts';
import { createEvaluator } from './workers/evaluator.ts';
import { createNotifier } from './workers/notifier.ts';
import { createPuller } from './workers/puller.ts';
import { createReporter } from './workers/reporter.ts';
import { createRetention } from './workers/retention.ts';

export interface AppOptions {
  readonly config: Config;
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly license: LicenseGuard;
  /** Left out: one by the real time. */
  readonly courtesy?: Courtesy;
}

export interface App {
  /** `env` is what the Node adapter passes along. Never throws. */
  fetch(request: Request, env?: unknown): Promise<Response>;
  /** Takes over connections that are to become WebSockets. Never throws. */
  readonly upgrade: Upgrade;
  /** Starts the workers. */
  start(): void;
  /**
   * Makes the first queries quick, before requests are let in and once the workers are started. Takes some seconds at
   * most, and never throws.
   */
  prepare(): Promise<void>;
  /** Ends the live streams, stops the workers, and waits for what they have in hand. */
  stop(): Promise<void>;
}

const MIB = 1024 * 1024;
interface GraphqlEndpoint {
  readonly graphql: Graphql;
  readonly metrics: Metrics;
  readonly corsOrigins: readonly string[];
}

/** GraphQL over HTTP, counted beside REST and open to the same origins. */
async function serveGraphql(
  { graphql, metrics, corsOrigins }: GraphqlEndpoint,
  request: Request,
  peerAddress: string | undefined,
): Promise<Response> {
  const finished = metrics.requestStarted();
  const response =
    request.method === 'OPTIONS'
      ? optionsResponse(request, ['GET', 'OPTIONS', 'POST'], corsOrigins)
      : await graphql.fetch(request, { peerAddress });
  addCorsHeaders(request, response.headers, corsOrigins);
  finished({ method: request.method, route: '/graphql', status: response.status });
  return response;
}

interface EdgeEndpoint {
  readonly edgeVerify: EdgeVerify;
  readonly metrics: Metrics;
  readonly corsOrigins: readonly string[];
}

/** Says too which origins may read the answer that the proxy makes of it. */
async function serveEdge(
  { edgeVerify, metrics, corsOrigins }: EdgeEndpoint,
  request: Request,
  peerAddress: string | undefined,
): Promise<Response> {
  const finished = metrics.requestStarted();
  const response = await edgeVerify(request, peerAddress);
  addCorsHeaders(request, response.headers, corsOrigins);
  finished({ method: request.method, route: '/auth/verify', status: response.status });
  return response;
}

/** Wires configuration, database and faces together. Nothing runs before `start`. */
export function createApp({
  config,
  db,
  clock,
  logger,
  license,
  courtesy = createCourtesy(),
}: AppOptions): App {
  const version = ownVersion();
  const { corsOrigins } = config;
  const metrics = createMetrics(version);
  const receivers = createReceivers({ config });
  const removed = createRemovedOutboxes(receivers.map(({ name }) => name));
  const environment: ServiceEnvironment = {
    db,
    clock,
    courtesy,
    logger,
    license,
    partitions: createPartitions(db),
    accessKeys: createAccessKeys(config),
    onPointsStored: (points) => metrics.countPoints(points),
    onSloRemoved: (slo) => removed.add(slo, clock.now()),
    sources: { prometheus: config.prometheusSources, tables: config.tableSources },
    retentionMs: config.retentionMs,
  };
  const resolveActor = createActorResolver({ config, clock });
  const edgeVerify = createEdgeVerify(resolveActor, logger);
  // One for all faces: an account has no more to ask by going round.
  const accountLimit = config.rateLimit ? createAccountLimit(clock) : null;
  const changes = createChangeFeed(db, logger);
  const hub = createStatusHub(environment, changes);
  const rest = createRestApp({
    environment,
    config,
    version,
    metrics,
    resolveActor,
    accountLimit,
    hub,
    openApiParts: [prometheusOpenApi()],
  });
  const graphql = createGraphql({
    environment,
    resolveActor,
    accountLimit,
    hub,
    countError: (code) => metrics.countError(code),
    production: config.production,
    logger,
  });
  const resolveConnection = createConnectionResolver(resolveActor, config);
  const sockets = createGraphqlSockets({
    graphql,
    courtesy,
    resolveActor,
    resolveConnection,
    assertMayUpgrade: (request) => assertMayUpgrade(request, config),
    clock,
    logger,
  });
  metrics.gaugeLive({ streams: () => hub.watchers, sockets: () => sockets.open });
  const prometheus = createPrometheusApp({
    environment,
    series: createSeriesStore({ db, clock, cacheBytes: config.prometheusCacheMb * MIB }),
    config,
    version,
    metrics,
    resolveActor,
  });
  const shards = createShards(db, logger);
  const evaluator = createEvaluator(environment, {
    intervalMs: config.evaluationIntervalMs,
    shards,
    onRound: ({ seconds, objectives }) =>
      metrics.observeTick({ durationMs: seconds * SECOND_MS, objectives }),
  });
  const workers = [
    evaluator,
    createPuller(environment, {
      readers: createSourceReaders(db, environment.sources),
      held: shards.held,
      onLook: (look) => metrics.observePulls(look),
      onRound: (round) => metrics.countPulls(round),
    }),
    createReporter(environment, { intervalMs: config.evaluationIntervalMs, held: shards.held }),
    createNotifier(environment, {
      receivers,
      held: shards.held,
      removed,
      onRound: (round) => metrics.countDeliveries(round),
      onTidy: (undelivered) => metrics.observeUndelivered(undelivered),
    }),
    createRetention(environment),
    changes,
  ];

  function answer(request: Request, env: unknown): Response | Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith(`${PROMETHEUS_BASE}/`)) return prometheus.fetch(request, peerAddressOf(env));
    switch (pathname) {
      case '/graphql':
        return serveGraphql({ graphql, metrics, corsOrigins }, request, peerAddressOf(env));
      case '/auth/verify':
        return serveEdge({ edgeVerify, metrics, corsOrigins }, request, peerAddressOf(env));
      default:
        return rest.fetch(request, env);
    }
  }

  return {
    fetch: (request, env) => courtesy.answering(() => answer(request, env)),
    start() {
      for (const worker of workers) worker.start();
    },
    prepare: () => prometheus.prepare(evaluator.caughtUp),
    upgrade: sockets.upgrade,
    async stop() {
      // The sockets first: a subscription that ends before its socket looks done, and nobody would connect again.
      const closed = sockets.stop();
      hub.stop();
      await closed;
      await Promise.all(workers.map((worker) => worker.stop()));
    },
  };
}
