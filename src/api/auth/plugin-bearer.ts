import { ServiceError } from '../../lib/errors.ts';
import { isSameSecret } from '../../lib/same-secret.ts';
import { accountOf } from './account-of.ts';
import type { Credential, Identity } from './credential.ts';
import { ACCOUNT_HEADERS, credentialHeader } from './credential-headers.ts';

const DEFAULT_ACCOUNT = 'primary';
const DEFAULT_ROLE = 'admin';

export interface BearerOptions {
  readonly pluginSecret: string;
  /** False gives the account `primary` alone, whatever the headers say. */
  readonly anyAccount: boolean;
}

/**
 * The plugin's own bearer token: whoever holds it speaks in any role that it names, for any account where
 * `anyAccount`. Throws a ServiceError `unauthorized` or `malformed`.
 */
export function verifyPluginBearer(
  { secret }: Credential,
  request: Request,
  { pluginSecret, anyAccount }: BearerOptions,
): Identity {
  if (!isSameSecret(secret, pluginSecret)) {
    throw new ServiceError('unauthorized', 'The credentials are not valid.');
  }
  const userId = credentialHeader(request, 'x-hasura-user-id');
  return {
    accountId: anyAccount ? accountNamedBy(request) : DEFAULT_ACCOUNT,
    role: credentialHeader(request, 'x-hasura-role') ?? DEFAULT_ROLE,
    ...(userId === null || userId === '' ? {} : { userId }),
  };
}

function accountNamedBy(request: Request): string {
  for (const name of ACCOUNT_HEADERS) {
    const value = credentialHeader(request, name);
    if (value !== null) return accountOf(value);
  }
  return DEFAULT_ACCOUNT;
}
