import { z } from 'zod';
import { getSlo } from '../../services/find-slos.ts';
import { listSnapshots, MAX_SNAPSHOTS } from '../../services/list-snapshots.ts';
import { actorEndpoint, type Endpoint } from './endpoint.ts';
import { integerParameter, stepParameter, textParameter, timeParameter } from './query-parameters.ts';
import { snapshotSchema, snapshotToWire } from './wire/snapshot.ts';

const pageSchema = z.strictObject({
  data: z.array(snapshotSchema),
  next_cursor: z.string().nullable().meta({ description: 'For `cursor`, while there is more.' }),
});

export const snapshotEndpoints: readonly Endpoint[] = [
  actorEndpoint({
    method: 'get',
    path: '/api/v1/slos/{id}/snapshots',
    operationId: 'listSnapshots',
    summary: "The history of an SLO's status, newest last",
    query: z.strictObject({
      from: timeParameter('The first minute.'),
      to: timeParameter('The last minute.'),
      step: stepParameter,
      objective: textParameter('Only this objective.'),
      limit: integerParameter(
        z
          .int()
          .min(1)
          .max(MAX_SNAPSHOTS)
          .optional()
          .meta({ description: 'Snapshots a page, 1,000 by default.' }),
      ),
      cursor: textParameter('`next_cursor` of the page before.'),
    }),
    answer: { status: 200, description: 'A page of it.', content: { 'application/json': pageSchema } },
    errors: [404],
    async handle({ ctx, id, query: { from, to, step, ...rest } }) {
      const slo = await getSlo({ ctx, input: { id } });
      const input = { slo, fromMs: from, toMs: to, stepMs: step, ...rest };
      const { items, nextCursor } = await listSnapshots({ ctx, input });
      return Response.json({ data: items.map(snapshotToWire), next_cursor: nextCursor });
    },
  }),
];
