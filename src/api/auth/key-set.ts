import type { CryptoKey, FlattenedJWSInput, JSONWebKeySet, JWSHeaderParameters } from 'jose';
import { createLocalJWKSet } from 'jose';
import { z } from 'zod';
import type { Clock } from '../../lib/clock.ts';
import { MINUTE_MS, SECOND_MS } from '../../lib/duration.ts';
import { ServiceError } from '../../lib/errors.ts';

/** Finds the key for a token's header. Throws jose's errors. */
export type Keys = (header?: JWSHeaderParameters, token?: FlattenedJWSInput) => Promise<CryptoKey>;

/** The keys behind a `jwk_url`. Both throw a ServiceError `unavailable` while they cannot be read. */
export interface KeySet {
  /** The keys as they were at most a minute ago; up to ten minutes ago while they cannot be read anew. */
  current(): Promise<Keys>;
  /** Newer keys than these, for a token that names none of them; null where there are none yet. */
  newerThan(keys: Keys): Promise<Keys | null>;
}

/** A key that was withdrawn is good no longer than this, while its set can be read. */
const FRESH_MS = MINUTE_MS;
/** An identity provider that is away for a short while locks nobody out. */
const USABLE_MS = 10 * MINUTE_MS;
/** A token that names an unknown key makes us look again, but not more often than this. */
const LOOK_AGAIN_MS = 10 * SECOND_MS;
/** Nobody waits for a set that has just failed. */
const RETRY_MS = 10 * SECOND_MS;
const TIMEOUT_MS = 5 * SECOND_MS;
const MAX_BYTES = 1024 * 1024;
/** Every key that fits a token without a key id is tried. */
const MAX_KEYS = 100;

interface Held {
  readonly keys: Keys;
  readonly readAtMs: number;
}

export function createKeySet(url: string, clock: Clock): KeySet {
  let held: Held | null = null;
  let failure: { readonly cause: unknown; readonly atMs: number } | null = null;
  let reading: Promise<Keys> | null = null;

  async function read(): Promise<Keys> {
    const readAtMs = clock.now();
    try {
      const keys = createLocalJWKSet(await fetchKeySet(url));
      held = { keys, readAtMs };
      failure = null;
      return keys;
    } catch (cause) {
      failure = { cause, atMs: clock.now() };
      throw unavailable(cause);
    } finally {
      reading = null;
    }
  }

  /** Whoever comes while the set is being read waits for the same answer. */
  function readOnce(): Promise<Keys> {
    if (reading === null && failure !== null && clock.now() - failure.atMs < RETRY_MS) {
      return Promise.reject(unavailable(failure.cause));
    }
    reading ??= read();
    return reading;
  }

  return {
    async current() {
      const known = held;
      if (known === null) return readOnce();
      if (clock.now() - known.readAtMs < FRESH_MS) return known.keys;
      try {
        return await readOnce();
      } catch (error) {
        if (clock.now() - known.readAtMs < USABLE_MS) return known.keys;
        throw error;
      }
    },
    async newerThan(keys) {
      if (held !== null && held.keys !== keys) return held.keys;
      if (held !== null && clock.now() - held.readAtMs < LOOK_AGAIN_MS) return null;
      return readOnce();
    },
  };
}

function unavailable(cause: unknown): ServiceError {
  return new ServiceError('unavailable', 'The keys that verify JWTs cannot be read; try again.', { cause });
}

const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(MAX_KEYS) });

/** Reads within bounds of time and size, and follows no redirect: the keys come from the configured place. */
async function fetchKeySet(url: string): Promise<JSONWebKeySet> {
  const response = await fetch(url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel();
    throw new TypeError(`The key set answers with status ${response.status}.`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    if (size > MAX_BYTES) throw new RangeError('The key set is larger than 1 MiB.');
    chunks.push(chunk);
  }
  return keySetSchema.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
}
