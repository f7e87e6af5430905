import { z } from 'zod';
import { addBudgetAdjustment, removeBudgetAdjustment } from '../../services/budget-adjustments.ts';
import { adjustmentInputSchema, adjustmentSchema, adjustmentToWire } from '../../slo/adjustment-schema.ts';
import { actorEndpoint, type Endpoint } from './endpoint.ts';
import { DEFINITION_LIMIT, readJsonBody } from './request-body.ts';

const JSON_TYPE = 'application/json';
const none = z.strictObject({});

export const adjustmentEndpoints: readonly Endpoint[] = [
  actorEndpoint({
    method: 'post',
    path: '/api/v1/slos/{id}/adjustments',
    operationId: 'addBudgetAdjustment',
    summary: 'Take minutes out of the budget',
    description:
      'The minutes count as if they never were, in the past too: every snapshot that they touch is computed anew. ' +
      'What came in for them is kept.',
    query: none,
    body: {
      description: 'The minutes.',
      content: { [JSON_TYPE]: adjustmentInputSchema.meta({ id: 'BudgetAdjustmentInput' }) },
    },
    answer: { status: 201, description: 'The adjustment.', content: { [JSON_TYPE]: adjustmentSchema } },
    errors: [400, 404, 413, 415],
    async handle({ ctx, id, request }) {
      const body = await readJsonBody(request, { limit: DEFINITION_LIMIT, mediaTypes: [JSON_TYPE] });
      const { adjustment } = await addBudgetAdjustment({ ctx, input: { id, body } });
      return Response.json(adjustmentToWire(adjustment), { status: 201 });
    },
  }),
  actorEndpoint({
    method: 'delete',
    path: '/api/v1/slos/{id}/adjustments/{aid}',
    operationId: 'removeBudgetAdjustment',
    summary: 'Put back what an adjustment has taken out',
    query: none,
    answer: { status: 204, description: 'It is gone.', content: {} },
    errors: [404],
    async handle({ ctx, id, adjustmentId }) {
      await removeBudgetAdjustment({ ctx, input: { id, adjustmentId } });
      return new Response(null, { status: 204 });
    },
  }),
];
