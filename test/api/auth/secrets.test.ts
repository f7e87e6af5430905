import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, describe, expect, test } from 'vitest';
import { createApp } from '../../../src/app.ts';
import { loadConfig } from '../../../src/config.ts';
import { createLogger } from '../../../src/lib/logger.ts';
import { createAccessKeys } from '../../../src/services/access-keys.ts';
import { ACCESS_KEY_SECRET, authConfig } from '../../support/auth-config.ts';
import { createTestDatabase } from '../../support/database.ts';
import { fakeClock } from '../../support/fake-clock.ts';
import { CLAIMS, HS_KEY, hsToken, NAMESPACE, NOW, NOW_SECONDS, SECRET } from './resolver.ts';

const lines: string[] = [];
// Without the list of secrets that a real start gives it: none must come near it.
const logger = createLogger('trace', [], { write: (line) => void lines.push(line) });

const jwks = createServer((_request, response) => void response.writeHead(500).end('out of order'));
await new Promise<void>((resolve) => jwks.listen(0, '127.0.0.1', resolve));
afterAll(() => jwks.close());
const jwkUrl = `http://127.0.0.1:${(jwks.address() as AddressInfo).port}/`;

const database = await createTestDatabase();
const away = { ...database.db, tenant: () => Promise.reject(new Error('the database fell over')) };

function appWith(jwt: object | null, db = database.db) {
  const config = loadConfig(() => ({ pluginSecret: SECRET, accessKeySecret: ACCESS_KEY_SECRET }), {
    PLUGIN_SECRET: SECRET,
    ACCESS_KEY_SECRET,
    CORS_ORIGINS: 'https://app.example.com',
    ...(jwt === null ? {} : { HASURA_GRAPHQL_JWT_SECRET: JSON.stringify(jwt) }),
  });
  const license = { assertCanChangeDefinitions: () => undefined };
  return createApp({ config, db, clock: fakeClock(NOW), logger, license });
}

const hs = { type: 'HS256', key: HS_KEY };
const apps = {
  'JWTs by HMAC': appWith(hs),
  'JWTs by a key set that is down': appWith({ jwk_url: jwkUrl }),
  'JWTs in a cookie': appWith({ ...hs, header: { type: 'Cookie', name: 'session' } }),
  'JWTs in a header': appWith({ ...hs, header: { type: 'CustomHeader', name: 'x-token' } }),
  'no JWTs': appWith(null),
  'a database that fails': appWith(hs, away),
};

const { privateKey, publicKey } = await generateKeyPair('RS256');
const rsToken = await new SignJWT({ [NAMESPACE]: CLAIMS })
  .setProtectedHeader({ alg: 'RS256', kid: (await exportJWK(publicKey)).n?.slice(0, 8) ?? '' })
  .sign(privateKey);
const good = await hsToken({ [NAMESPACE]: CLAIMS });
const tokens = {
  good,
  expired: await hsToken({ [NAMESPACE]: CLAIMS, exp: NOW_SECONDS - 1 }),
  forged: await hsToken({ [NAMESPACE]: CLAIMS }, { key: 'x'.repeat(64) }),
  ofAnotherFamily: rsToken,
  withoutClaims: await hsToken({ sub: 'somebody' }),
  withoutAccount: await hsToken({
    [NAMESPACE]: { ...CLAIMS, 'x-hasura-source-account-id': 'not an account' },
  }),
  none: `${btoa('{"alg":"none"}').replaceAll('=', '')}.${good.split('.')[1]}.`,
};
const keys = createAccessKeys(authConfig());
const key = keys?.issue({ accountId: 'acme', role: 'viewer' }).password ?? '';
const forgedKey = key.replace('viewer', 'admin');
const GUESS = 'a-guess-at-the-plugin-secret';
const basic = (user: string, password: string) => `Basic ${btoa(`${user}:${password}`)}`;

/** Nothing of these may be seen again: what was configured, what is good, and what was tried. */
const SECRETS: readonly string[] = [
  SECRET,
  ACCESS_KEY_SECRET,
  HS_KEY,
  GUESS,
  key,
  forgedKey,
  key.split('.')[3] ?? '',
  basic('acme', key).slice(6),
  basic('acme', forgedKey).slice(6),
  ...Object.values(tokens),
  ...Object.values(tokens).flatMap((token) =>
    token
      .split('.')
      .slice(1)
      .filter((part) => part !== ''),
  ),
];

const json = { 'content-type': 'application/json' };
const session = { 'x-hasura-role': 'user', 'x-hasura-source-account-id': 'acme' };

/** Every way to ask with credentials that are bad, or good ones in the wrong place. */
const CREDENTIALS: readonly Record<string, string>[] = [
  { authorization: `Bearer ${GUESS}` },
  { authorization: GUESS },
  { authorization: `Token ${SECRET}` },
  { authorization: `Bearer ${SECRET}x` },
  { authorization: `Bearer ${SECRET}`, 'x-hasura-role': 'public' },
  { authorization: `Bearer ${SECRET}`, 'x-source-account-id': 'a b' },
  { authorization: `Bearer ${SECRET}, ${basic('acme', key)}` },
  { authorization: `Bearer ${SECRET}`, 'x-plugin-secret': SECRET },
  { authorization: basic('acme', GUESS) },
  { authorization: basic('acme', forgedKey) },
  { authorization: basic('other', key) },
  { authorization: basic('a b', key) },
  { authorization: basic('primary', SECRET) },
  { authorization: `Bearer ${key}` },
  { 'x-plugin-secret': GUESS, ...session },
  { 'x-plugin-secret': SECRET },
  { 'x-plugin-secret': SECRET, ...session, 'x-hasura-role': 'anonymous' },
  { 'x-plugin-secret': SECRET, ...session, authorization: `Bearer ${tokens.expired}` },
  { 'x-plugin-secret': SECRET, 'x-hasura-role': 'admin' },
  { cookie: `session=${tokens.good}; token=${SECRET}` },
  ...Object.values(tokens).flatMap((token) => [
    { authorization: `Bearer ${token}` },
    { 'x-token': token },
    { cookie: `session=${token}`, origin: 'https://app.example.com' },
  ]),
];

const query = JSON.stringify({ query: '{ slos { total } }' });
const REQUESTS: readonly (readonly [string, RequestInit])[] = [
  ['/api/v1/slos', {}],
  ['/api/v1/slos', { method: 'POST', body: '{"name":', headers: json }],
  ['/slos', {}],
  ['/graphql', { method: 'POST', body: query, headers: json }],
  ['/graphql', { method: 'POST', body: '{"query":"{ nothing }"}', headers: json }],
  ['/graphql?query=%7B__typename%7D', {}],
  ['/auth/verify', { headers: { 'x-original-method': 'POST', ...json } }],
  ['/nowhere', {}],
];

function leaks(text: string): string[] {
  return SECRETS.filter((secret) => text.includes(secret));
}

describe.each(Object.entries(apps))('with %s', (_name, app) => {
  test('no bad call shows a secret, neither in its answer nor in the log', async () => {
    const statuses = new Set<number>();
    const call = async (
      credentials: Record<string, string>,
      path: string,
      init: RequestInit,
      peer: number,
    ) => {
      const headers = { ...Object.fromEntries(new Headers(init.headers)), ...credentials };
      const response = await app.fetch(new Request(`http://localhost${path}`, { ...init, headers }), {
        incoming: { socket: { remoteAddress: `192.0.2.${peer}` } },
      });
      const answer = JSON.stringify([...response.headers, await response.text()]);
      expect(leaks(answer), `${path} ${response.status}`).toEqual([]);
      statuses.add(response.status);
    };
    for (const [n, credentials] of CREDENTIALS.entries()) {
      for (const [path, init] of REQUESTS) await call(credentials, path, init, n);
    }
    for (let n = 0; n < 30; n += 1) await call({ authorization: `Bearer ${GUESS}` }, '/api/v1/slos', {}, 250);
    expect([...statuses]).toEqual(expect.arrayContaining([400, 401, 403, 404, 429]));
    expect(leaks(lines.join(''))).toEqual([]);
  });
});

test('the log was written to: of the key set that was down, and of the database', () => {
  expect(lines.some((line) => line.includes('The keys that verify JWTs cannot be read'))).toBe(true);
  expect(lines.some((line) => line.includes('the database fell over'))).toBe(true);
});

test('the search finds a secret where there is one', () => {
  logger.info({ note: `tried ${GUESS}` }, 'a line');
  expect(leaks(lines.pop() ?? '')).toEqual([GUESS]);
});

test.each([
  ['PLUGIN_SECRET', 'short and bad'],
  ['ACCESS_KEY_SECRET', 'too-short-to-be-one'],
  ['HASURA_GRAPHQL_JWT_SECRET', '{"type":"HS256","key":"hush"}'],
  ['HASURA_GRAPHQL_JWT_SECRET', '{"type":"HS256","key":"hush'],
  ['HASURA_GRAPHQL_JWT_SECRET', `{"type":"hush-${HS_KEY}","key":"${HS_KEY}"}`],
  ['HASURA_GRAPHQL_JWT_SECRET', '{"jwk_url":"https://me:hush@auth.example/jwks"}'],
])('a faulty %s is named, and not shown', (name, value) => {
  const load = () =>
    loadConfig(() => ({ pluginSecret: SECRET, accessKeySecret: ACCESS_KEY_SECRET }), { [name]: value });
  expect(load).toThrow(name);
  for (const part of [value, 'hush', HS_KEY, 'short']) {
    if (value.includes(part)) expect(load).not.toThrow(part);
  }
});
