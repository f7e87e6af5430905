import { ServiceError } from '../../lib/errors.ts';
import type { AccessKeys } from '../../services/access-keys.ts';
import { accountOf } from './account-of.ts';
import type { Credential, Identity } from './credential.ts';

const MAX_LENGTH = 1024;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * An access key over HTTP Basic: the user is the account, the password the key. Account and role are the
 * key's; no header changes them. Throws a ServiceError `unauthorized` or `malformed`.
 */
export function verifyAccessKey({ secret }: Credential, keys: AccessKeys | null): Identity {
  if (keys === null) throw new ServiceError('unauthorized', 'No access keys are configured here.');
  if (secret.length > MAX_LENGTH || !BASE64.test(secret)) {
    throw new ServiceError('unauthorized', 'The credentials are not valid.');
  }
  const text = Buffer.from(secret, 'base64').toString('utf8');
  // An account id may hold colons, a key never does.
  const colon = text.lastIndexOf(':');
  const accountId = accountOf(text.slice(0, Math.max(0, colon)));
  return { accountId, role: keys.roleOf({ accountId, password: text.slice(colon + 1) }) };
}
