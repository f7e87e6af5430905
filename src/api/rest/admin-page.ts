import { z } from 'zod';
import { formatRfc3339 } from '../../lib/rfc3339.ts';
import { adminOverview } from '../../services/admin-overview.ts';
import { actorEndpoint, type Endpoint } from './endpoint.ts';
import { figure } from './wire/state.ts';
import { timeSchema } from './wire/times.ts';

/** The shape that nSelf's admin page asks for: camelCase, and percent where a name says Pct. */
const adminSloSchema = z.strictObject({
  id: z.uuid(),
  name: z.string(),
  description: z.string(),
  targetPct: z.number(),
  currentPct: figure('The reliability of the primary objective, in percent.'),
  errorBudgetMinutes: figure('What is left of the budget, in minutes of full outage.'),
  burnRate1h: figure('Over the last hour.'),
  burnRate6h: figure('Over the last 6 hours.'),
  burnRate24h: figure('Over the last 24 hours.'),
  errorBudgetRemainingPct: figure('In percent of the budget; negative when overspent.'),
  breaches7d: z.array(
    z.strictObject({ date: z.string(), durationMinutes: z.number(), burnRate: z.number() }),
  ),
  window: z.enum(['1h', '6h', '24h', '72h']),
});

const adminPageSchema = z.strictObject({ slos: z.array(adminSloSchema), generatedAt: timeSchema });

export const adminPageEndpoints: readonly Endpoint[] = [
  actorEndpoint({
    method: 'get',
    path: '/slos',
    operationId: 'getAdminPage',
    summary: "The SLOs as nSelf's admin page shows them",
    access: 'local-read',
    query: z.strictObject({}),
    answer: { status: 200, description: 'All of them.', content: { 'application/json': adminPageSchema } },
    async handle({ ctx }) {
      const { slos, generatedAtMs } = await adminOverview({ ctx });
      return Response.json({ slos, generatedAt: formatRfc3339(generatedAtMs) });
    },
  }),
];
