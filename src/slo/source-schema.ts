import { z } from 'zod';
import type { FilterValue, Source } from './source.ts';

/** The source of an SLI on the wire. What it says together with the SLI is checked in source-rules.ts. */

const MAX_QUERY = 10_000;
const MAX_FILTERS = 10;
const MAX_FILTER_VALUES = 50;

/** No control characters (a database text cannot hold NUL) and no halves of a surrogate pair. */
const LINE = /^[^\p{Cc}\p{Cs}]*$/u;
const QUERY = /^(?:[^\p{Cc}\p{Cs}]|[\n\r\t])*$/u;

const line = z
  .string()
  .min(1)
  .max(200, { abort: true })
  .regex(LINE, { error: 'must be one line of plain text' });

const querySchema = z
  .string()
  .max(MAX_QUERY, { abort: true })
  .regex(QUERY, { error: 'must be plain text' })
  .refine((text) => text.trim() !== '', { error: 'must not be empty' });

const filterValueSchema = z.union([
  z.string().max(200, { abort: true }).regex(LINE, { error: 'must be one line of plain text' }),
  z.number(),
  z.boolean(),
]);

const filterSchema = z.union([filterValueSchema, z.array(filterValueSchema).min(1).max(MAX_FILTER_VALUES)], {
  error: `must be a text, a number, true or false, or a list of at most ${MAX_FILTER_VALUES} of these`,
});

const whereRule = {
  error: `must have at most ${MAX_FILTERS} columns`,
};
const fewFilters = (where: Readonly<Record<string, unknown>>): boolean =>
  Object.keys(where).length <= MAX_FILTERS;

const whereSchema = z.record(line, filterSchema).refine(fewFilters, whereRule).meta({
  description: 'By column of the mapping: the value of the rows that count, or a list of them.',
});

const sourceName = line.meta({ description: "A name in the operator's configuration." });
const target = line.meta({ description: 'Id or name of a target of the uptime monitor.' });
const flow = line.meta({ description: 'Id or name of a flow of the synthetic monitor.' });
const good = querySchema.meta({ description: 'PromQL: the good events of a minute.' });
const bad = querySchema.meta({ description: 'PromQL: the bad events of a minute, instead of `good`.' });
const total = querySchema.meta({ description: 'PromQL: all events of a minute.' });
const query = querySchema.meta({ description: 'PromQL: the value of a minute; threshold SLIs.' });

export const sourceSchema = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('push') }),
    z.strictObject({ type: z.literal('uptime'), target }),
    z.strictObject({ type: z.literal('synthetic'), flow }),
    z.strictObject({ type: z.literal('table'), source: sourceName, where: whereSchema.nullish() }),
    z.strictObject({
      type: z.literal('prometheus'),
      source: sourceName,
      good: good.nullish(),
      bad: bad.nullish(),
      total: total.nullish(),
      query: query.nullish(),
    }),
  ])
  .meta({ description: 'Where measurements come from; pushed by default.' });

export type SourceInput = z.infer<typeof sourceSchema>;

/** A change of a source; one of another type replaces it. */
export const sourcePatchSchema = z.strictObject({
  type: z.enum(['push', 'uptime', 'synthetic', 'table', 'prometheus']).nullish(),
  target: target.nullish(),
  flow: flow.nullish(),
  source: sourceName.nullish(),
  where: z.record(line, filterSchema.nullable()).refine(fewFilters, whereRule).nullish(),
  good: good.nullish(),
  bad: bad.nullish(),
  total: total.nullish(),
  query: query.nullish(),
});

/** A source as it is read: without the queries that it does not have. */
export const sourceWireSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('push') }),
  z.strictObject({ type: z.literal('uptime'), target }),
  z.strictObject({ type: z.literal('synthetic'), flow }),
  z.strictObject({ type: z.literal('table'), source: sourceName, where: whereSchema }),
  z.strictObject({
    type: z.literal('prometheus'),
    source: sourceName,
    good: good.optional(),
    bad: bad.optional(),
    total: total.optional(),
    query: query.optional(),
  }),
]);

export type SourceWire = z.infer<typeof sourceWireSchema>;

/** Reads a checked source; none is pushed. */
export function sourceOf(input: SourceInput | null | undefined): Source {
  if (input === null || input === undefined) return { type: 'push' };
  switch (input.type) {
    case 'push':
    case 'uptime':
    case 'synthetic':
      return input;
    case 'table':
      return { type: 'table', source: input.source, where: input.where ?? {} };
    case 'prometheus':
      return {
        type: 'prometheus',
        source: input.source,
        good: input.good ?? null,
        bad: input.bad ?? null,
        total: input.total ?? null,
        query: input.query ?? null,
      };
  }
}

/** The source as the API shows it. */
export function sourceToWire(source: Source): SourceWire {
  switch (source.type) {
    case 'push':
      return { type: 'push' };
    case 'uptime':
      return { type: 'uptime', target: source.target };
    case 'synthetic':
      return { type: 'synthetic', flow: source.flow };
    case 'table':
      return { type: 'table', source: source.source, where: filtersToWire(source.where) };
    case 'prometheus': {
      const { good, bad, total, query } = source;
      return {
        type: 'prometheus',
        source: source.source,
        ...(good === null ? {} : { good }),
        ...(bad === null ? {} : { bad }),
        ...(total === null ? {} : { total }),
        ...(query === null ? {} : { query }),
      };
    }
  }
}

function filtersToWire(
  where: Readonly<Record<string, FilterValue | readonly FilterValue[]>>,
): Record<string, FilterValue | FilterValue[]> {
  return Object.fromEntries(
    Object.entries(where).map(([column, value]) => [column, typeof value === 'object' ? [...value] : value]),
  );
}
