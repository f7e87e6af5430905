import type { JWTPayload } from 'jose';
import { SignJWT } from 'jose';
import {
  type AuthConfig,
  createActorResolver,
  type ResolveActor,
} from '../../../src/api/auth/resolve-actor.ts';
import { parseJwtSecret } from '../../../src/config-jwt.ts';
import { ServiceError } from '../../../src/lib/errors.ts';
import type { Actor } from '../../../src/services/context.ts';
import { authConfig, PLUGIN_SECRET } from '../../support/auth-config.ts';
import { fakeClock } from '../../support/fake-clock.ts';

export const NOW = '2026-03-10T12:00:00Z';
export const NOW_SECONDS = Date.parse(NOW) / 1000;
export const SECRET = PLUGIN_SECRET;
export const HS_KEY = 'k'.repeat(64);
export const NAMESPACE = 'https://hasura.io/jwt/claims';

/** The claims of an ordinary user of the account `acme`. */
export const CLAIMS = {
  'x-hasura-allowed-roles': ['user', 'admin'],
  'x-hasura-default-role': 'user',
  'x-hasura-source-account-id': 'acme',
  'x-hasura-user-id': 'u-1',
};

/** HASURA_GRAPHQL_JWT_SECRET as the operator writes it. */
export function jwtConfig(secret: Record<string, unknown>): AuthConfig['jwt'] {
  const parsed = parseJwtSecret(JSON.stringify(secret));
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}

export function resolverOf(changes: Partial<AuthConfig> = {}): ResolveActor {
  return createActorResolver({ config: authConfig(changes), clock: fakeClock(NOW) });
}

/** A resolver that takes JWTs as the operator's JSON says, HS256 under HS_KEY unless it says otherwise. */
export function jwtResolver(secret: Record<string, unknown> = {}): ResolveActor {
  const key = 'key' in secret || 'jwk_url' in secret ? {} : { type: 'HS256', key: HS_KEY };
  return resolverOf({ jwt: jwtConfig({ ...key, ...secret }) });
}

export function requestWith(headers: Record<string, string>, init: RequestInit = {}): Request {
  return new Request('http://localhost/api/v1/slos', { headers, ...init });
}

export function bearer(token: string, headers: Record<string, string> = {}): Request {
  return requestWith({ authorization: `Bearer ${token}`, ...headers });
}

export function basic(username: string, password: string, headers: Record<string, string> = {}): Request {
  return requestWith({ authorization: `Basic ${btoa(`${username}:${password}`)}`, ...headers });
}

/** A request of Hasura's, with its secret and the session variables. */
export function gateway(variables: Record<string, string>, headers: Record<string, string> = {}): Request {
  return requestWith({ 'x-plugin-secret': SECRET, ...variables, ...headers });
}

/** Signed as the operator's identity provider would. */
export function hsToken(payload: JWTPayload, { alg = 'HS256', key = HS_KEY } = {}): Promise<string> {
  return new SignJWT(payload).setProtectedHeader({ alg }).sign(new TextEncoder().encode(key));
}

export const claimsToken = (claims: Record<string, unknown> = {}, payload: JWTPayload = {}) =>
  hsToken({ [NAMESPACE]: { ...CLAIMS, ...claims }, ...payload });

/** The actor, or the code and message of what was thrown instead. */
export async function outcome(actor: Promise<Actor>): Promise<Actor | { code: string; message: string }> {
  try {
    return await actor;
  } catch (error) {
    if (error instanceof ServiceError) return { code: error.code, message: error.message };
    throw error;
  }
}
