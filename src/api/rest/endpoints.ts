import { z } from 'zod';
import { adjustmentEndpoints } from './adjustments.ts';
import { adminPageEndpoints } from './admin-page.ts';
import { alertEndpoints } from './alerts.ts';
import { burnRateEndpoints } from './burn-rate.ts';
import { actorEndpoint, type Endpoint, type RestServer } from './endpoint.ts';
import { eventEndpoints } from './events.ts';
import { healthEndpoints } from './health.ts';
import { measurementEndpoints } from './measurements.ts';
import { metricsEndpoints } from './metrics-page.ts';
import { openApiDocument } from './openapi-document.ts';
import { reportEndpoints } from './reports.ts';
import { sloEndpoints } from './slos.ts';
import { snapshotEndpoints } from './snapshots.ts';

/** Every endpoint of the REST face, the document of them all included. */
export function restEndpoints({
  version,
  config: { publicUrl },
  openApiParts,
}: Pick<RestServer, 'version' | 'config' | 'openApiParts'>): readonly Endpoint[] {
  let text: string | undefined;
  const endpoints: readonly Endpoint[] = [
    ...sloEndpoints,
    ...burnRateEndpoints,
    ...alertEndpoints,
    ...snapshotEndpoints,
    ...adjustmentEndpoints,
    ...measurementEndpoints,
    ...reportEndpoints,
    ...eventEndpoints,
    ...adminPageEndpoints,
    ...healthEndpoints,
    ...metricsEndpoints,
    actorEndpoint({
      method: 'get',
      path: '/api/v1/openapi.json',
      operationId: 'getOpenApi',
      summary: 'This document',
      query: z.strictObject({}),
      answer: {
        status: 200,
        description: 'OpenAPI 3.1.',
        content: { 'application/json': z.looseObject({}) },
      },
      async handle() {
        text ??= JSON.stringify(openApiDocument(endpoints, { version, publicUrl, parts: openApiParts }));
        return new Response(text, { headers: { 'Content-Type': 'application/json' } });
      },
    }),
  ];
  return endpoints;
}
