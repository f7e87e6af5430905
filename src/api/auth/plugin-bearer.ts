import { createHash, timingSafeEqual } from 'node:crypto';
import { ServiceError } from '../../lib/errors.ts';
import { accountOf } from './account-of.ts';
import type { VerifyCredential } from './credential.ts';
import { type CredentialHeader, credentialHeader } from './credential-headers.ts';

const DEFAULT_ACCOUNT = 'primary';
const DEFAULT_ROLE = 'admin';

/** In this order; the first that was sent decides. */
const ACCOUNT_HEADERS: readonly CredentialHeader[] = [
  'x-source-account-id',
  'x-hasura-source-account-id',
  'x-source-account',
];

/** Compares in a time that depends on neither content nor length. */
export function createSecretTest(secret: string): (candidate: string) => boolean {
  const expected = sha256(secret);
  return (candidate) => timingSafeEqual(sha256(candidate), expected);
}

/** The plugin's own bearer token: whoever holds it speaks for any account, in any role, that it names. */
export function createPluginBearer(isPluginSecret: (candidate: string) => boolean): VerifyCredential {
  return async ({ secret }, request) => {
    if (!isPluginSecret(secret)) throw new ServiceError('unauthorized', 'The credentials are not valid.');
    const userId = credentialHeader(request, 'x-hasura-user-id');
    return {
      accountId: accountNamedBy(request),
      role: credentialHeader(request, 'x-hasura-role') ?? DEFAULT_ROLE,
      ...(userId === null || userId === '' ? {} : { userId }),
    };
  };
}

function accountNamedBy(request: Request): string {
  for (const name of ACCOUNT_HEADERS) {
    const value = credentialHeader(request, name);
    if (value !== null) return accountOf(value);
  }
  return DEFAULT_ACCOUNT;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
