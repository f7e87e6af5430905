import { ServiceError } from '../../lib/errors.ts';
import { readBody } from '../read-body.ts';
import { locateJsonFault } from './locate-json-fault.ts';

const MIB = 1024 * 1024;

/** The most that a definition may weigh, in bytes. */
export const DEFINITION_LIMIT = MIB;
/** The most that a batch of measurements may weigh, in bytes: 10,000 points take about 1 MiB. */
export const MEASUREMENTS_LIMIT = 16 * MIB;
const MAX_DEPTH = 64;

export interface JsonBodyOptions {
  /** In bytes. */
  readonly limit: number;
  readonly mediaTypes: readonly string[];
}

/**
 * The body's JSON, not yet checked against any schema. Throws a ServiceError `unsupported_media_type`,
 * `too_large` or `malformed`.
 */
export async function readJsonBody(
  request: Request,
  { limit, mediaTypes }: JsonBodyOptions,
): Promise<unknown> {
  assertMediaType(request, mediaTypes);
  const text = decode(await readBody(request, { limit }));
  if (text.trim() === '') throw new ServiceError('malformed', 'The body is empty; send a JSON object.');
  assertDepth(text);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const { line, column, atEnd } = locateJsonFault(text);
    throw new ServiceError(
      'malformed',
      atEnd
        ? `The body is not valid JSON: it ends too early, at line ${line}, column ${column}.`
        : `The body is not valid JSON: see line ${line}, column ${column}.`,
      { cause },
    );
  }
}

/** Refuses a body of another type, in another character set than UTF-8, or compressed. */
export function assertMediaType(request: Request, accepted: readonly string[]): void {
  const [type = '', ...parameters] = (request.headers.get('content-type') ?? '').split(';');
  if (!accepted.includes(type.trim().toLowerCase())) {
    throw new ServiceError('unsupported_media_type', `Send Content-Type: ${accepted.join(' or ')}.`);
  }
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=');
    if (name.trim().toLowerCase() !== 'charset') continue;
    if (!/^"?utf-?8"?$/i.test(value.trim())) {
      throw new ServiceError('unsupported_media_type', 'The body must be in UTF-8.');
    }
  }
  const encoding = request.headers.get('content-encoding');
  if (encoding !== null && encoding.toLowerCase() !== 'identity') {
    throw new ServiceError('unsupported_media_type', 'The body must not be compressed.');
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ServiceError('malformed', 'The body is not valid UTF-8.', { cause });
  }
}

/** Counts brackets outside strings, before anything that recurses sees the value. */
function assertDepth(text: string): void {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charCodeAt(at);
    if (inString) {
      if (character === BACKSLASH) at += 1;
      else if (character === QUOTE) inString = false;
    } else if (character === QUOTE) inString = true;
    else if (character === OPEN_BRACKET || character === OPEN_BRACE) {
      depth += 1;
      if (depth > MAX_DEPTH) {
        throw new ServiceError('malformed', `The body is nested deeper than ${MAX_DEPTH} levels.`);
      }
    } else if (character === CLOSE_BRACKET || character === CLOSE_BRACE) depth -= 1;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
