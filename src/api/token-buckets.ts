/** What a bucket says to one request. */
export interface Allowance {
  readonly allowed: boolean;
  /** The most that can be taken at once. */
  readonly limit: number;
  /** Whole tokens left. */
  readonly remaining: number;
  /** Until the bucket is full again, in milliseconds. */
  readonly fullInMs: number;
  /** Until the next token, in milliseconds; 0 when allowed. */
  readonly retryInMs: number;
}

export interface TokenBuckets {
  /** Takes a token where there is one. */
  take(key: string, nowMs: number): Allowance;
  /** What `take` would say, without taking. */
  peek(key: string, nowMs: number): Allowance;
}

export interface TokenBucketOptions {
  readonly burst: number;
  readonly perMinute: number;
  /** The least recently used key is forgotten past this, so that strangers cannot fill the memory. */
  readonly maxKeys: number;
}

interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

/** One token bucket per key, in bounded memory. A key that was never seen has a full bucket. */
export function createTokenBuckets({ burst, perMinute, maxKeys }: TokenBucketOptions): TokenBuckets {
  const perMs = perMinute / 60_000;
  // A Map keeps the order of insertion, and a key that is used is inserted anew: the first is the oldest.
  const buckets = new Map<string, Bucket>();

  function tokensAt(key: string, nowMs: number): number {
    const bucket = buckets.get(key);
    if (bucket === undefined) return burst;
    return Math.min(burst, bucket.tokens + Math.max(0, nowMs - bucket.atMs) * perMs);
  }

  function allowance(allowed: boolean, left: number): Allowance {
    return {
      allowed,
      limit: burst,
      remaining: Math.floor(left),
      fullInMs: Math.ceil((burst - left) / perMs),
      retryInMs: allowed ? 0 : Math.ceil((1 - left) / perMs),
    };
  }

  return {
    take(key, nowMs) {
      const tokens = tokensAt(key, nowMs);
      const allowed = tokens >= 1;
      const left = allowed ? tokens - 1 : tokens;
      buckets.delete(key);
      buckets.set(key, { tokens: left, atMs: nowMs });
      if (buckets.size > maxKeys) {
        const [oldest] = buckets.keys();
        if (oldest !== undefined) buckets.delete(oldest);
      }
      return allowance(allowed, left);
    },
    peek(key, nowMs) {
      const tokens = tokensAt(key, nowMs);
      return allowance(tokens >= 1, tokens);
    },
  };
}
