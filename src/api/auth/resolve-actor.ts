import type { Config } from '../../config.ts';
import type { Clock } from '../../lib/clock.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { Actor } from '../../services/context.ts';
import { createAttemptThrottle } from './attempt-throttle.ts';
import type { Credential, Identity } from './credential.ts';
import { createHasuraJwt } from './hasura-jwt.ts';
import { createClientAddress } from './peer-address.ts';
import { createPluginBearer, createSecretTest } from './plugin-bearer.ts';
import { presentedCredential } from './presented-credential.ts';
import { isTrustedOrigin } from './request-origin.ts';
import { rightOf } from './roles.ts';

export type AuthConfig = Pick<
  Config,
  'pluginSecret' | 'jwt' | 'writeRoles' | 'corsOrigins' | 'publicUrl' | 'trustedProxies' | 'rateLimit'
>;

/** What of a request is not in the Request. */
export interface RequestSource {
  /** The other end of the connection, as `peerAddressOf` finds it. */
  readonly peerAddress?: string | undefined;
  /**
   * Whether a cookie may hold the JWT, where the JWT configuration names one. It then still counts only in
   * a POST of JSON from an origin that may call us. Default: no.
   */
  readonly allowCookie?: boolean;
}

/**
 * Finds out who asks. Throws a ServiceError: `unauthorized` without or with bad credentials, `forbidden` for
 * a role without any right, `malformed` for two kinds of credentials or an account id that is none,
 * `rate_limited` after repeated failures, `unavailable` while a key set cannot be read.
 */
export type ResolveActor = (request: Request, source?: RequestSource) => Promise<Actor>;

/** The resolver keeps the JWT keys and the count of failed attempts. Throws a StartError for a bad JWT path. */
export function createActorResolver({ config, clock }: { config: AuthConfig; clock: Clock }): ResolveActor {
  const isPluginSecret = createSecretTest(config.pluginSecret);
  const pluginBearer = createPluginBearer(isPluginSecret);
  const hasuraJwt = config.jwt === null ? null : createHasuraJwt(config.jwt, clock);
  const throttle = config.rateLimit ? createAttemptThrottle() : null;
  const clientAddress = createClientAddress(config.trustedProxies);

  async function identityOf(credential: Credential, request: Request): Promise<Identity> {
    switch (credential.kind) {
      case 'plugin-bearer':
        return pluginBearer(credential, request);
      case 'hasura-jwt':
        if (hasuraJwt === null) throw new ServiceError('unauthorized', 'No JWTs are configured here.');
        return hasuraJwt(credential, request);
      case 'gateway':
      case 'access-key':
      case 'unknown':
        throw new ServiceError('unauthorized', 'Credentials of this kind are not taken here.');
    }
  }

  return async (request, { peerAddress, allowCookie = false } = {}) => {
    const credential = presentedCredential(request, {
      jwt: config.jwt,
      isPluginSecret,
      allowCookie: allowCookie && mayUseCookie(request, config),
    });
    if (credential === null) {
      throw new ServiceError('unauthorized', 'Send credentials: Authorization: Bearer <token>.');
    }
    const client = clientAddress(request, peerAddress);
    if (client !== undefined) throttle?.admit(client, credential.secret, clock.now());
    try {
      const identity = await identityOf(credential, request);
      throttle?.succeeded(credential.secret);
      return actorOf(identity, config.writeRoles);
    } catch (error) {
      const isBad = error instanceof ServiceError && error.code === 'unauthorized';
      if (isBad && client !== undefined) throttle?.failed(client, clock.now());
      throw error;
    }
  };
}

function actorOf(identity: Identity, writeRoles: readonly string[]): Actor {
  const right = rightOf(identity.role, writeRoles);
  if (right === 'none') throw new ServiceError('forbidden', 'This role has no rights here.');
  return { ...identity, canWrite: right === 'write' };
}

/** Browsers send cookies by themselves: only what a page of a trusted origin deliberately sent counts. */
function mayUseCookie(request: Request, config: AuthConfig): boolean {
  const [mediaType = ''] = (request.headers.get('content-type') ?? '').split(';');
  return (
    request.method === 'POST' &&
    mediaType.trim().toLowerCase() === 'application/json' &&
    isTrustedOrigin(request, config)
  );
}
