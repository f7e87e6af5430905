import { PromqlError } from '../../promql/promql-error.ts';

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
  const { searchParams } = new URL(request.url);
  const [type = ''] = (request.headers.get('content-type') ?? '').split(';');
  const isForm = request.method === 'POST' && type.trim().toLowerCase() === FORM;
  const form = isForm ? new URLSearchParams(await readText(request)) : new URLSearchParams();
  return {
    get: (name) => form.get(name) ?? searchParams.get(name) ?? '',
    all: (name) => [...form.getAll(name), ...searchParams.getAll(name)],
  };
}

async function readText(request: Request): Promise<string> {
  if (request.body === null) return '';
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await readOrFail(reader);
    if (done) break;
    size += value.byteLength;
    if (size > MAX_BODY_BYTES) {
      // What else the client sends is dropped unread; nothing waits for that.
      reader.cancel().catch(() => undefined);
      throw new PromqlError('bad_data', 'error parsing form values: http: request body too large');
    }
    chunks.push(value);
  }
  return new TextDecoder().decode(Buffer.concat(chunks, size));
}

async function readOrFail(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<ReadableStreamReadResult<Uint8Array>> {
  try {
    return await reader.read();
  } catch (cause) {
    throw new PromqlError('bad_data', 'error parsing form values: unexpected EOF', { cause });
  }
}
