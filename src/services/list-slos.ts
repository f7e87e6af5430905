import { z } from 'zod';
import { ServiceError } from '../lib/errors.ts';
import { parseOrThrow } from '../lib/validation.ts';
import type { Slo } from '../slo/definition.ts';
import { projectFilterSchema } from '../slo/definition-fields.ts';
import { type SloSort, selectSlos } from '../storage/slos.ts';
import type { ServiceContext } from './context.ts';

const SORTS = ['name', 'project', 'created_at', 'updated_at', 'budget', 'state'] as const satisfies SloSort[];
const DESCENDING = SORTS.map((sort) => `-${sort}` as const);

const text = z
  .string()
  .max(200)
  .refine((value) => !value.includes('\0'), 'must not hold a NUL character');

/** How a list of SLOs is asked for. All fields are optional. */
export const listSlosInputSchema = z.strictObject({
  limit: z.int().min(1).max(1000).optional().meta({ description: 'SLOs a page, 100 by default.' }),
  offset: z.int().min(0).max(10_000_000).optional().meta({ description: 'SLOs to skip.' }),
  project: projectFilterSchema,
  service: text.optional(),
  state: z.enum(['exhausted', 'at_risk', 'healthy', 'no_data']).optional(),
  label: z.array(text).max(50).optional().meta({ description: '`key=value`; all of them must hold.' }),
  q: text.optional().meta({ description: 'Part of the name or the display name.' }),
  sort: z
    .enum([...SORTS, ...DESCENDING])
    .optional()
    .meta({ description: 'By project by default; `-` in front turns it around.' }),
});

export type ListSlosInput = z.input<typeof listSlosInputSchema>;

export interface SloList {
  readonly items: readonly Slo[];
  /** How many match in all. */
  readonly total: number;
  readonly limit: number;
  readonly offset: number;
}

function labelsOf(labels: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    labels.map((label, i) => {
      const equals = label.indexOf('=');
      if (equals < 1) {
        throw new ServiceError('invalid', 'The list cannot be made.', {
          details: [{ path: `label[${i}]`, message: 'must be of the form key=value' }],
        });
      }
      return [label.slice(0, equals), label.slice(equals + 1)];
    }),
  );
}

/** One page of the account's SLOs. `invalid` for what cannot be listed, a project that cannot be among it. */
export async function listSlos({
  ctx,
  input,
}: {
  ctx: ServiceContext;
  input: ListSlosInput;
}): Promise<SloList> {
  const {
    limit = 100,
    offset = 0,
    sort = 'project',
    label = [],
    ...filter
  } = parseOrThrow(listSlosInputSchema, input, 'The list cannot be made.');
  const { accountId } = ctx.actor;
  const labels = label.length === 0 ? undefined : labelsOf(label);
  const descending = sort.startsWith('-');
  const by = SORTS.find((name) => name === (descending ? sort.slice(1) : sort)) ?? 'project';
  const page = await ctx.db.tenant(accountId, (tx) =>
    selectSlos(tx, accountId, { ...filter, labels }, { limit, offset, sort: by, descending }),
  );
  return { ...page, limit, offset };
}
