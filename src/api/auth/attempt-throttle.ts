import { createHash } from 'node:crypto';
import { RateLimitedError } from '../rate-limited-error.ts';
import { createTokenBuckets } from '../token-buckets.ts';
import { peerKey } from './peer-address.ts';

/** Bad credentials that one peer may send at once, and a minute. */
export const FAILED_ATTEMPTS = { burst: 20, perMinute: 20 } as const;
const MAX_PEERS = 10_000;
const MAX_KNOWN = 1000;

/** Slows down who guesses credentials. */
export interface AttemptThrottle {
  /**
   * Throws a RateLimitedError while the peer has failed too often. A credential that was good before is
   * let through to be verified again: clients behind one proxy share an address, and a neighbour's guesses
   * must not lock them out.
   */
  admit(peerAddress: string, secret: string, nowMs: number): void;
  failed(peerAddress: string, nowMs: number): void;
  succeeded(secret: string): void;
}

export function createAttemptThrottle(): AttemptThrottle {
  const failures = createTokenBuckets({ ...FAILED_ATTEMPTS, maxKeys: MAX_PEERS });
  const known = new Set<string>();

  return {
    admit(peerAddress, secret, nowMs) {
      const { allowed, retryInMs } = failures.peek(peerKey(peerAddress), nowMs);
      if (allowed || known.has(digestOf(secret))) return;
      throw new RateLimitedError('Too many attempts with bad credentials; wait a little.', retryInMs);
    },
    failed(peerAddress, nowMs) {
      failures.take(peerKey(peerAddress), nowMs);
    },
    succeeded(secret) {
      const digest = digestOf(secret);
      known.delete(digest);
      known.add(digest);
      if (known.size > MAX_KNOWN) {
        const [oldest] = known;
        if (oldest !== undefined) known.delete(oldest);
      }
    },
  };
}

function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64');
}
