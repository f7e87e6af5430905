import { ServiceError } from '../../lib/errors.ts';
import { isSameSecret } from '../../lib/same-secret.ts';
import { accountOf } from './account-of.ts';
import type { Credential, Identity } from './credential.ts';
import { credentialHeader } from './credential-headers.ts';

export interface GatewayCheck {
  readonly pluginSecret: string;
  /** Verifies the JWT that came along with the session; null when none did. */
  readonly forwardedIdentity: (() => Promise<Identity>) | null;
}

/** Throws a ServiceError `unauthorized` unless the credential is the gateway's secret. */
export function assertGateway({ secret }: Credential, pluginSecret: string): void {
  if (!isSameSecret(secret, pluginSecret)) {
    throw new ServiceError('unauthorized', 'The credentials are not valid.');
  }
}

/**
 * Hasura as gateway: with its secret, and only then, the session variables say who asks. A client's JWT that
 * it forwards has to be good as well, and of the same account: a header that slipped through the gateway
 * cannot lead from one account into another. Throws a ServiceError `unauthorized`, `forbidden` where the
 * session names no role or no account, `malformed` for an account id that is none.
 */
export async function verifyGateway(
  credential: Credential,
  request: Request,
  { pluginSecret, forwardedIdentity }: GatewayCheck,
): Promise<Identity> {
  assertGateway(credential, pluginSecret);
  const forwarded = forwardedIdentity === null ? null : await forwardedIdentity();
  const role = credentialHeader(request, 'x-hasura-role');
  if (role === null) {
    throw new ServiceError('forbidden', 'The session names no role: x-hasura-role is missing.');
  }
  const account = credentialHeader(request, 'x-hasura-source-account-id');
  if (account === null) {
    throw new ServiceError(
      'forbidden',
      'The session names no account: the variable x-hasura-source-account-id is missing.',
    );
  }
  const accountId = accountOf(account);
  if (forwarded !== null && forwarded.accountId !== accountId) {
    throw new ServiceError('forbidden', 'The session and the JWT are of different accounts.');
  }
  const userId = credentialHeader(request, 'x-hasura-user-id');
  return {
    accountId,
    role,
    ...(userId === null || userId === '' ? {} : { userId }),
    ...(forwarded?.expiresAtMs === undefined ? {} : { expiresAtMs: forwarded.expiresAtMs }),
  };
}

/** Whether this is Hasura reading the schema: as admin, of no account, for no client. */
export function looksAtSchema(request: Request): boolean {
  return (
    credentialHeader(request, 'x-hasura-role') === 'admin' &&
    credentialHeader(request, 'x-hasura-source-account-id') === null
  );
}
