import type { Clock } from '../lib/clock.ts';
import { RateLimitedError } from './rate-limited-error.ts';
import { type Allowance, createTokenBuckets } from './token-buckets.ts';

/** Requests of one account: so many at once, and so many a minute in the long run. */
export const ACCOUNT_LIMIT = { burst: 6000, perMinute: 6000 } as const;
const MAX_ACCOUNTS = 10_000;

/** Counts a request of the account; what it answers goes into the headers of the answer. */
export type AccountLimit = (accountId: string) => Allowance;

export function createAccountLimit(clock: Clock): AccountLimit {
  const buckets = createTokenBuckets({ ...ACCOUNT_LIMIT, maxKeys: MAX_ACCOUNTS });
  return (accountId) => buckets.take(accountId, clock.now());
}

export function assertAllowed({ allowed, retryInMs }: Allowance): void {
  if (!allowed) throw new RateLimitedError('Too many requests of this account; wait a little.', retryInMs);
}

/** Reset is when the whole limit can be used again, in epoch seconds. */
export function addLimitHeaders(headers: Headers, allowance: Allowance, nowMs: number): void {
  headers.set('X-RateLimit-Limit', String(allowance.limit));
  headers.set('X-RateLimit-Remaining', String(allowance.remaining));
  headers.set('X-RateLimit-Reset', String(Math.ceil((nowMs + allowance.fullInMs) / 1000)));
}
