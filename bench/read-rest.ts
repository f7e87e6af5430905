import { z } from 'zod';
import type { Outcome } from './support/outcome.ts';
import { benchReads } from './support/reads.ts';

const wholeSchema = z.object({
  id: z.string(),
  status: z.object({ objectives: z.tuple([z.object({ reliability: z.number(), budget: z.number() })]) }),
});

/** `GET /api/v1/slos/{id}` against PostGraphile. */
export function readRest(): Promise<Outcome> {
  return benchReads({
    name: 'read-rest',
    ours: ({ url, headers }, id) => ({ url: `${url}/api/v1/slos/${id}`, method: 'GET', headers }),
    isWhole: (answer) => wholeSchema.safeParse(answer).success,
  });
}
