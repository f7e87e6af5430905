import { createHmac, randomBytes } from 'node:crypto';
import type { Config } from '../config.ts';
import { isAccountId } from '../lib/account-id.ts';
import { ServiceError } from '../lib/errors.ts';
import { isSameSecret } from '../lib/same-secret.ts';
import { rightOf } from './roles.ts';

/** A key as its owner keeps it. The password is shown once: nothing of it is stored anywhere. */
export interface AccessKey {
  /** Names the key in ACCESS_KEY_REVOKED. */
  readonly id: string;
  readonly role: string;
  /** The account. */
  readonly username: string;
  /** `epoch.role.id.mac` */
  readonly password: string;
}

export interface AccessKeys {
  /** Makes a key. Throws a ServiceError `malformed` for a bad account id, `invalid` for a role without rights. */
  issue(owner: { readonly accountId: string; readonly role: string }): AccessKey;
  /**
   * The role of a genuine key of this account. Throws a ServiceError `unauthorized` for any other text, and
   * for a key of an older epoch or one that is revoked.
   */
  roleOf(credentials: { readonly accountId: string; readonly password: string }): string;
}

export type AccessKeyConfig = Pick<
  Config,
  'accessKeySecret' | 'accessKeyEpoch' | 'accessKeyRevoked' | 'writeRoles'
>;

/** Keeps these codes apart from any other that may one day be made with the same secret. */
const DOMAIN = 'nself-slo-tracker access key 1';
const PASSWORD = /^([0-9]{1,9})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/;
const MAX_PASSWORD_LENGTH = 512;

/** Makes and verifies access keys; null where ACCESS_KEY_SECRET leaves them off. No key is stored. */
export function createAccessKeys({
  accessKeySecret,
  accessKeyEpoch,
  accessKeyRevoked,
  writeRoles,
}: AccessKeyConfig): AccessKeys | null {
  if (accessKeySecret === null) return null;
  const revoked = new Set(accessKeyRevoked);

  /** No part can hold a line break, so that no two lists of parts are the same text. */
  function macOf(...parts: readonly [accountId: string, epoch: string, role: string, id: string]): string {
    return createHmac('sha256', accessKeySecret ?? '')
      .update([DOMAIN, ...parts].join('\n'))
      .digest('base64url');
  }

  return {
    issue({ accountId, role }) {
      if (!isAccountId(accountId)) throw new ServiceError('malformed', 'The account id is not valid.');
      if (rightOf(role, writeRoles) === 'none') {
        const message = 'must be a role that may read or write';
        throw new ServiceError('invalid', `The role ${message}.`, { details: [{ path: 'role', message }] });
      }
      const epoch = String(accessKeyEpoch);
      const id = randomBytes(8).toString('hex');
      const mac = macOf(accountId, epoch, role, id);
      return { id, role, username: accountId, password: [epoch, role, id, mac].join('.') };
    },
    roleOf({ accountId, password }) {
      const [, epoch = '', role = '', id = '', mac = ''] =
        (password.length <= MAX_PASSWORD_LENGTH && PASSWORD.exec(password)) || [];
      if (!isSameSecret(mac, macOf(accountId, epoch, role, id))) {
        throw new ServiceError('unauthorized', 'The credentials are not valid.');
      }
      if (Number(epoch) < accessKeyEpoch) {
        throw new ServiceError('unauthorized', 'The access key is of an older epoch.');
      }
      if (revoked.has(id)) throw new ServiceError('unauthorized', 'The access key is revoked.');
      return role;
    },
  };
}
