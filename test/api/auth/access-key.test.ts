import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { FAILED_ATTEMPTS } from '../../../src/api/auth/attempt-throttle.ts';
import {
  type AccessKeyConfig,
  type AccessKeys,
  createAccessKeys,
} from '../../../src/services/access-keys.ts';
import { ACCESS_KEY_SECRET, authConfig } from '../../support/auth-config.ts';
import { basic, bearer, outcome, requestWith, resolverOf, SECRET } from './resolver.ts';

function keysOf(changes: Partial<AccessKeyConfig> = {}): AccessKeys {
  const keys = createAccessKeys(authConfig(changes));
  if (keys === null) throw new Error('access keys are off');
  return keys;
}

const keys = keysOf();
const resolve = resolverOf();
const REFUSED = { code: 'unauthorized' };

describe('an access key', () => {
  test.each([
    ['viewer', false],
    ['user', false],
    ['admin', true],
  ])('of the role %s is let in as that; it writes: %s', async (role, canWrite) => {
    const { username, password } = keys.issue({ accountId: 'acme', role });
    expect(await resolve(basic(username, password))).toEqual({
      accountId: 'acme',
      role,
      canWrite,
      via: 'access-key',
    });
  });

  test('is written epoch.role.id.mac, and every one has another id', () => {
    const [one, two] = [1, 2].map(() => keys.issue({ accountId: 'acme', role: 'viewer' }));
    expect(one?.password).toMatch(/^1\.viewer\.[0-9a-f]{16}\.[A-Za-z0-9_-]{43}$/);
    expect(one?.password.split('.')[2]).toBe(one?.id);
    expect(one?.id).not.toBe(two?.id);
  });

  test('is of an account with colons: the user ends at the last one', async () => {
    const accountId = 'org:acme:eu';
    const { password } = keys.issue({ accountId, role: 'viewer' });
    expect(await resolve(basic(accountId, password))).toMatchObject({ accountId });
  });

  test('keeps its account and role, whatever the headers say', async () => {
    const { password } = keys.issue({ accountId: 'acme', role: 'viewer' });
    const headers = {
      'x-source-account-id': 'other',
      'x-hasura-source-account-id': 'other',
      'x-source-account': 'other',
      'x-hasura-role': 'admin',
      'x-hasura-user-id': 'u-1',
    };
    expect(await resolve(basic('acme', password, headers))).toEqual({
      accountId: 'acme',
      role: 'viewer',
      canWrite: false,
      via: 'access-key',
    });
  });

  const { id, password } = keys.issue({ accountId: 'acme', role: 'viewer' });
  const [epoch = '', role = '', , mac = ''] = password.split('.');

  test.each([
    ['another account', basic('other', password)],
    ['another role', basic('acme', [epoch, 'admin', id, mac].join('.'))],
    ['another epoch', basic('acme', ['2', role, id, mac].join('.'))],
    ['an epoch written in another way', basic('acme', ['01', role, id, mac].join('.'))],
    ['another id', basic('acme', [epoch, role, 'f'.repeat(16), mac].join('.'))],
    ['a mac cut short', basic('acme', password.slice(0, -1))],
    ['a longer mac', basic('acme', `${password}A`)],
    ['no mac', basic('acme', [epoch, role, id, ''].join('.'))],
    ['parts that were moved', basic('acme\n1', [role, id, mac].join('.'))],
    ['no password', basic('acme', '')],
    ['the plugin secret', basic('acme', SECRET)],
    ['the key as a bearer', bearer(password)],
    ['no base64', requestWith({ authorization: 'Basic %%%' })],
    ['nothing', requestWith({ authorization: 'Basic ' })],
    ['a megabyte', requestWith({ authorization: `Basic ${'A'.repeat(1_000_000)}` })],
  ])('with %s is refused', async (name, request) => {
    const code = name === 'parts that were moved' ? 'malformed' : 'unauthorized';
    expect(await outcome(resolve(request))).toMatchObject({ code });
  });

  test('for an account id that is none is malformed', async () => {
    expect(await outcome(resolve(basic('a b', password)))).toMatchObject({ code: 'malformed' });
    expect(await outcome(resolve(requestWith({ authorization: `Basic ${btoa(password)}` })))).toMatchObject({
      code: 'malformed',
    });
  });

  test('under another secret, or a plain hash of the same one, is refused', async () => {
    const other = keysOf({ accessKeySecret: 's'.repeat(32) }).issue({ accountId: 'acme', role: 'admin' });
    expect(await outcome(resolve(basic('acme', other.password)))).toMatchObject(REFUSED);
    // What some other use of the secret might sign.
    for (const text of ['acme.1.admin.x', 'acme\n1\nadmin\nx', '1.admin.x']) {
      const forged = createHmac('sha256', ACCESS_KEY_SECRET).update(text).digest('base64url');
      expect(await outcome(resolve(basic('acme', `1.admin.x.${forged}`)))).toMatchObject(REFUSED);
    }
  });

  test('of an older epoch is refused, of the present one and of a newer one not', async () => {
    const at = (accessKeyEpoch: number) =>
      keysOf({ accessKeyEpoch }).issue({ accountId: 'acme', role: 'viewer' });
    const second = resolverOf({ accessKeyEpoch: 2 });
    expect(await outcome(second(basic('acme', at(1).password)))).toMatchObject(REFUSED);
    expect(await second(basic('acme', at(2).password))).toMatchObject({ accountId: 'acme' });
    // A replica that was restarted earlier than this one has made it.
    expect(await second(basic('acme', at(3).password))).toMatchObject({ accountId: 'acme' });
  });

  test('that is revoked is refused, and no other', async () => {
    const other = keys.issue({ accountId: 'acme', role: 'viewer' });
    const strict = resolverOf({ accessKeyRevoked: ['unknown', id] });
    expect(await outcome(strict(basic('acme', password)))).toEqual({
      code: 'unauthorized',
      message: 'The access key is revoked.',
    });
    expect(await strict(basic('acme', other.password))).toMatchObject({ accountId: 'acme' });
  });

  test('whose role lost its rights is refused', async () => {
    const key = keysOf({ writeRoles: ['editor'] }).issue({ accountId: 'acme', role: 'editor' });
    expect(await outcome(resolve(basic('acme', key.password)))).toMatchObject({ code: 'forbidden' });
  });

  test('is refused where ACCESS_KEY_SECRET is not set', async () => {
    const off = resolverOf({ accessKeySecret: null });
    expect(await outcome(off(basic('acme', password)))).toMatchObject(REFUSED);
    expect(createAccessKeys(authConfig({ accessKeySecret: null }))).toBeNull();
  });

  test('cannot be guessed at will', async () => {
    const source = { peerAddress: '192.0.2.1' };
    const slow = resolverOf();
    for (let n = 0; n < FAILED_ATTEMPTS.burst; n += 1) {
      await outcome(slow(basic('acme', `1.admin.${n}.${mac}`), source));
    }
    expect(await outcome(slow(basic('acme', password), source))).toMatchObject({ code: 'rate_limited' });
  });
});

describe('a key is not made', () => {
  test.each(['', 'public', 'anonymous', 'Admin', 'a.b', 'a\nb'])('for the role "%s"', (role) => {
    expect(() => keys.issue({ accountId: 'acme', role })).toThrow(
      expect.objectContaining({ code: 'invalid', details: [expect.objectContaining({ path: 'role' })] }),
    );
  });

  test.each(['', 'a b', 'a\nb', 'x'.repeat(129)])('for the account "%s"', (accountId) => {
    expect(() => keys.issue({ accountId, role: 'viewer' })).toThrow(
      expect.objectContaining({ code: 'malformed' }),
    );
  });
});
