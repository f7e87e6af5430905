import { z } from 'zod';
import { MINUTE_MS, parseDuration } from '../../lib/duration.ts';
import { ServiceError } from '../../lib/errors.ts';
import { parseRfc3339 } from '../../lib/rfc3339.ts';
import { parseOrThrow } from '../../lib/validation.ts';

export type QuerySchema = z.ZodObject<Readonly<Record<string, z.ZodType>>, z.core.$strict>;

const MESSAGE = 'The query is not valid.';

/**
 * The query of a URL by its schema. A parameter may stand there once, but for those whose schema is a list.
 * Throws a ServiceError `invalid` that names the parameter.
 */
export function readQuery<Schema extends QuerySchema>(url: string, schema: Schema): z.output<Schema> {
  const { searchParams } = new URL(url);
  const raw: Record<string, string | string[]> = Object.create(null);
  for (const name of new Set(searchParams.keys())) {
    const values = searchParams.getAll(name);
    const [first = '', ...more] = values;
    if (isRepeatable(schema, name)) raw[name] = values;
    else if (more.length === 0) raw[name] = first;
    else throw invalid(name, 'may be given only once');
    if (values.some((value) => value.includes('\0'))) throw invalid(name, 'must not hold a NUL character');
  }
  return parseOrThrow(schema, raw, MESSAGE);
}

function isRepeatable(schema: QuerySchema, name: string): boolean {
  const parameter = Object.hasOwn(schema.shape, name) ? schema.shape[name] : undefined;
  return parameter instanceof z.ZodOptional && parameter.unwrap() instanceof z.ZodArray;
}

function invalid(path: string, message: string): ServiceError {
  return new ServiceError('invalid', MESSAGE, { details: [{ path, message }] });
}

/** Epoch milliseconds out of an RFC 3339 time. */
export const timeParameter = (description: string) =>
  z
    .string()
    .transform((text, context): number => {
      // An offset's plus that was not escaped arrives as a space.
      const ms = parseRfc3339(text.replace(/ (?=\d\d:\d\d$)/, '+'));
      if (ms !== null) return ms;
      context.addIssue({ code: 'custom', message: 'must be an RFC 3339 time, such as 2026-11-10T00:30:00Z' });
      return z.NEVER;
    })
    .meta({ description, type: 'string', format: 'date-time' })
    .optional();

/** A whole number, out of digits alone, within the bounds of `schema` and described as there. */
export function integerParameter(schema: z.ZodOptional<z.ZodType<number>>) {
  return z
    .preprocess(
      (text) => (typeof text === 'string' && DIGITS.test(text) ? Number(text) : text),
      schema.unwrap(),
    )
    .optional()
    .meta({ ...schema.meta() });
}

const DIGITS = /^-?\d{1,9}$/;

/** Milliseconds out of a duration of whole minutes. */
export const stepParameter = z
  .string()
  .transform((text, context): number => {
    const ms = parseDuration(text);
    if (ms !== null && ms % MINUTE_MS === 0) return ms;
    context.addIssue({ code: 'custom', message: 'must be a duration of whole minutes, such as 5m or 1h' });
    return z.NEVER;
  })
  .meta({
    description: 'Only the last snapshot in each step; a duration of whole minutes.',
    type: 'string',
    example: '1h',
  })
  .optional();

export const flagParameter = (description: string) =>
  z
    .enum(['1', 'true', '0', 'false'])
    .transform((text) => text === '1' || text === 'true')
    .meta({ description, type: 'string', enum: ['1', '0'] })
    .optional();

export const textParameter = (description: string) => z.string().max(200).meta({ description }).optional();
