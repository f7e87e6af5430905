import type { ServiceError, ServiceErrorCode } from '../../lib/errors.ts';
import { InvalidJwtError } from '../auth/invalid-jwt-error.ts';
import { RateLimitedError } from '../rate-limited-error.ts';

interface WholeError {
  readonly status: number;
  readonly message: string;
  readonly extensions: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The answer to a request that did not get as far as a document: an error and no data. */
export function errorResponse({ status, message, extensions, headers = {} }: WholeError): Response {
  return Response.json({ errors: [{ message, extensions }] }, { status, headers });
}

/** Why nobody was found behind a request's credentials. A faulty JWT is reported the way Hasura does. */
export function refusal(error: ServiceError): Response {
  const { code, message } = error;
  return errorResponse({
    status: statusOf(code),
    message,
    extensions:
      error instanceof InvalidJwtError ? { path: '$', code: 'invalid-jwt' } : { code: code.toUpperCase() },
    headers: headersOf(error),
  });
}

function statusOf(code: ServiceErrorCode): number {
  switch (code) {
    case 'malformed':
      return 400;
    case 'unauthorized':
      return 401;
    case 'forbidden':
    case 'license_stale':
      return 403;
    case 'not_found':
      return 404;
    case 'conflict':
      return 409;
    case 'too_large':
      return 413;
    case 'unsupported_media_type':
      return 415;
    case 'invalid':
      return 422;
    case 'rate_limited':
      return 429;
    case 'unavailable':
      return 503;
  }
}

function headersOf(error: ServiceError): Record<string, string> {
  if (error instanceof RateLimitedError) return { 'retry-after': String(error.retryAfterSeconds) };
  return error.code === 'unauthorized' ? { 'www-authenticate': 'Bearer realm="nself-slo-tracker"' } : {};
}
