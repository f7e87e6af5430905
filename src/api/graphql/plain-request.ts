/** What Yoga runs. */
export interface PlainOperation {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly operationName?: string;
}

/**
 * What the body of a POST asks for, where it is a query or mutation as most are; null for a batch, for members that
 * only some clients know, for anything that is wrong, and where the word `subscription` is in it.
 */
export function plainOperation(body: Uint8Array): PlainOperation | null {
  const params = parsed(body);
  if (!isRecord(params)) return null;
  const { query, variables, operationName, ...more } = params;
  if (typeof query !== 'string' || query.includes('subscription')) return null;
  if (Object.keys(more).length > 0) return null;
  if (!isAbsent(variables) && !isRecord(variables)) return null;
  if (!isAbsent(operationName) && typeof operationName !== 'string') return null;
  return {
    query,
    ...(isAbsent(variables) ? {} : { variables }),
    ...(isAbsent(operationName) ? {} : { operationName }),
  };
}

const JSON_TYPE = 'application/json';
const GRAPHQL_TYPE = 'application/graphql-response+json';

/**
 * The media type of an answer of one piece, by the `Accept` header: the first there that is one of the two; null where
 * the client takes neither. As Yoga finds it, which asks neither for order of preference nor for parameters, but for
 * the charset.
 */
export function answerTypeFor(accept: string | null): string | null {
  if (accept === null || accept === '' || accept === '*/*') return JSON_TYPE;
  for (const range of accept.replaceAll(/\s/g, '').toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';');
    const charset = parameters.find((parameter) => parameter.includes('charset='));
    if (charset !== undefined && charset !== 'charset=utf-8') continue;
    if (isIn(JSON_TYPE, type)) return JSON_TYPE;
    if (isIn(GRAPHQL_TYPE, type)) return GRAPHQL_TYPE;
  }
  return null;
}

function isIn(type: string, range: string): boolean {
  const own = type.split('/');
  const [main, sub] = range.split('/');
  return (main === '*' || main === own[0]) && (sub === '*' || sub === own[1]);
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString());
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const isAbsent = (value: unknown): value is null | undefined => value === null || value === undefined;
