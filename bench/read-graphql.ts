import { z } from 'zod';
import type { Outcome } from './support/outcome.ts';
import { benchReads } from './support/reads.ts';

/** The same fields as the row that PostGraphile is asked for, the status computed. */
const QUERY = `query ($id: ID!) {
  slo(id: $id) {
    id sourceAccountId project name displayName description service labels budgetingMethod
    timeWindow sli objectives { name target primary } createdAt updatedAt
    status { at state objectives { objective state target reliability budget burnRate lastDataAt } }
  }
}`;

const wholeSchema = z.object({
  data: z.object({
    slo: z.object({
      status: z.object({ objectives: z.tuple([z.object({ reliability: z.number(), budget: z.number() })]) }),
    }),
  }),
});

/** `slo { status }` of our GraphQL against PostGraphile. */
export function readGraphql(): Promise<Outcome> {
  return benchReads({
    name: 'read-graphql',
    ours: ({ url, headers }, id) => ({
      url: `${url}/graphql`,
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ query: QUERY, variables: { id } }),
    }),
    isWhole: (answer) => wholeSchema.safeParse(answer).success,
  });
}
