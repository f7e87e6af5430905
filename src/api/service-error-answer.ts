import type { ServiceError, ServiceErrorCode } from '../lib/errors.ts';
import { RateLimitedError } from './rate-limited-error.ts';

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

const RETRY_AFTER_SECONDS = '5';

/** The HTTP status of a failure, the same on every face. */
export function statusOfError({ code }: ServiceError): number {
  return STATUS[code];
}

/** What the headers of the answer say about a failure. */
export function headersOfError(error: ServiceError): Record<string, string> {
  if (error instanceof RateLimitedError) return { 'Retry-After': String(error.retryAfterSeconds) };
  if (error.code === 'unauthorized') return { 'WWW-Authenticate': 'Bearer realm="nself-slo-tracker"' };
  if (error.code === 'unavailable' || error.code === 'rate_limited')
    return { 'Retry-After': RETRY_AFTER_SECONDS };
  return {};
}
