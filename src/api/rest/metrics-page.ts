import { type Endpoint, openEndpoint } from './endpoint.ts';

export const metricsEndpoints: readonly Endpoint[] = [
  openEndpoint({
    method: 'get',
    path: '/metrics',
    operationId: 'getMetrics',
    summary: "The service's own metrics, for a Prometheus to scrape",
    answer: { status: 200, description: 'The text format of Prometheus.', content: { 'text/plain': null } },
    handle: async ({ server: { metrics } }) =>
      new Response(await metrics.expose(), { headers: { 'Content-Type': metrics.contentType } }),
  }),
];
