import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { FAILED_ATTEMPTS } from '../../../src/api/auth/attempt-throttle.ts';
import { createEdgeVerify } from '../../../src/api/auth/edge-verify.ts';
import type { AuthConfig } from '../../../src/api/auth/resolve-actor.ts';
import { createAccessKeys } from '../../../src/services/access-keys.ts';
import { authConfig } from '../../support/auth-config.ts';
import {
  basic,
  bearer,
  CLAIMS,
  claimsToken,
  gateway,
  HS_KEY,
  hsToken,
  jwtConfig,
  NAMESPACE,
  NOW_SECONDS,
  requestWith,
  resolverOf,
  SECRET,
} from './resolver.ts';

const jwt = jwtConfig({ type: 'HS256', key: HS_KEY });

function edge(changes: Partial<AuthConfig> = {}) {
  const verify = createEdgeVerify(resolverOf({ jwt, ...changes }), pino({ level: 'silent' }));
  return async (request: Request, peerAddress?: string) => {
    const response = await verify(request, peerAddress);
    const { status, headers } = response;
    const answer = [
      headers.get('x-source-account-id'),
      headers.get('x-hasura-role'),
      headers.get('x-hasura-user-id'),
    ];
    return { status, headers, who: answer, text: await response.text() };
  };
}

const SESSION = { 'x-hasura-role': 'user', 'x-hasura-source-account-id': 'acme' };
const ask = edge();
const viewerKey = createAccessKeys(authConfig())?.issue({ accountId: 'a:b', role: 'viewer' }).password ?? '';

describe('the edge says who asks', () => {
  test.each<[string, Promise<Request>, (string | null)[]]>([
    ['a JWT', claimsToken().then((token) => bearer(token)), ['acme', 'user', 'u-1']],
    [
      'a JWT in a role that it allows',
      claimsToken().then((token) => bearer(token, { 'x-hasura-role': 'admin' })),
      ['acme', 'admin', 'u-1'],
    ],
    [
      'a JWT and the account of somebody else',
      claimsToken().then((token) =>
        bearer(token, { 'x-source-account-id': 'other', 'x-plugin-secret': SECRET }),
      ),
      ['acme', 'user', 'u-1'],
    ],
    [
      'a JWT without a user',
      hsToken({ [NAMESPACE]: { ...CLAIMS, 'x-hasura-user-id': '' } }).then((token) => bearer(token)),
      ['acme', 'user', null],
    ],
    [
      'a JWT of a user whose id cannot stand in a header',
      claimsToken({ 'x-hasura-user-id': 'u\r\nX-Hasura-Role: admin' }).then((token) => bearer(token)),
      ['acme', 'user', null],
    ],
    ['an access key', Promise.resolve(basic('a:b', viewerKey)), ['a:b', 'viewer', null]],
    ['the plugin bearer', Promise.resolve(bearer(SECRET)), ['primary', 'admin', null]],
    [
      'the plugin bearer for another account',
      Promise.resolve(bearer(SECRET, { 'x-source-account-id': 'acme', 'x-hasura-role': 'viewer' })),
      ['primary', 'viewer', null],
    ],
  ])('%s', async (_name, request, who) => {
    expect(await ask(await request)).toMatchObject({ status: 200, who, text: '' });
  });

  test('the plugin bearer for any account with EDGE_BEARER_ANY_ACCOUNT', async () => {
    const open = edge({ edgeBearerAnyAccount: true });
    const request = () => bearer(SECRET, { 'x-source-account-id': 'acme' });
    expect((await open(request())).who).toEqual(['acme', 'admin', null]);
    expect((await open(bearer(SECRET, { 'x-source-account-id': 'a b' }))).status).toBe(403);
  });
});

describe('the edge refuses', () => {
  test.each<[string, number, Promise<Request>]>([
    ['nothing', 401, Promise.resolve(requestWith({}))],
    ['another bearer', 401, Promise.resolve(bearer('guess'))],
    ['the secret of the gateway, with a session', 401, Promise.resolve(gateway(SESSION))],
    ['the secret of the gateway as admin', 401, Promise.resolve(gateway({ 'x-hasura-role': 'admin' }))],
    ['a JWT that expired', 401, claimsToken({}, { exp: NOW_SECONDS - 1 }).then((token) => bearer(token))],
    ['an access key of another account', 401, Promise.resolve(basic('other', viewerKey))],
    ['a JWT without an account', 403, withoutAccount().then((token) => bearer(token))],
    [
      'a JWT of an account that is none',
      403,
      claimsToken({ 'x-hasura-source-account-id': 'a b' }).then((token) => bearer(token)),
    ],
    [
      'a JWT of the unauthenticated role',
      403,
      claimsToken({ 'x-hasura-allowed-roles': ['anonymous'], 'x-hasura-default-role': 'anonymous' }).then(
        (token) => bearer(token),
      ),
    ],
    [
      'two credentials',
      403,
      Promise.resolve(requestWith({ authorization: `Bearer ${SECRET}, Basic ${btoa('a:b')}` })),
    ],
  ])('%s: %i', async (_name, status, request) => {
    const answer = await ask(await request);
    expect(answer).toMatchObject({ status, who: [null, null, null] });
    expect(answer.headers.has('www-authenticate')).toBe(status === 401);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  test('who guesses too often, with 401 and the time to wait', async () => {
    const slow = edge({ trustedProxies: ['10.0.0.1'] });
    const from = (address: string, token: string) =>
      slow(bearer(token, { 'x-forwarded-for': address }), '10.0.0.1');
    for (let n = 0; n < FAILED_ATTEMPTS.burst; n += 1) await from('192.0.2.1', `guess-${n}`);
    const answer = await from('192.0.2.1', SECRET);
    expect(answer).toMatchObject({ status: 401, who: [null, null, null] });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await from('192.0.2.2', SECRET)).toMatchObject({ status: 200 });
  });

  test('what it cannot verify now, and what fails in a way nobody thought of', async () => {
    const down = edge({ jwt: jwtConfig({ jwk_url: 'http://127.0.0.1:1/' }) });
    expect(await down(bearer(await claimsToken()))).toMatchObject({ status: 401 });
    const broken = createEdgeVerify(() => Promise.reject(new TypeError('oops')), pino({ level: 'silent' }));
    const answer = await broken(requestWith({}), undefined);
    expect(answer.status).toBe(401);
    expect(await answer.text()).not.toContain('oops');
  });
});

describe('a cookie at the edge', () => {
  const withCookie = edge({
    jwt: jwtConfig({ type: 'HS256', key: HS_KEY, header: { type: 'Cookie', name: 'session' } }),
    corsOrigins: ['https://app.example.com'],
  });
  const ORIGIN = { origin: 'https://app.example.com' };
  const JSON_BODY = { 'content-type': 'application/json; charset=utf-8' };
  const POST = { 'x-original-method': 'POST' };

  test.each([
    ['with the origin, a body of JSON and a method that has one', { ...ORIGIN, ...JSON_BODY, ...POST }, 200],
    ['without the origin', { ...JSON_BODY, ...POST }, 401],
    ['of another origin', { origin: 'https://app.example.com.evil', ...JSON_BODY, ...POST }, 401],
    ['of a sandbox', { origin: 'null', ...JSON_BODY, ...POST }, 401],
    ['with a form', { ...ORIGIN, 'content-type': 'application/x-www-form-urlencoded', ...POST }, 401],
    ['without a body', { ...ORIGIN, ...POST }, 401],
    ['with GET', { ...ORIGIN, ...JSON_BODY, 'x-original-method': 'GET' }, 401],
    ['with a method that nobody told', { ...ORIGIN, ...JSON_BODY }, 401],
  ])('%s', async (_name, headers, status) => {
    const cookie = `session=${await claimsToken()}`;
    expect(await withCookie(requestWith({ cookie, ...headers }))).toMatchObject({ status });
  });
});

function withoutAccount(): Promise<string> {
  const { 'x-hasura-source-account-id': _, ...rest } = CLAIMS;
  return hsToken({ [NAMESPACE]: rest });
}
