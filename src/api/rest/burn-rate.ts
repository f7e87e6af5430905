import { z } from 'zod';
import { getSlo } from '../../services/find-slos.ts';
import { readBurnRates } from '../../services/read-burn-rate.ts';
import { actorEndpoint, type Endpoint } from './endpoint.ts';
import { textParameter, timeParameter } from './query-parameters.ts';
import { burnRateSchema, burnRateToWire } from './wire/burn-rate.ts';

export const burnRateEndpoints: readonly Endpoint[] = [
  actorEndpoint({
    method: 'get',
    path: '/api/v1/slos/{id}/burn-rate',
    operationId: 'getBurnRate',
    summary: 'How fast an SLO uses its error budgets',
    query: z.strictObject({
      at: timeParameter('At this time of the past.'),
      objective: textParameter('Only this objective.'),
    }),
    answer: { status: 200, description: 'The burn rates.', content: { 'application/json': burnRateSchema } },
    errors: [404],
    async handle({ ctx, id, query: { at: atMs, objective } }) {
      const slo = await getSlo({ ctx, input: { id } });
      const burnRates = await readBurnRates({ ctx, input: { slos: [slo], atMs, objective } });
      const burnRate = burnRates.get(slo.id);
      if (burnRate === undefined) throw new TypeError('The burn rate of an SLO was not read.');
      return Response.json(burnRateToWire(burnRate));
    },
  }),
];
