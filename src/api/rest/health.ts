import { z } from 'zod';
import { formatRfc3339 } from '../../lib/rfc3339.ts';
import { checkReady } from '../../services/check-ready.ts';
import { type Endpoint, openEndpoint, type RestServer } from './endpoint.ts';
import { timeSchema } from './wire/times.ts';

const healthSchema = z
  .strictObject({
    status: z.literal('ok'),
    plugin: z.literal('nself-slo-tracker'),
    version: z.string(),
    timestamp: timeSchema,
  })
  .meta({ id: 'Health' });

function healthOf({ version, environment }: RestServer): z.infer<typeof healthSchema> {
  return {
    status: 'ok',
    plugin: 'nself-slo-tracker',
    version,
    timestamp: formatRfc3339(environment.clock.now()),
  };
}

function alive(path: string, operationId: string, summary: string): Endpoint {
  return openEndpoint({
    method: 'get',
    path,
    operationId,
    summary,
    answer: { status: 200, description: 'It does.', content: { 'application/json': healthSchema } },
    handle: async ({ server }) => Response.json(healthOf(server)),
  });
}

export const healthEndpoints: readonly Endpoint[] = [
  alive('/health', 'getHealth', 'Whether the process answers'),
  alive('/live', 'getLive', 'Whether the process answers'),
  openEndpoint({
    method: 'get',
    path: '/ready',
    operationId: 'getReady',
    summary: 'Whether requests can be served: the database answers',
    answer: { status: 200, description: 'It does.', content: { 'application/json': healthSchema } },
    errors: [503],
    async handle({ server }) {
      const readiness = await checkReady({ env: server.environment });
      if (readiness.ready) return Response.json(healthOf(server));
      // Both a health answer and an error, for probes that read either.
      const error = { error: readiness.reason, code: 'unavailable', details: [] };
      return Response.json({ ...healthOf(server), status: 'unavailable', ...error }, { status: 503 });
    },
  }),
];
