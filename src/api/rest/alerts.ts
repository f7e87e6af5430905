import { z } from 'zod';
import { ServiceError } from '../../lib/errors.ts';
import { formatRfc3339 } from '../../lib/rfc3339.ts';
import { getSlo } from '../../services/find-slos.ts';
import { alertHistory, type PastAlert } from '../../slo/alert-history.ts';
import { actorEndpoint, type Endpoint } from './endpoint.ts';
import { textParameter, timeParameter } from './query-parameters.ts';
import { timeOrNull, timeSchema } from './wire/times.ts';

const pastAlertSchema = z
  .strictObject({
    objective: z.string().nullable().meta({ description: 'Null for what is about the SLO as a whole.' }),
    condition: z.string().meta({ example: 'burn_rate:1h:5m:page' }),
    severity: z.enum(['page', 'ticket']),
    firing_since: timeSchema,
    resolved_at: timeSchema.nullable().meta({ description: 'Null while it fires.' }),
  })
  .meta({ id: 'PastAlert' });

const pastAlertToWire = (alert: PastAlert): z.infer<typeof pastAlertSchema> => ({
  objective: alert.objective,
  condition: alert.condition,
  severity: alert.severity,
  firing_since: formatRfc3339(alert.sinceMs),
  resolved_at: timeOrNull(alert.resolvedMs),
});

export const alertEndpoints: readonly Endpoint[] = [
  actorEndpoint({
    method: 'get',
    path: '/api/v1/slos/{id}/alerts',
    operationId: 'listAlerts',
    summary: 'When the alerts of an SLO fired, newest last',
    description:
      'By what is known of its minutes now, so that late data changes the past too; silenced ones are among them. ' +
      'Of conditions that its policy has now.',
    query: z.strictObject({
      from: timeParameter('Those that fired after it; from the first one when left out.'),
      to: timeParameter('Those that began before it; up to the last one when left out.'),
      objective: textParameter('Only of this objective.'),
    }),
    answer: {
      status: 200,
      description: 'The alerts.',
      content: { 'application/json': z.strictObject({ data: z.array(pastAlertSchema) }) },
    },
    errors: [404],
    async handle({ ctx, id, query: { from, to, objective } }) {
      const slo = await getSlo({ ctx, input: { id } });
      if (objective !== undefined && !slo.objectives.some(({ name }) => name === objective)) {
        throw new ServiceError('invalid', 'The SLO has no such objective.', {
          details: [{ path: 'objective', message: 'is not an objective of the SLO' }],
        });
      }
      const alerts = alertHistory(slo, {
        fromMs: from ?? Number.NEGATIVE_INFINITY,
        toMs: to ?? Number.POSITIVE_INFINITY,
      });
      const data = alerts.filter((alert) => objective === undefined || alert.objective === objective);
      return Response.json({ data: data.map(pastAlertToWire) });
    },
  }),
];
