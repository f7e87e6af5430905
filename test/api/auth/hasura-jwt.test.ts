import { describe, expect, test } from 'vitest';
import {
  bearer,
  CLAIMS,
  claimsToken,
  HS_KEY,
  hsToken,
  jwtResolver,
  NAMESPACE,
  NOW_SECONDS,
  outcome,
  requestWith,
} from './resolver.ts';

describe('a Hasura JWT', () => {
  const resolve = jwtResolver();

  test('gives account, default role and user', async () => {
    expect(await resolve(bearer(await claimsToken()))).toEqual({
      accountId: 'acme',
      role: 'user',
      userId: 'u-1',
      canWrite: false,
      via: 'hasura-jwt',
    });
  });

  test('ends when it expires, an allowed skew later', async () => {
    const token = await claimsToken({}, { exp: NOW_SECONDS + 60 });
    expect(await resolve(bearer(token))).toMatchObject({ expiresAtMs: (NOW_SECONDS + 60) * 1000 });
    expect(await jwtResolver({ allowed_skew: 30 })(bearer(token))).toMatchObject({
      expiresAtMs: (NOW_SECONDS + 90) * 1000,
    });
  });

  test('x-hasura-role chooses among the allowed roles', async () => {
    const request = bearer(await claimsToken(), { 'x-hasura-role': 'admin' });
    expect(await resolve(request)).toMatchObject({ role: 'admin', canWrite: true });
  });

  test('x-hasura-role cannot choose another role', async () => {
    const request = bearer(await claimsToken(), { 'x-hasura-role': 'nself_admin' });
    expect(await outcome(resolve(request))).toMatchObject({ code: 'forbidden' });
  });

  test('a default role that is not allowed is refused', async () => {
    const token = await claimsToken({ 'x-hasura-default-role': 'nself_admin' });
    expect(await outcome(resolve(bearer(token)))).toMatchObject({ code: 'forbidden' });
  });

  test('an allowed role without rights here is refused', async () => {
    const token = await claimsToken({
      'x-hasura-allowed-roles': ['editor'],
      'x-hasura-default-role': 'editor',
    });
    expect(await outcome(resolve(bearer(token)))).toMatchObject({ code: 'forbidden' });
  });

  test.each(['x-source-account-id', 'x-hasura-source-account-id', 'x-source-account'])(
    'the header %s does not change the account, not for an admin either',
    async (header) => {
      const token = await claimsToken({ 'x-hasura-default-role': 'admin' });
      expect(await resolve(bearer(token, { [header]: 'other' }))).toMatchObject({ accountId: 'acme' });
    },
  );

  test('a JWT without an account is refused, whatever the headers say', async () => {
    const { 'x-hasura-source-account-id': _, ...rest } = CLAIMS;
    const token = await hsToken({ [NAMESPACE]: rest });
    const request = bearer(token, { 'x-hasura-source-account-id': 'acme' });
    expect(await outcome(resolve(request))).toMatchObject({ code: 'forbidden' });
  });

  test('an account that is none is malformed', async () => {
    const token = await claimsToken({ 'x-hasura-source-account-id': "a' or 1=1" });
    expect(await outcome(resolve(bearer(token)))).toMatchObject({ code: 'malformed' });
  });

  test('claim names are read in any case', async () => {
    const claims = Object.fromEntries(
      Object.entries(CLAIMS).map(([key, value]) => [key.toUpperCase(), value]),
    );
    expect(await resolve(bearer(await hsToken({ [NAMESPACE]: claims })))).toMatchObject({
      accountId: 'acme',
    });
  });

  test.each([
    ['twice in different cases', { 'X-Hasura-Source-Account-Id': 'other' }],
    ['no list of roles', { 'x-hasura-allowed-roles': 'admin' }],
    ['a list of other things', { 'x-hasura-allowed-roles': ['user', 7] }],
    ['a default role that is no string', { 'x-hasura-default-role': ['user'] }],
    ['an account that is no string', { 'x-hasura-source-account-id': 7 }],
    ['some claim that is no string', { 'x-hasura-org': { id: 1 } }],
  ])('claims with %s are refused', async (_name, claims) => {
    expect(await outcome(resolve(bearer(await claimsToken(claims))))).toMatchObject({ code: 'unauthorized' });
  });

  test.each([
    ['expired', { exp: NOW_SECONDS - 1 }, 'JWTExpired'],
    ['expiring right now', { exp: NOW_SECONDS }, 'JWTExpired'],
    ['not yet valid', { nbf: NOW_SECONDS + 60 }, 'JWTNotYetValid'],
    ['issued in the future', { iat: NOW_SECONDS + 60 }, 'JWTIssuedAtFuture'],
  ])('%s: refused in the words of Hasura', async (_name, payload, word) => {
    const token = await claimsToken({}, payload);
    expect(await outcome(resolve(bearer(token)))).toEqual({
      code: 'unauthorized',
      message: `Could not verify JWT: ${word}`,
    });
  });

  test('an expiry that is no number is refused', async () => {
    const token = await hsToken({ [NAMESPACE]: CLAIMS, exp: 'tomorrow' as unknown as number });
    expect(await outcome(resolve(bearer(token)))).toMatchObject({ code: 'unauthorized' });
  });

  test.each([
    ['another key', hsToken({ [NAMESPACE]: CLAIMS }, { key: 'x'.repeat(64) })],
    ['no signature', unsigned({ alg: 'none' })],
    ['no signature but HS256 in the header', unsigned({ alg: 'HS256' })],
    ['an unknown critical header', unsigned({ alg: 'HS256', crit: ['exp'], exp: 1 })],
    ['more than 16 KiB', claimsToken({ 'x-hasura-note': 'n'.repeat(16_384) })],
    ['nothing in its parts', Promise.resolve('ey..')],
  ])('with %s: refused', async (_name, token) => {
    expect(await outcome(resolve(bearer(await token)))).toMatchObject({ code: 'unauthorized' });
  });

  test('a changed payload is refused', async () => {
    const [header = '', , signature = ''] = (await claimsToken()).split('.');
    const payload = base64url({ [NAMESPACE]: { ...CLAIMS, 'x-hasura-source-account-id': 'other' } });
    expect(await outcome(resolve(bearer(`${header}.${payload}.${signature}`)))).toEqual({
      code: 'unauthorized',
      message: 'Could not verify JWT: JWSError JWSInvalidSignature',
    });
  });
});

describe('the options of HASURA_GRAPHQL_JWT_SECRET', () => {
  const plain = hsToken({ [NAMESPACE]: CLAIMS });

  test.each<[string, Record<string, unknown>, Promise<string>, string | 'ok']>([
    [
      'allowed_skew lets a little expiry pass',
      { allowed_skew: 30 },
      claimsToken({}, { exp: NOW_SECONDS - 29 }),
      'ok',
    ],
    ['allowed_skew ends', { allowed_skew: 30 }, claimsToken({}, { exp: NOW_SECONDS - 30 }), 'unauthorized'],
    ['allowed_skew counts for nbf', { allowed_skew: 30 }, claimsToken({}, { nbf: NOW_SECONDS + 30 }), 'ok'],
    [
      'allowed_skew counts for iat',
      { allowed_skew: 30 },
      claimsToken({}, { iat: NOW_SECONDS + 31 }),
      'unauthorized',
    ],
    ['an audience that matches', { audience: 'np' }, claimsToken({}, { aud: 'np' }), 'ok'],
    ['an audience among several', { audience: ['a', 'np'] }, claimsToken({}, { aud: ['np', 'x'] }), 'ok'],
    ['another audience', { audience: 'np' }, claimsToken({}, { aud: 'x' }), 'unauthorized'],
    ['no audience where one is configured', { audience: 'np' }, plain, 'unauthorized'],
    ['an issuer that matches', { issuer: 'https://id' }, claimsToken({}, { iss: 'https://id' }), 'ok'],
    ['another issuer', { issuer: 'https://id' }, claimsToken({}, { iss: 'https://evil' }), 'unauthorized'],
    ['no issuer where one is configured', { issuer: 'https://id' }, plain, 'unauthorized'],
    ['a namespace', { claims_namespace: 'my/claims' }, hsToken({ 'my/claims': CLAIMS }), 'ok'],
    ['claims in another namespace', { claims_namespace: 'my/claims' }, plain, 'unauthorized'],
    ['a namespace path', { claims_namespace_path: '$.a.b' }, hsToken({ a: { b: CLAIMS } }), 'ok'],
    ['a quoted namespace path', { claims_namespace_path: "$['a.b'][0]" }, hsToken({ 'a.b': [CLAIMS] }), 'ok'],
    ['the root as namespace', { claims_namespace_path: '$' }, hsToken({ ...CLAIMS }), 'ok'],
    ['a path that leads nowhere', { claims_namespace_path: '$.a.b' }, plain, 'unauthorized'],
    [
      'stringified claims',
      { claims_format: 'stringified_json' },
      hsToken({ [NAMESPACE]: JSON.stringify(CLAIMS) }),
      'ok',
    ],
    ['an object where a string is configured', { claims_format: 'stringified_json' }, plain, 'unauthorized'],
    [
      'a string where an object is configured',
      {},
      hsToken({ [NAMESPACE]: JSON.stringify(CLAIMS) }),
      'unauthorized',
    ],
    [
      'a string that is no JSON',
      { claims_format: 'stringified_json' },
      hsToken({ [NAMESPACE]: '{"x-hasura' }),
      'unauthorized',
    ],
  ])('%s', async (_name, secret, token, expected) => {
    const result = await outcome(jwtResolver(secret)(bearer(await token)));
    expect(result).toMatchObject(expected === 'ok' ? { accountId: 'acme' } : { code: expected });
  });

  const map = {
    'x-hasura-allowed-roles': { path: '$.roles', default: ['viewer'] },
    'X-Hasura-Default-Role': 'viewer',
    'x-hasura-source-account-id': { path: '$.org.account' },
    'x-hasura-user-id': { path: '$.sub' },
  };

  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    [
      'literals, paths and defaults',
      { sub: 'u-2', org: { account: 'acme' } },
      { accountId: 'acme', role: 'viewer', userId: 'u-2' },
    ],
    [
      'a path before its default',
      { sub: 'u-2', org: { account: 'acme' }, roles: ['admin'] },
      { code: 'forbidden' },
    ],
    ['a path to nothing without a default', { org: { account: 'acme' } }, { code: 'unauthorized' }],
    [
      'a path to something else than a string',
      { sub: 7, org: { account: 'acme' } },
      { code: 'unauthorized' },
    ],
    [
      'claims of the namespace are not looked at',
      { [NAMESPACE]: CLAIMS, sub: 'u-2' },
      { code: 'unauthorized' },
    ],
  ])('claims_map: %s', async (_name, payload, expected) => {
    const resolve = jwtResolver({ claims_map: map });
    expect(await outcome(resolve(bearer(await hsToken(payload))))).toMatchObject(expected);
  });

  test('claims_map without an account gives none: forbidden', async () => {
    const { 'x-hasura-source-account-id': _, ...rest } = map;
    const resolve = jwtResolver({ claims_map: rest });
    const token = await hsToken({ sub: 'u-2', 'x-hasura-source-account-id': 'acme' });
    expect(await outcome(resolve(bearer(token)))).toMatchObject({ code: 'forbidden' });
  });

  test('a path that is no path stops the start', () => {
    expect(() => jwtResolver({ claims_namespace_path: '$.a[' })).toThrow('claims_namespace_path');
  });
});

describe('where the JWT stands', () => {
  test('in a header of its own, with or without a scheme, and nowhere else', async () => {
    const resolve = jwtResolver({ header: { type: 'CustomHeader', name: 'X-Token' } });
    const token = await claimsToken();
    expect(await resolve(requestWith({ 'x-token': token }))).toMatchObject({ accountId: 'acme' });
    expect(await resolve(requestWith({ 'x-token': `Bearer ${token}` }))).toMatchObject({ accountId: 'acme' });
    expect(await outcome(resolve(bearer(token)))).toMatchObject({ code: 'unauthorized' });
  });

  test('in a cookie, of a POST of JSON from a trusted origin', async () => {
    const resolve = jwtResolver({ header: '{"type":"Cookie","name":"session"}' });
    const cookie = `theme=dark; session=${await claimsToken()}`;
    const post = (headers: Record<string, string>) =>
      requestWith({ cookie, 'content-type': 'application/json', ...headers }, { method: 'POST', body: '{}' });
    const own = { origin: 'http://localhost' };

    expect(await resolve(post(own))).toMatchObject({ accountId: 'acme' });
    for (const request of [
      post({}),
      post({ origin: 'http://evil.example' }),
      post({ origin: 'null' }),
      post({ ...own, 'content-type': 'text/plain' }),
      requestWith({ cookie, ...own, 'content-type': 'application/json' }),
    ]) {
      expect(await outcome(resolve(request))).toMatchObject({ code: 'unauthorized' });
    }
  });

  test('a key of 32 bytes is too short for HS512, whatever the token says', async () => {
    const key = 'k'.repeat(32);
    const resolve = jwtResolver({ type: 'HS256', key });
    const claims = { [NAMESPACE]: CLAIMS };
    expect(await resolve(bearer(await hsToken(claims, { key })))).toMatchObject({ accountId: 'acme' });
    const token = await hsToken(claims, { key, alg: 'HS512' });
    expect(await outcome(resolve(bearer(token)))).toMatchObject({ code: 'unauthorized' });
    expect(await jwtResolver()(bearer(await hsToken(claims, { key: HS_KEY, alg: 'HS512' })))).toMatchObject({
      accountId: 'acme',
    });
  });
});

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

async function unsigned(header: Record<string, unknown>): Promise<string> {
  return `${base64url(header)}.${base64url({ [NAMESPACE]: CLAIMS })}.`;
}
