import type { z } from 'zod';
import type { ErrorDetail } from './errors.ts';
import { ServiceError } from './errors.ts';

/** A hostile body can hold a million faults; nobody reads more than this many. */
const MAX_DETAILS = 100;
const MAX_KEY_LENGTH = 64;

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly details: readonly ErrorDetail[] };

/**
 * Parses an input, or throws `ServiceError('invalid', message)` with one detail per fault, its path written
 * as `objectives[0].target`. An own key `__proto__` is refused wherever it stands.
 */
export function parseOrThrow<S extends z.ZodType>(schema: S, input: unknown, message: string): z.output<S> {
  const checked = check(schema, input);
  if (!checked.ok) throw new ServiceError('invalid', message, { details: checked.details });
  return checked.value;
}

/** As `parseOrThrow`, for callers that add faults of their own. */
export function check<S extends z.ZodType>(schema: S, input: unknown): Checked<z.output<S>> {
  const result = schema.safeParse(input, { error: sentenceOf });
  const details = protoKeys(input);
  if (!result.success) details.push(...result.error.issues.flatMap(detailsOf));
  return result.success && details.length === 0
    ? { ok: true, value: result.data }
    : { ok: false, details: distinctDetails(details) };
}

/** The details without repetitions, and not more than a reader can use. */
export function distinctDetails(details: readonly ErrorDetail[]): ErrorDetail[] {
  const byText = new Map(details.map((detail) => [`${detail.path}\n${detail.message}`, detail]));
  return [...byText.values()].slice(0, MAX_DETAILS);
}

/** `['objectives', 0, 'target']` as `objectives[0].target`; `''` for the whole input. */
export function renderPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else {
      const key = String(step);
      const shown = key.length > MAX_KEY_LENGTH ? `${key.slice(0, MAX_KEY_LENGTH)}...` : key;
      text += text === '' ? shown : `.${shown}`;
    }
  }
  return text;
}

function detailsOf(issue: z.core.$ZodIssue): ErrorDetail[] {
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys
        .slice(0, MAX_DETAILS)
        .map((key) => ({ path: renderPath([...issue.path, key]), message: UNKNOWN_FIELD }));
    case 'invalid_key':
      return [
        { path: renderPath(issue.path), message: `the name ${issue.issues[0]?.message ?? 'is not valid'}` },
      ];
    case 'invalid_union': {
      // Of a text or a list, the list was meant where only what is in it is wrong.
      const meant = issue.errors.find((branch) => branch.every(({ path }) => path.length > 0)) ?? [];
      return meant.length === 0
        ? [faultOf(issue)]
        : meant.flatMap((fault) => detailsOf({ ...fault, path: [...issue.path, ...fault.path] }));
    }
    default:
      return [faultOf(issue)];
  }
}

const faultOf = ({ path, message }: z.core.$ZodIssue): ErrorDetail => ({ path: renderPath(path), message });

const UNKNOWN_FIELD = 'is not a known field';

const TYPES: Readonly<Record<string, string>> = {
  string: 'must be a string',
  number: 'must be a number',
  int: 'must be a whole number',
  boolean: 'must be true or false',
  object: 'must be an object',
  record: 'must be an object',
  array: 'must be a list',
};

/** The sentence for a fault for which the schema brings none of its own. */
function sentenceOf(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is required';
      if (typeof issue.input === 'number' && !Number.isFinite(issue.input)) return 'must be a finite number';
      return TYPES[issue.expected] ?? `must be of type ${issue.expected}`;
    case 'invalid_value':
      if (issue.input === undefined) return 'is required';
      return oneOf(issue.values);
    case 'invalid_union':
      if (!Array.isArray(issue.options) || typeof issue.discriminator !== 'string') return 'is not valid';
      return isMissing(issue.input, issue.discriminator) ? 'is required' : oneOf(issue.options);
    case 'too_small':
      return bound(issue.origin, issue.minimum, issue.inclusive === false ? 'above' : 'at least');
    case 'too_big':
      return bound(issue.origin, issue.maximum, issue.inclusive === false ? 'below' : 'at most');
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'unrecognized_keys':
      return UNKNOWN_FIELD;
    case 'invalid_format':
      return 'has the wrong format';
    default:
      return 'is not valid';
  }
}

function isMissing(input: unknown, key: string): boolean {
  return typeof input === 'object' && input !== null && !Object.hasOwn(input, key);
}

function oneOf(values: readonly unknown[]): string {
  const shown = values.map((value) => JSON.stringify(value)).join(', ');
  return values.length === 1 ? `must be ${shown}` : `must be one of ${shown}`;
}

function bound(origin: string, limit: number | bigint, relation: string): string {
  switch (origin) {
    case 'string':
      return relation === 'at least' && limit === 1
        ? 'must not be empty'
        : `must have ${relation} ${limit} characters`;
    case 'array':
    case 'set':
    case 'map':
      return `must have ${relation} ${limit} ${limit === 1 ? 'item' : 'items'}`;
    default:
      return `must be ${relation} ${limit}`;
  }
}

/**
 * Own keys `__proto__`, which JSON.parse makes and which copying an object would turn into its prototype.
 * Schemas of free-form records drop them without a word.
 */
function protoKeys(input: unknown): ErrorDetail[] {
  const found: ErrorDetail[] = [];
  const open: { readonly value: unknown; readonly path: readonly PropertyKey[] }[] = [
    { value: input, path: [] },
  ];
  for (let next = open.pop(); next !== undefined && found.length < MAX_DETAILS; next = open.pop()) {
    const { value, path } = next;
    if (typeof value !== 'object' || value === null) continue;
    if (Object.hasOwn(value, '__proto__')) {
      found.push({ path: renderPath([...path, '__proto__']), message: UNKNOWN_FIELD });
    }
    // No input that a schema accepts is nested deeper; what is, it refuses by itself.
    if (path.length >= 16) continue;
    for (const [key, child] of Object.entries(value)) {
      if (typeof child === 'object' && child !== null) {
        open.push({ value: child, path: [...path, Array.isArray(value) ? Number(key) : key] });
      }
    }
  }
  return found;
}
