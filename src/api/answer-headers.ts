import { randomUUID } from 'node:crypto';
import { addLimitHeaders } from './account-limit.ts';
import type { Allowance } from './token-buckets.ts';

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** The id that the client gave its request, where it is one; else a new one. */
export function requestIdOf(request: Request): string {
  const given = request.headers.get('x-request-id') ?? '';
  return REQUEST_ID.test(given) ? given : randomUUID();
}

/** What every answer says beside its content. `allowance` is null where nobody was counted. */
export function addAnswerHeaders(
  headers: Headers,
  requestId: string,
  allowance: Allowance | null,
  nowMs: number,
): void {
  headers.set('X-Request-Id', requestId);
  headers.set('X-Content-Type-Options', 'nosniff');
  headers.set('Cache-Control', 'no-store');
  if (allowance !== null) addLimitHeaders(headers, allowance, nowMs);
}
