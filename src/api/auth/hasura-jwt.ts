import { errors, type JWTPayload } from 'jose';
import type { Config } from '../../config.ts';
import type { Clock } from '../../lib/clock.ts';
import { ServiceError } from '../../lib/errors.ts';
import { accountOf } from './account-of.ts';
import type { Identity, VerifyCredential } from './credential.ts';
import { credentialHeader } from './credential-headers.ts';
import { InvalidJwtError } from './invalid-jwt-error.ts';
import { createClaimsReader, type SessionClaims } from './jwt-claims.ts';
import { createSignatureVerifier } from './jwt-key.ts';

const MAX_TOKEN_LENGTH = 16 * 1024;

/**
 * A JWT of the stack's identity provider, by the rules of Hasura's configuration and never looser than they:
 * a configured audience and issuer must be in the token. The account is a claim; no header changes it.
 */
export function createHasuraJwt(jwt: NonNullable<Config['jwt']>, clock: Clock): VerifyCredential {
  const verifySignature = createSignatureVerifier(jwt.key, clock);
  const readClaims = createClaimsReader(jwt);
  const checks = {
    clockTolerance: jwt.allowedSkewSeconds,
    ...(jwt.audience === null ? {} : { audience: [...jwt.audience] }),
    ...(jwt.issuer === null ? {} : { issuer: jwt.issuer }),
  };

  async function verified(token: string, nowMs: number): Promise<JWTPayload> {
    if (token.length > MAX_TOKEN_LENGTH) throw new InvalidJwtError('JWSError');
    try {
      return await verifySignature(token, { ...checks, currentDate: new Date(nowMs) });
    } catch (error) {
      if (error instanceof ServiceError) throw error;
      throw new InvalidJwtError(hasuraWord(error), error);
    }
  }

  return async ({ secret: token }, request) => {
    const nowMs = clock.now();
    const payload = await verified(token, nowMs);
    if (payload.iat !== undefined && payload.iat * 1000 > nowMs + jwt.allowedSkewSeconds * 1000) {
      throw new InvalidJwtError('JWTIssuedAtFuture');
    }
    const claims = readClaims(payload);
    if (typeof claims === 'string') {
      throw new ServiceError('unauthorized', `The JWT is genuine but ${claims}.`);
    }
    return {
      ...identityOf(claims, credentialHeader(request, 'x-hasura-role')),
      ...(payload.exp === undefined ? {} : { expiresAtMs: endOf(payload.exp + jwt.allowedSkewSeconds) }),
    };
  };
}

/** The last instant that a Date can hold. */
const LAST_MS = 8.64e15;

function endOf(seconds: number): number {
  return Math.min(seconds * 1000, LAST_MS);
}

function identityOf(claims: SessionClaims, askedRole: string | null): Identity {
  const role = askedRole ?? claims.defaultRole;
  if (!claims.allowedRoles.includes(role)) {
    throw new ServiceError('forbidden', 'The role is not among the allowed roles of the JWT.');
  }
  const account = claims.variables.get('x-hasura-source-account-id');
  if (account === undefined) {
    throw new ServiceError(
      'forbidden',
      'The JWT names no account: the claim x-hasura-source-account-id is missing.',
    );
  }
  const userId = claims.variables.get('x-hasura-user-id');
  return { accountId: accountOf(account), role, ...(userId === undefined ? {} : { userId }) };
}

/** What clients look for. */
function hasuraWord(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'JWTExpired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    switch (error.claim) {
      case 'aud':
        return 'JWTNotInAudience';
      case 'iss':
        return 'JWTNotInIssuer';
      case 'nbf':
        return 'JWTNotYetValid';
      default:
        return 'JWTClaimsSetDecodeError';
    }
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'JWSError JWSInvalidSignature';
  return 'JWSError';
}
