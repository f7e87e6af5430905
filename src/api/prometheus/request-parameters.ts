import { ServiceError } from '../../lib/errors.ts';
import { PromqlError } from '../../promql/promql-error.ts';
import { readBody } from '../read-body.ts';

/** What a request says, wherever it says it. */
export interface RequestParameters {
  /** The first of the parameter's values; '' when it is not there. */
  get(name: string): string;
  all(name: string): readonly string[];
}

const MIB = 1024 * 1024;
/** As Go's servers take it. */
const MAX_BODY_BYTES = 10 * MIB;
const FORM = 'application/x-www-form-urlencoded';

/**
 * The form in the body, and behind it the parameters of the URL, which count whatever the body is. A body of any
 * other type is left unread. Throws a PromqlError `bad_data`.
 */
export async function readParameters(request: Request): Promise<RequestParameters> {
  const searchParams = searchOf(request.url);
  const [type = ''] = (request.headers.get('content-type') ?? '').split(';');
  const isForm = request.method === 'POST' && type.trim().toLowerCase() === FORM;
  const form = isForm ? new URLSearchParams(await readText(request)) : new URLSearchParams();
  return {
    get: (name) => form.get(name) ?? searchParams.get(name) ?? '',
    all: (name) => [...form.getAll(name), ...searchParams.getAll(name)],
  };
}

const NO_PARAMETERS = new URLSearchParams();

const searchOf = (url: string): URLSearchParams =>
  url.includes('?') ? new URL(url).searchParams : NO_PARAMETERS;

async function readText(request: Request): Promise<string> {
  try {
    return new TextDecoder().decode(await readBody(request, { limit: MAX_BODY_BYTES }));
  } catch (cause) {
    const code = cause instanceof ServiceError ? cause.code : null;
    const reason = code === 'too_large' ? 'http: request body too large' : 'unexpected EOF';
    throw new PromqlError('bad_data', `error parsing form values: ${reason}`, { cause });
  }
}
