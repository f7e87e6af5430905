import { describe, expect, test } from 'vitest';
import {
  bearer,
  claimsToken,
  HS_KEY,
  jwtConfig,
  outcome,
  requestWith,
  resolverOf,
  SECRET,
} from './resolver.ts';

const resolve = resolverOf();

describe('the plugin bearer', () => {
  test('is an admin of the account primary where no header says otherwise', async () => {
    expect(await resolve(bearer(SECRET))).toEqual({
      accountId: 'primary',
      role: 'admin',
      canWrite: true,
      via: 'plugin-bearer',
    });
  });

  test('the scheme may be written in any case', async () => {
    const request = requestWith({ authorization: `bearer ${SECRET}` });
    expect(await resolve(request)).toMatchObject({ accountId: 'primary' });
  });

  test.each([
    [{ 'X-Source-Account-Id': 'a', 'X-Hasura-Source-Account-Id': 'b', 'X-Source-Account': 'c' }, 'a'],
    [{ 'X-Hasura-Source-Account-Id': 'b', 'X-Source-Account': 'c' }, 'b'],
    [{ 'X-Source-Account': 'c' }, 'c'],
  ])('takes the account of the first of three headers: %j', async (headers, accountId) => {
    expect(await resolve(bearer(SECRET, headers))).toMatchObject({ accountId });
  });

  test.each([
    ['admin', true],
    ['nself_admin', true],
    ['user', false],
    ['nself_user', false],
    ['viewer', false],
  ])('in the role %s may write: %s', async (role, canWrite) => {
    expect(await resolve(bearer(SECRET, { 'X-Hasura-Role': role }))).toMatchObject({ role, canWrite });
  });

  test('carries the user id along', async () => {
    expect(await resolve(bearer(SECRET, { 'X-Hasura-User-Id': 'u-7' }))).toMatchObject({ userId: 'u-7' });
  });

  test.each(['public', 'anonymous', 'Admin', ''])('the role "%s" has no rights', async (role) => {
    const request = bearer(SECRET, { 'X-Hasura-Role': role });
    expect(await outcome(resolve(request))).toMatchObject({ code: 'forbidden' });
  });

  test.each(['', 'a b', "a'; drop", 'é', 'a/b', 'a, b', 'x'.repeat(129)])(
    'the account "%s" is malformed',
    async (account) => {
      const request = bearer(SECRET, { 'X-Source-Account-Id': encodeIfNeeded(account) });
      expect(await outcome(resolve(request))).toMatchObject({ code: 'malformed' });
    },
  );

  test('an account of 128 characters with every allowed sign is one', async () => {
    const account = `aZ9_.:-${'x'.repeat(121)}`;
    expect(await resolve(bearer(SECRET, { 'X-Source-Account-Id': account }))).toMatchObject({
      accountId: account,
    });
  });

  test('a faulty first account header is not skipped for a good second one', async () => {
    const headers = { 'X-Source-Account-Id': 'a b', 'X-Source-Account': 'c' };
    expect(await outcome(resolve(bearer(SECRET, headers)))).toMatchObject({ code: 'malformed' });
  });

  test('a secret in the form of a JWT is still the secret', async () => {
    const token = await claimsToken();
    const asSecret = resolverOf({ pluginSecret: token, jwt: jwtConfig({ type: 'HS256', key: HS_KEY }) });
    expect(await asSecret(bearer(token))).toMatchObject({ accountId: 'primary', role: 'admin' });
  });
});

describe('without good credentials', () => {
  test.each([
    ['none', {}],
    ['an empty header', { authorization: '' }],
    ['another token', { authorization: 'Bearer nothing-like-it' }],
    ['the beginning of the secret', { authorization: `Bearer ${SECRET.slice(0, -1)}` }],
    ['more than the secret', { authorization: `Bearer ${SECRET}x` }],
    ['no scheme', { authorization: SECRET }],
    ['another scheme', { authorization: `Token ${SECRET}` }],
    ['Basic', { authorization: `Basic ${btoa(`primary:${SECRET}`)}` }],
    ['the secret as a cookie', { cookie: `authorization=Bearer ${SECRET}` }],
    ['session variables alone', { 'x-hasura-role': 'admin', 'x-hasura-source-account-id': 'acme' }],
    ['a JWT where none are configured', { authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.' }],
  ])('%s: unauthorized', async (_name, headers) => {
    expect(await outcome(resolve(requestWith(headers)))).toMatchObject({ code: 'unauthorized' });
  });

  test('the refusal does not repeat what was sent', async () => {
    const { message } = (await outcome(resolve(bearer('guess-number-one')))) as { message: string };
    expect(message).not.toContain('guess');
  });
});

describe('two kinds of credentials in one request', () => {
  test.each([
    ['bearer and gateway', { authorization: `Bearer ${SECRET}`, 'x-plugin-secret': SECRET }],
    ['Basic and gateway', { authorization: `Basic ${btoa('a:b')}`, 'x-plugin-secret': SECRET }],
    ['bearer and Basic', { authorization: `Bearer ${SECRET}, Basic ${btoa('a:b')}` }],
    ['two bearers', { authorization: `Bearer ${SECRET}, Bearer ${SECRET}` }],
  ])('%s: malformed', async (_name, headers) => {
    expect(await outcome(resolve(requestWith(headers)))).toMatchObject({ code: 'malformed' });
  });

  test('bearer, and a JWT in a header of its own: malformed', async () => {
    const header = { type: 'CustomHeader', name: 'X-Token' };
    const both = resolverOf({ jwt: jwtConfig({ type: 'HS256', key: HS_KEY, header }) });
    const request = bearer(SECRET, { 'X-Token': await claimsToken() });
    expect(await outcome(both(request))).toMatchObject({ code: 'malformed' });
  });
});

/** Headers carry bytes; what is beyond them arrives as the bytes of its UTF-8. */
function encodeIfNeeded(text: string): string {
  return Buffer.from(text).toString('latin1');
}
