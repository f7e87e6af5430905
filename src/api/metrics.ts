import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What is known of a request once it was answered. */
export interface RequestOutcome {
  readonly method: string;
  /** The pattern of the path, `/api/v1/slos/{id}`, never the path itself; `unmatched` where there is none. */
  readonly route: string;
  readonly status: number;
}

/**
 * What the service measures of itself. No label ever carries an SLO, an account or a source: `/metrics` is
 * open to everyone who reaches it.
 */
export interface Metrics {
  /** The media type of `expose`. */
  readonly contentType: string;
  /** The text format of Prometheus. */
  expose(): Promise<string>;
  /** Counts a request in; call the result once, with how it was answered. */
  requestStarted(): (outcome: RequestOutcome) => void;
  /** An answer that was an error, by the `code` of its body. */
  countError(code: string): void;
  /** Measurements that were stored. */
  countPoints(points: number): void;
  /** SLOs of which minutes of their source were read, and of which that failed. */
  countPulls(round: { readonly read: number; readonly failed: number }): void;
  /** How the reading of this replica's sources stands. */
  observePulls(look: { readonly lagMs: number; readonly failing: number }): void;
  /** What one round told a receiver of alerts, in messages. */
  countDeliveries(round: {
    readonly receiver: string;
    readonly taken: number;
    readonly failed: number;
    readonly givenUp: number;
  }): void;
  /** What receivers have not taken, in messages, of the accounts of this replica. */
  observeUndelivered(
    undelivered: readonly {
      readonly receiver: string;
      readonly waiting: number;
      readonly givenUp: number;
      readonly longestMs: number;
    }[],
  ): void;
  /** Asks these whenever it is read how many live streams and WebSockets are open. Call it once. */
  gaugeLive(live: { readonly streams: () => number; readonly sockets: () => number }): void;
  /** One round of the evaluator, over so many objectives. */
  observeTick(tick: { readonly durationMs: number; readonly objectives: number }): void;
}

const PLUGIN = 'nself-slo-tracker';
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** The metrics of one app, in a registry of their own. */
export function createMetrics(version: string): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const labelNames = ['method', 'route', 'status'] as const;

  const requests = new Counter({
    name: 'http_requests_total',
    help: 'Requests that were answered.',
    labelNames,
    registers,
  });
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'How long answers took.',
    labelNames,
    buckets: SECONDS,
    registers,
  });
  const pluginRequests = new Counter({
    name: 'nself_plugin_requests_total',
    help: 'Requests that were answered, under the name of the nSelf SDK.',
    labelNames,
    registers,
  });
  const pluginDurations = new Histogram({
    name: 'nself_plugin_request_duration_seconds',
    help: 'How long answers took, under the name of the nSelf SDK.',
    labelNames,
    buckets: SECONDS,
    registers,
  });
  const inFlight = new Gauge({
    name: 'nself_plugin_in_flight_requests',
    help: 'Requests that are being answered.',
    registers,
  });
  const errors = new Counter({
    name: 'nself_plugin_errors_total',
    help: 'Answers that were errors, by the code in their body.',
    labelNames: ['code'] as const,
    registers,
  });
  new Gauge({
    name: 'nself_plugin_build_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: ['plugin', 'version', 'node_version'] as const,
    registers,
  }).set({ plugin: PLUGIN, version, node_version: process.version }, 1);
  const points = new Counter({
    name: 'nself_slo_tracker_points_recorded_total',
    help: 'Measurements that were stored.',
    registers,
  });
  const ticks = new Histogram({
    name: 'nself_slo_tracker_tick_duration_seconds',
    help: 'How long the rounds of the evaluator took.',
    buckets: SECONDS,
    registers,
  });
  const objectives = new Counter({
    name: 'nself_slo_tracker_objectives_evaluated_total',
    help: 'Objectives that the evaluator brought up to date.',
    registers,
  });

  const pulls = new Counter({
    name: 'nself_slo_tracker_pulls_total',
    help: 'Times that minutes of an SLO were read from its source.',
    labelNames: ['result'] as const,
    registers,
  });
  const pullLag = new Gauge({
    name: 'nself_slo_tracker_pull_lag_seconds',
    help: 'How far the reading of sources is behind now, where it is furthest behind.',
    registers,
  });
  const pullsFailing = new Gauge({
    name: 'nself_slo_tracker_pulls_failing',
    help: 'SLOs whose source could not be read the last time.',
    registers,
  });

  const deliveries = new Counter({
    name: 'nself_slo_tracker_alert_deliveries_total',
    help: 'Times that a receiver was told of a change of an alert, by how that went.',
    labelNames: ['receiver', 'result'] as const,
    registers,
  });
  const undelivered = new Gauge({
    name: 'nself_slo_tracker_alerts_undelivered',
    help: 'Changes of alerts that a receiver has not taken: to be sent, or given up.',
    labelNames: ['receiver', 'state'] as const,
    registers,
  });
  const longestUndelivered = new Gauge({
    name: 'nself_slo_tracker_alert_delivery_lag_seconds',
    help: 'For how long the change of an alert waits that has waited longest.',
    labelNames: ['receiver'] as const,
    registers,
  });

  return {
    contentType: registry.contentType,
    expose: () => registry.metrics(),
    requestStarted() {
      inFlight.inc();
      const startedAt = process.hrtime.bigint();
      return ({ method, route, status }) => {
        inFlight.dec();
        const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9;
        const labels = { method: METHODS.has(method) ? method : 'OTHER', route, status };
        requests.inc(labels);
        pluginRequests.inc(labels);
        durations.observe(labels, seconds);
        pluginDurations.observe(labels, seconds);
      };
    },
    countError(code) {
      errors.inc({ code });
    },
    countPoints(count) {
      points.inc(count);
    },
    countPulls({ read, failed }) {
      pulls.inc({ result: 'read' }, read);
      pulls.inc({ result: 'failed' }, failed);
    },
    observePulls({ lagMs, failing }) {
      pullLag.set(lagMs / 1000);
      pullsFailing.set(failing);
    },
    countDeliveries({ receiver, taken, failed, givenUp }) {
      deliveries.inc({ receiver, result: 'taken' }, taken);
      deliveries.inc({ receiver, result: 'failed' }, failed);
      deliveries.inc({ receiver, result: 'given_up' }, givenUp);
    },
    observeUndelivered(all) {
      for (const { receiver, waiting, givenUp, longestMs } of all) {
        undelivered.set({ receiver, state: 'waiting' }, waiting);
        undelivered.set({ receiver, state: 'given_up' }, givenUp);
        longestUndelivered.set({ receiver }, longestMs / 1000);
      }
    },
    gaugeLive(live) {
      new Gauge({
        name: 'nself_slo_tracker_live_streams',
        help: 'Live streams that are open: subscriptions over any transport, and event streams.',
        registers,
        collect() {
          this.set(live.streams());
        },
      });
      new Gauge({
        name: 'nself_slo_tracker_websockets',
        help: 'WebSockets that are open.',
        registers,
        collect() {
          this.set(live.sockets());
        },
      });
    },
    observeTick(tick) {
      ticks.observe(tick.durationMs / 1000);
      objectives.inc(tick.objectives);
    },
  };
}
