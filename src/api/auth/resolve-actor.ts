import type { Config } from '../../config.ts';
import type { Clock } from '../../lib/clock.ts';
import { ServiceError } from '../../lib/errors.ts';
import { createAccessKeys } from '../../services/access-keys.ts';
import { rightOf } from '../../services/roles.ts';
import { createAttemptThrottle } from './attempt-throttle.ts';
import { verifyAccessKey } from './basic-access-key.ts';
import type { AuthenticatedActor, Credential, CredentialKind, Identity } from './credential.ts';
import { assertGateway, looksAtSchema, verifyGateway } from './gateway.ts';
import { createHasuraJwt } from './hasura-jwt.ts';
import { createClientAddress } from './peer-address.ts';
import { verifyPluginBearer } from './plugin-bearer.ts';
import { type Presented, presentedCredential } from './presented-credential.ts';
import { assertMayUpgrade } from './request-origin.ts';
import { cookieCounts, type RequestPlace } from './request-place.ts';

export type AuthConfig = Pick<
  Config,
  | 'pluginSecret'
  | 'accessKeySecret'
  | 'accessKeyEpoch'
  | 'accessKeyRevoked'
  | 'jwt'
  | 'writeRoles'
  | 'edgeBearerAnyAccount'
  | 'corsOrigins'
  | 'publicUrl'
  | 'trustedProxies'
  | 'rateLimit'
>;

/** What of a request is not in the Request. */
export interface RequestSource {
  /** The other end of the connection, as `peerAddressOf` finds it. */
  readonly peerAddress?: string | undefined;
  /** `direct` when left out. */
  readonly place?: RequestPlace;
  /** Lets Hasura read the schema for no account; the caller then heeds `schemaOnly`. Default: no. */
  readonly allowSchemaOnly?: boolean;
}

/**
 * Finds out who asks. Throws a ServiceError: `unauthorized` without or with bad credentials, `forbidden` for
 * a role without any right or an upgrade for a foreign page, `malformed` for two kinds of credentials or an account id that is none,
 * `rate_limited` after repeated failures, `unavailable` while a key set cannot be read.
 */
export type ResolveActor = (request: Request, source?: RequestSource) => Promise<AuthenticatedActor>;

/** The resolver keeps the JWT keys and the count of failed attempts. Throws a StartError for a bad JWT path. */
export function createActorResolver({ config, clock }: { config: AuthConfig; clock: Clock }): ResolveActor {
  const { pluginSecret } = config;
  const accessKeys = createAccessKeys(config);
  const hasuraJwt = config.jwt === null ? null : createHasuraJwt(config.jwt, clock);
  const throttle = config.rateLimit ? createAttemptThrottle() : null;
  const clientAddress = createClientAddress(config.trustedProxies);

  async function jwtIdentity(credential: Credential, request: Request): Promise<Identity> {
    if (hasuraJwt === null) throw new ServiceError('unauthorized', 'No JWTs are configured here.');
    return hasuraJwt(credential, request);
  }

  async function actorFor(
    { credential, forwardedJwt }: Presented,
    request: Request,
    { place, allowSchemaOnly }: Required<Omit<RequestSource, 'peerAddress'>>,
  ): Promise<AuthenticatedActor> {
    const actor = (via: CredentialKind, identity: Identity) => actorOf(identity, via, config.writeRoles);
    switch (credential.kind) {
      case 'plugin-bearer': {
        const anyAccount = place !== 'edge' || config.edgeBearerAnyAccount;
        return actor('plugin-bearer', verifyPluginBearer(credential, request, { pluginSecret, anyAccount }));
      }
      case 'hasura-jwt':
        return actor('hasura-jwt', await jwtIdentity(credential, request));
      case 'access-key':
        return actor('access-key', verifyAccessKey(credential, accessKeys));
      case 'gateway': {
        if (allowSchemaOnly && forwardedJwt === null && looksAtSchema(request)) {
          assertGateway(credential, pluginSecret);
          return SCHEMA_READER;
        }
        const forwardedIdentity = forwardedJwt && (() => jwtIdentity(forwardedJwt, request));
        return actor(
          'gateway',
          await verifyGateway(credential, request, { pluginSecret, forwardedIdentity }),
        );
      }
      case 'unknown':
        throw new ServiceError('unauthorized', 'Credentials of this kind are not taken here.');
    }
  }

  return async (request, { peerAddress, place = 'direct', allowSchemaOnly = false } = {}) => {
    if (place === 'upgrade') assertMayUpgrade(request, config);
    const presented = presentedCredential(request, {
      jwt: config.jwt,
      pluginSecret,
      allowCookie: cookieCounts(request, place, config),
      allowGateway: place !== 'edge',
    });
    if (presented === null) {
      throw new ServiceError('unauthorized', 'Send credentials: Authorization: Bearer <token>.');
    }
    const client = clientAddress(request, peerAddress);
    const secret = [presented.credential.secret, presented.forwardedJwt?.secret ?? ''].join('\n');
    if (client !== undefined) throttle?.admit(client, secret, clock.now());
    try {
      const actor = await actorFor(presented, request, { place, allowSchemaOnly });
      throttle?.succeeded(secret);
      return actor;
    } catch (error) {
      const isBad = error instanceof ServiceError && error.code === 'unauthorized';
      if (isBad && client !== undefined) throttle?.failed(client, clock.now());
      throw error;
    }
  };
}

/** Reads no account; the one it carries is only there because every actor has one. */
const SCHEMA_READER: AuthenticatedActor = {
  accountId: 'primary',
  role: 'admin',
  canWrite: false,
  via: 'gateway',
  schemaOnly: true,
};

function actorOf(identity: Identity, via: CredentialKind, writeRoles: readonly string[]): AuthenticatedActor {
  const right = rightOf(identity.role, writeRoles);
  if (right === 'none') throw new ServiceError('forbidden', 'This role has no rights here.');
  return { ...identity, via, canWrite: right === 'write' };
}
