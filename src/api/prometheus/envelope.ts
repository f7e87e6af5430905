import { TextResponse } from '../text-response.ts';

/** What went well, beside the data. */
export interface Remarks {
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
}

/** Prometheus' closed list, and `too_many_requests`, which Prometheus itself has no use for. */
export type ErrorType =
  | 'bad_data'
  | 'execution'
  | 'canceled'
  | 'timeout'
  | 'internal'
  | 'unavailable'
  | 'not_found'
  | 'too_many_requests';

const STATUS: Readonly<Record<ErrorType, number>> = {
  bad_data: 400,
  execution: 422,
  canceled: 499,
  timeout: 503,
  internal: 500,
  unavailable: 503,
  not_found: 404,
  too_many_requests: 429,
};

const JSON_TYPE = { 'Content-Type': 'application/json' } as const;
/** Answers up to so many characters are sent in one go. */
const SHORT = 1024 * 1024;
const MAX_REMARKS = 10;

/** A good answer; `data` is JSON in pieces, which are made as the client reads them. */
export function success(data: Iterable<string>, { warnings = [], infos = [] }: Remarks = {}): Response {
  const remarks = remarksText('warnings', warnings) + remarksText('infos', infos);
  return stream(around('{"status":"success","data":', data, `${remarks}}`));
}

export function failure(errorType: ErrorType, error: string, headers: Record<string, string> = {}): Response {
  return new TextResponse(JSON.stringify({ status: 'error', errorType, error }), {
    status: STATUS[errorType],
    headers: { ...JSON_TYPE, ...headers },
  });
}

function remarksText(name: 'warnings' | 'infos', remarks: readonly string[]): string {
  if (remarks.length === 0) return '';
  const shown = remarks.slice(0, MAX_REMARKS);
  const more = remarks.length - shown.length;
  if (more > 0) shown.push(`${more} more ${name === 'warnings' ? 'warning' : 'info'} annotations omitted`);
  return `,"${name}":${JSON.stringify(shown)}`;
}

function* around(before: string, data: Iterable<string>, after: string): Generator<string, void> {
  yield before;
  yield* data;
  yield after;
}

function stream(pieces: Generator<string, void>): Response {
  let head = '';
  while (head.length < SHORT) {
    const { done, value } = pieces.next();
    if (done === true) return new TextResponse(head, { status: 200, headers: JSON_TYPE });
    head += value;
  }
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => controller.enqueue(encoder.encode(head)),
      pull(controller) {
        const { done, value } = pieces.next();
        if (done === true) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
    },
    { highWaterMark: 1 },
  );
  return new Response(body, { headers: JSON_TYPE });
}
