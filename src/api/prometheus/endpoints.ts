import { discoveryEndpoints } from './discovery-endpoints.ts';
import type { PrometheusEndpoint } from './endpoint.ts';
import { expressionEndpoints } from './expression-endpoints.ts';
import { queryEndpoints } from './query-endpoints.ts';

/** Where everything of this face lies. */
export const PROMETHEUS_BASE = '/api/prometheus/v1/api/v1';

/** Every endpoint of this face. */
export const prometheusEndpoints: readonly PrometheusEndpoint[] = [
  ...queryEndpoints,
  ...discoveryEndpoints,
  ...expressionEndpoints,
];
