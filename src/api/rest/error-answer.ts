import type { Logger } from 'pino';
import type { ErrorDetail, ServiceErrorCode } from '../../lib/errors.ts';
import { ServiceError } from '../../lib/errors.ts';
import { RateLimitedError } from '../rate-limited-error.ts';

const STATUS: Readonly<Record<ServiceErrorCode, number>> = {
  malformed: 400,
  unauthorized: 401,
  forbidden: 403,
  license_stale: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  unsupported_media_type: 415,
  invalid: 422,
  rate_limited: 429,
  unavailable: 503,
};

export const WWW_AUTHENTICATE = 'Bearer realm="nself-slo-tracker"';

/** What every error answers, in this order of keys. */
export interface ErrorBody {
  readonly error: string;
  readonly code: string;
  readonly details: readonly ErrorDetail[];
}

export function errorResponse(
  status: number,
  { error, code, details }: ErrorBody,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json({ error, code, details }, { status, headers });
}

export interface FailureContext {
  readonly requestId: string;
  readonly logger: Logger;
  /** True once the client is gone: what fails then is its doing. */
  readonly aborted: boolean;
}

/** The one place that turns what was thrown into an answer. What is not a ServiceError stays in the log. */
export function answerFailure(failure: unknown, { requestId, logger, aborted }: FailureContext): Response {
  if (failure instanceof ServiceError) {
    if (failure.code === 'unavailable') logger.warn({ err: failure, requestId }, 'not available');
    return errorResponse(
      STATUS[failure.code],
      { error: failure.message, code: failure.code, details: failure.details },
      headersOf(failure),
    );
  }
  if (aborted) {
    return errorResponse(400, { error: 'The request was cut off.', code: 'malformed', details: [] });
  }
  logger.error({ err: failure, requestId }, 'request failed');
  return errorResponse(500, {
    error: `Something went wrong on our side. The request's id is ${requestId}.`,
    code: 'internal',
    details: [],
  });
}

function headersOf(failure: ServiceError): Record<string, string> {
  if (failure instanceof RateLimitedError) return { 'Retry-After': String(failure.retryAfterSeconds) };
  switch (failure.code) {
    case 'unauthorized':
      return { 'WWW-Authenticate': WWW_AUTHENTICATE };
    case 'unavailable':
      return { 'Retry-After': '5' };
    case 'rate_limited':
    case 'malformed':
    case 'forbidden':
    case 'license_stale':
    case 'not_found':
    case 'conflict':
    case 'too_large':
    case 'unsupported_media_type':
    case 'invalid':
      return {};
  }
}
