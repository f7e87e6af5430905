import type { FlattenedJWSInput, JWTHeaderParameters, JWTPayload, JWTVerifyOptions } from 'jose';
import { createRemoteJWKSet, customFetch, errors, jwtVerify } from 'jose';
import type { Config } from '../../config.ts';
import { MINUTE_MS, SECOND_MS } from '../../lib/duration.ts';
import { ServiceError } from '../../lib/errors.ts';

type JwtKey = NonNullable<Config['jwt']>['key'];

/** Verifies signature and registered claims. Throws jose's errors, or a ServiceError `unavailable`. */
export type VerifySignature = (token: string, options: JWTVerifyOptions) => Promise<JWTPayload>;

const FAMILIES = {
  HS: ['HS256', 'HS384', 'HS512'],
  RS: ['RS256', 'RS384', 'RS512'],
  ES256: ['ES256'],
  ES384: ['ES384'],
  ES512: ['ES512'],
  Ed25519: ['EdDSA', 'Ed25519'],
} as const;

const KEY_SET_TIMEOUT_MS = 5 * SECOND_MS;
const KEY_SET_MAX_AGE_MS = 10 * MINUTE_MS;
/** A token that names an unknown key makes us look again, but not more often than this. */
const KEY_SET_COOLDOWN_MS = 30 * SECOND_MS;
const KEY_SET_LIMIT = 1024 * 1024;

/** The algorithms of the configured key's family: a token never chooses another one, and never `none`. */
function algorithmsOf(key: JwtKey): readonly string[] {
  switch (key.kind) {
    case 'secret':
      // RFC 7518, 3.2: the key is at least as long as the hash.
      return FAMILIES.HS.filter((name) => Buffer.byteLength(key.secret) * 8 >= Number(name.slice(2)));
    case 'public':
      return familyOf(key.type);
    case 'jwks':
      return key.type === null
        ? [...FAMILIES.RS, ...FAMILIES.ES256, ...FAMILIES.ES384, ...FAMILIES.ES512, ...FAMILIES.Ed25519]
        : familyOf(key.type);
  }
}

function familyOf(type: Exclude<Extract<JwtKey, { kind: 'jwks' }>['type'], null>): readonly string[] {
  switch (type) {
    case 'RS256':
    case 'RS384':
    case 'RS512':
      return FAMILIES.RS;
    case 'ES256':
    case 'ES384':
    case 'ES512':
    case 'Ed25519':
      return FAMILIES[type];
  }
}

export function createSignatureVerifier(key: JwtKey): VerifySignature {
  const algorithms = [...algorithmsOf(key)];
  switch (key.kind) {
    case 'secret': {
      const secret = new TextEncoder().encode(key.secret);
      return async (token, options) => (await jwtVerify(token, secret, { ...options, algorithms })).payload;
    }
    case 'public':
      return async (token, options) =>
        (await jwtVerify(token, key.publicKey, { ...options, algorithms })).payload;
    case 'jwks':
      return keySetVerifier(key.url, algorithms);
  }
}

function keySetVerifier(url: string, algorithms: string[]): VerifySignature {
  const keySet = createRemoteJWKSet(new URL(url), {
    timeoutDuration: KEY_SET_TIMEOUT_MS,
    cacheMaxAge: KEY_SET_MAX_AGE_MS,
    cooldownDuration: KEY_SET_COOLDOWN_MS,
    [customFetch]: fetchBounded,
  });
  const keyFor = async (header: JWTHeaderParameters, token: FlattenedJWSInput) => {
    try {
      return await keySet(header, token);
    } catch (cause) {
      // What the token got wrong is the token's; everything else means that we have no keys.
      const isTokens =
        cause instanceof errors.JWKSNoMatchingKey ||
        cause instanceof errors.JWKSMultipleMatchingKeys ||
        cause instanceof errors.JOSENotSupported;
      if (isTokens) throw cause;
      throw new ServiceError('unavailable', 'The keys that verify JWTs cannot be read; try again.', {
        cause,
      });
    }
  };
  return async (token, options) => {
    try {
      return (await jwtVerify(token, keyFor, { ...options, algorithms })).payload;
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      // Without a key id several keys may fit: any one that verifies will do.
      for await (const key of error) {
        try {
          return (await jwtVerify(token, key, { ...options, algorithms })).payload;
        } catch (failure) {
          if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure;
        }
      }
      throw new errors.JWSSignatureVerificationFailed(undefined, { cause: error });
    }
  };
}

/** A key set is small; whoever answers with more than a mebibyte is not one. */
async function fetchBounded(url: string, options: RequestInit): Promise<Response> {
  const response = await fetch(url, options);
  if (response.status !== 200 || response.body === null) return response;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    if (size > KEY_SET_LIMIT) throw new RangeError('The key set is larger than 1 MiB.');
    chunks.push(chunk);
  }
  return new Response(Buffer.concat(chunks), { status: 200 });
}
