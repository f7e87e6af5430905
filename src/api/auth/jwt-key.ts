import type { FlattenedJWSInput, JWTHeaderParameters, JWTPayload, JWTVerifyOptions } from 'jose';
import { errors, jwtVerify } from 'jose';
import type { Config } from '../../config.ts';
import type { Clock } from '../../lib/clock.ts';
import { createKeySet, type KeySet } from './key-set.ts';

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

export function createSignatureVerifier(key: JwtKey, clock: Clock): VerifySignature {
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
      return keySetVerifier(createKeySet(key.url, clock), algorithms);
  }
}

function keySetVerifier(keySet: KeySet, algorithms: string[]): VerifySignature {
  const keyFor = async (header: JWTHeaderParameters, token: FlattenedJWSInput) => {
    const keys = await keySet.current();
    try {
      return await keys(header, token);
    } catch (error) {
      const newer = error instanceof errors.JWKSNoMatchingKey ? await keySet.newerThan(keys) : null;
      if (newer === null) throw error;
      return newer(header, token);
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
          // What is wrong with the token is final; a key that is of no use is passed over.
          const isTokens =
            failure instanceof errors.JOSEError &&
            !(failure instanceof errors.JWSSignatureVerificationFailed);
          if (isTokens) throw failure;
        }
      }
      throw new errors.JWSSignatureVerificationFailed(undefined, { cause: error });
    }
  };
}
