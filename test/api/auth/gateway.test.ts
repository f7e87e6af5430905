import { describe, expect, test } from 'vitest';
import { FAILED_ATTEMPTS } from '../../../src/api/auth/attempt-throttle.ts';
import {
  basic,
  claimsToken,
  gateway,
  HS_KEY,
  hsToken,
  jwtConfig,
  jwtResolver,
  NOW_SECONDS,
  outcome,
  requestWith,
  resolverOf,
  SECRET,
} from './resolver.ts';

const resolve = resolverOf();
const SESSION = {
  'x-hasura-role': 'user',
  'x-hasura-source-account-id': 'acme',
  'x-hasura-user-id': 'u-1',
};

describe('Hasura as gateway', () => {
  test('is believed in what it says of the session', async () => {
    expect(await resolve(gateway(SESSION))).toEqual({
      accountId: 'acme',
      role: 'user',
      userId: 'u-1',
      canWrite: false,
      via: 'gateway',
    });
    expect(await resolve(gateway({ ...SESSION, 'x-hasura-role': 'admin' }))).toMatchObject({
      canWrite: true,
    });
  });

  test.each([
    ['no secret', requestWith(SESSION)],
    ['an empty secret', requestWith({ ...SESSION, 'x-plugin-secret': '' })],
    ['another secret', requestWith({ ...SESSION, 'x-plugin-secret': `${SECRET}x` })],
    ['the secret twice', requestWith({ ...SESSION, 'x-plugin-secret': `${SECRET}, ${SECRET}` })],
    [
      'the secret in the query',
      new Request(`http://localhost/?x-plugin-secret=${SECRET}`, { headers: SESSION }),
    ],
  ])('with %s nothing is believed', async (_name, request) => {
    expect(await outcome(resolve(request))).toMatchObject({ code: 'unauthorized' });
  });

  test.each(['public', 'anonymous', 'editor', '', 'user, admin'])(
    'the role "%s" gets nothing',
    async (role) => {
      const request = gateway({ ...SESSION, 'x-hasura-role': role });
      expect(await outcome(resolve(request))).toMatchObject({ code: 'forbidden' });
    },
  );

  test('a session without a role gets nothing', async () => {
    const { 'x-hasura-role': _, ...rest } = SESSION;
    expect(await outcome(resolve(gateway(rest)))).toMatchObject({ code: 'forbidden' });
  });

  test.each(['user', 'admin'])(
    'a session without an account gets nothing, whatever headers a client added: %s',
    async (role) => {
      const request = gateway(
        { 'x-hasura-role': role },
        { 'x-source-account-id': 'acme', 'x-source-account': 'acme' },
      );
      expect(await outcome(resolve(request))).toMatchObject({ code: 'forbidden' });
    },
  );

  test.each(['', 'a b', 'acme, other', "a'", 'x'.repeat(129)])(
    'the account "%s" is malformed',
    async (account) => {
      const request = gateway({ ...SESSION, 'x-hasura-source-account-id': account });
      expect(await outcome(resolve(request))).toMatchObject({ code: 'malformed' });
    },
  );

  test('other headers of a client change nothing', async () => {
    const request = gateway(SESSION, { 'x-source-account-id': 'other', 'x-source-account': 'other' });
    expect(await resolve(request)).toMatchObject({ accountId: 'acme' });
  });

  test('beside Basic is two kinds of credentials', async () => {
    const request = basic('acme', 'x', { ...SESSION, 'x-plugin-secret': SECRET });
    expect(await outcome(resolve(request))).toMatchObject({ code: 'malformed' });
  });

  test('guesses of its secret are slowed down', async () => {
    const slow = resolverOf();
    const source = { peerAddress: '192.0.2.1' };
    for (let n = 0; n < FAILED_ATTEMPTS.burst; n += 1) {
      await outcome(slow(requestWith({ ...SESSION, 'x-plugin-secret': `guess-${n}` }), source));
    }
    expect(await outcome(slow(gateway(SESSION), source))).toMatchObject({ code: 'rate_limited' });
  });
});

describe('a JWT that the gateway forwards', () => {
  const resolve = jwtResolver();
  const forwarding = (token: string, variables: Record<string, string> = SESSION) =>
    gateway(variables, { authorization: `Bearer ${token}` });

  test('is good, and of the account of the session', async () => {
    const token = await claimsToken({}, { exp: NOW_SECONDS + 60 });
    expect(await resolve(forwarding(token))).toEqual({
      accountId: 'acme',
      role: 'user',
      userId: 'u-1',
      canWrite: false,
      via: 'gateway',
      expiresAtMs: (NOW_SECONDS + 60) * 1000,
    });
  });

  test.each<[string, Promise<string>, Record<string, string>, string]>([
    ['of another account', claimsToken({ 'x-hasura-source-account-id': 'other' }), SESSION, 'forbidden'],
    ['of no account', hsToken({}), SESSION, 'unauthorized'],
    ['that expired', claimsToken({}, { exp: NOW_SECONDS - 1 }), SESSION, 'unauthorized'],
    ['of another key', hsToken({}, { key: 'x'.repeat(64) }), SESSION, 'unauthorized'],
    [
      'that may not play the role',
      claimsToken(),
      { ...SESSION, 'x-hasura-role': 'nself_admin' },
      'forbidden',
    ],
    ['with a session of no account', claimsToken(), { 'x-hasura-role': 'user' }, 'forbidden'],
    ['with a session of no role', claimsToken(), { 'x-hasura-source-account-id': 'acme' }, 'forbidden'],
    [
      'while Hasura would read the schema',
      claimsToken({ 'x-hasura-default-role': 'admin' }),
      { 'x-hasura-role': 'admin' },
      'forbidden',
    ],
  ])('%s is refused', async (_name, token, variables, code) => {
    const request = forwarding(await token, variables);
    expect(await outcome(resolve(request, { allowSchemaOnly: true }))).toMatchObject({ code });
  });

  test('does not make up for a wrong secret', async () => {
    const request = requestWith({
      ...SESSION,
      'x-plugin-secret': 'wrong',
      authorization: `Bearer ${await claimsToken()}`,
    });
    expect(await outcome(resolve(request))).toMatchObject({ code: 'unauthorized' });
  });

  test('is refused where no JWTs are configured', async () => {
    expect(await outcome(resolverOf()(forwarding(await claimsToken())))).toMatchObject({
      code: 'unauthorized',
    });
  });

  test('is verified in a cookie too, where that is its place', async () => {
    const inCookie = resolverOf({
      jwt: jwtConfig({ type: 'HS256', key: HS_KEY, header: { type: 'Cookie', name: 'session' } }),
    });
    const token = await claimsToken();
    const other = await claimsToken({ 'x-hasura-source-account-id': 'other' });
    expect(await inCookie(gateway(SESSION, { cookie: `session=${token}` }))).toMatchObject({
      via: 'gateway',
    });
    expect(await outcome(inCookie(gateway(SESSION, { cookie: `session=${other}` })))).toMatchObject({
      code: 'forbidden',
    });
  });
});

describe('Hasura that reads the schema', () => {
  const source = { allowSchemaOnly: true };

  test('is let in for that alone, as admin of no account', async () => {
    const actor = await resolve(gateway({ 'x-hasura-role': 'admin' }), source);
    expect(actor).toMatchObject({ schemaOnly: true, canWrite: false, via: 'gateway' });
  });

  test('may do so where admin is no role that writes', async () => {
    const others = resolverOf({ writeRoles: ['editor'] });
    expect(await others(gateway({ 'x-hasura-role': 'admin' }), source)).toMatchObject({ schemaOnly: true });
  });

  test.each([
    [
      'with another secret',
      requestWith({ 'x-plugin-secret': 'x', 'x-hasura-role': 'admin' }),
      'unauthorized',
    ],
    ['with none', requestWith({ 'x-hasura-role': 'admin' }), 'unauthorized'],
    ['in another role', gateway({ 'x-hasura-role': 'user' }), 'forbidden'],
    ['in no role', gateway({}), 'forbidden'],
  ])('%s is refused', async (_name, request, code) => {
    expect(await outcome(resolve(request, source))).toMatchObject({ code });
  });

  test('of an account is an ordinary caller', async () => {
    const actor = await resolve(gateway({ ...SESSION, 'x-hasura-role': 'admin' }), source);
    expect(actor).toMatchObject({ accountId: 'acme', canWrite: true });
    expect(actor.schemaOnly).toBeUndefined();
  });
});
