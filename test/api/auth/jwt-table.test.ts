import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, type JWTPayload, SignJWT } from 'jose';
import { afterAll, describe, expect, test } from 'vitest';
import { CLAIMS, HS_KEY, jwtResolver, NAMESPACE, NOW_SECONDS, outcome, requestWith } from './resolver.ts';

type SigningKey = KeyObject | Uint8Array;
type Claims = Readonly<Record<string, unknown>>;

/** One way to configure JWTs, and how an identity provider makes tokens that fit it. */
interface Option {
  readonly secret: Record<string, unknown>;
  readonly alg: string;
  readonly key: SigningKey;
  readonly kid?: string;
  /** Where the claims stand in the payload; the default namespace unless given. */
  readonly wrap?: (claims: Claims) => JWTPayload;
  /** In every token beside the claims. */
  readonly payload?: JWTPayload;
  /** The headers that bring the token; a bearer unless given. */
  readonly bring?: (token: string) => Record<string, string>;
  /** By a token's name, what differs from its usual outcome below. */
  readonly but?: Readonly<Record<string, string>>;
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const rsa2 = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' });
const ed = generateKeyPairSync('ed25519');
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
const bytes = (text: string) => new TextEncoder().encode(text);
const HS = { alg: 'HS256', key: bytes(HS_KEY) };
const hs = { type: 'HS256', key: HS_KEY };

const jwk = { ...(await exportJWK(rsa.publicKey)), kid: 'now' };
const server = createServer((_request, response) => void response.end(JSON.stringify({ keys: [jwk] })));
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
afterAll(() => server.close());
const jwkUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

const bearing = (token: string) => ({ authorization: `Bearer ${token}` });
const asClaims = (claims: Claims): JWTPayload => ({ [NAMESPACE]: claims });
const MAP = {
  'x-hasura-allowed-roles': { path: '$.roles' },
  'x-hasura-default-role': { path: '$.role', default: 'user' },
  'x-hasura-source-account-id': { path: "$['org.id']" },
  'x-hasura-user-id': { path: '$.people[0].id' },
};

const OPTIONS: Readonly<Record<string, Option>> = {
  HS256: { secret: hs, ...HS },
  HS384: { secret: { type: 'HS384', key: HS_KEY }, ...HS, alg: 'HS384' },
  HS512: { secret: { type: 'HS512', key: HS_KEY }, ...HS, alg: 'HS512' },
  RS256: { secret: { type: 'RS256', key: pem(rsa.publicKey) }, alg: 'RS256', key: rsa.privateKey },
  RS512: { secret: { type: 'RS512', key: pem(rsa.publicKey) }, alg: 'RS512', key: rsa.privateKey },
  ES256: { secret: { type: 'ES256', key: pem(p256.publicKey) }, alg: 'ES256', key: p256.privateKey },
  ES384: { secret: { type: 'ES384', key: pem(p384.publicKey) }, alg: 'ES384', key: p384.privateKey },
  ES512: { secret: { type: 'ES512', key: pem(p521.publicKey) }, alg: 'ES512', key: p521.privateKey },
  Ed25519: { secret: { type: 'Ed25519', key: pem(ed.publicKey) }, alg: 'EdDSA', key: ed.privateKey },
  jwk_url: { secret: { jwk_url: jwkUrl }, alg: 'RS256', key: rsa.privateKey, kid: 'now' },
  'jwk_url with a type': {
    secret: { jwk_url: jwkUrl, type: 'RS256' },
    alg: 'RS256',
    key: rsa.privateKey,
    kid: 'now',
  },
  'audience and issuer': {
    secret: { ...hs, audience: ['other', 'slo'], issuer: 'https://id.example' },
    ...HS,
    payload: { aud: 'slo', iss: 'https://id.example' },
    but: {
      'for nobody, from nobody': 'JWTNotIn',
      'for another audience': 'JWTNotInAudience',
      'of another issuer': 'JWTNotInIssuer',
    },
  },
  allowed_skew: {
    secret: { ...hs, allowed_skew: 90 },
    ...HS,
    but: { 'expired a minute ago': 'user of acme', 'valid in a minute': 'user of acme' },
  },
  claims_namespace: { secret: { ...hs, claims_namespace: 'my' }, ...HS, wrap: (claims) => ({ my: claims }) },
  claims_namespace_path: {
    secret: { ...hs, claims_namespace_path: '$.app.hasura' },
    ...HS,
    wrap: (claims) => ({ app: { hasura: claims } }),
  },
  'claims_format stringified_json': {
    secret: { ...hs, claims_format: 'stringified_json' },
    ...HS,
    wrap: (claims) => ({ [NAMESPACE]: JSON.stringify(claims) }),
  },
  claims_map: {
    secret: { ...hs, claims_map: MAP },
    ...HS,
    wrap: (claims) => ({
      roles: claims['x-hasura-allowed-roles'],
      role: claims['x-hasura-default-role'],
      'org.id': claims['x-hasura-source-account-id'],
      people: [{ id: claims['x-hasura-user-id'] }],
    }),
    // A default stands in for the role; whatever else a path does not find is missing.
    but: { 'without a default role': 'user of acme', 'without an account': 'unauthorized' },
  },
  'header Cookie': {
    secret: { ...hs, header: { type: 'Cookie', name: 'session' } },
    ...HS,
    bring: (token) => ({
      cookie: `a=b; session=${token}; c`,
      origin: 'http://localhost',
      'content-type': 'application/json',
    }),
  },
  'header CustomHeader': {
    secret: { ...hs, header: JSON.stringify({ type: 'CustomHeader', name: 'X-My-Token' }) },
    ...HS,
    bring: (token) => ({ 'x-my-token': token }),
  },
};

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

function sign({ alg, key, kid, wrap = asClaims, payload }: Option, claims: Claims, more: JWTPayload = {}) {
  return new SignJWT({ ...payload, ...wrap(claims), ...more })
    .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) })
    .sign(key);
}

const without = (name: keyof typeof CLAIMS): Claims =>
  Object.fromEntries(Object.entries(CLAIMS).filter(([claim]) => claim !== name));

/** Another key of the option's own kind. */
function otherKey({ alg }: Option): SigningKey {
  if (alg.startsWith('HS')) return bytes('x'.repeat(64));
  if (alg.startsWith('RS')) return rsa2.privateKey;
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519').privateKey;
  return generateKeyPairSync('ec', { namedCurve: `P-${alg === 'ES512' ? '521' : alg.slice(2)}` }).privateKey;
}

/** A good key of a kind that the option does not name; for a public key, that key as an HMAC secret. */
function otherFamily(option: Option): Promise<string> | string {
  if (option.alg.startsWith('HS')) return sign({ ...option, alg: 'RS256', key: rsa.privateKey }, CLAIMS);
  const head = base64url({ alg: 'HS256', ...(option.kid === undefined ? {} : { kid: option.kid }) });
  const body = base64url({ [NAMESPACE]: CLAIMS });
  const secret = typeof option.secret.key === 'string' ? option.secret.key : pem(rsa.publicKey);
  return `${head}.${body}.${createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url')}`;
}

type Token = readonly [expected: string, make: (option: Option) => Promise<string> | string];

const TOKENS: Readonly<Record<string, Token>> = {
  good: ['user of acme', (option) => sign(option, CLAIMS)],
  'good until in a minute': ['user of acme', (option) => sign(option, CLAIMS, { exp: NOW_SECONDS + 60 })],
  'expired a minute ago': ['JWTExpired', (option) => sign(option, CLAIMS, { exp: NOW_SECONDS - 60 })],
  'expired an hour ago': ['JWTExpired', (option) => sign(option, CLAIMS, { exp: NOW_SECONDS - 3600 })],
  'valid in a minute': ['JWTNotYetValid', (option) => sign(option, CLAIMS, { nbf: NOW_SECONDS + 60 })],
  'valid in an hour': ['JWTNotYetValid', (option) => sign(option, CLAIMS, { nbf: NOW_SECONDS + 3600 })],
  'issued in an hour': ['JWTIssuedAtFuture', (option) => sign(option, CLAIMS, { iat: NOW_SECONDS + 3600 })],
  'of another key': ['JWSError', (option) => sign({ ...option, key: otherKey(option) }, CLAIMS)],
  'of another family': ['JWSError', otherFamily],
  'signed by none': [
    'JWSError',
    (option) => `${base64url({ alg: 'none' })}.${base64url((option.wrap ?? asClaims)(CLAIMS))}.`,
  ],
  'for nobody, from nobody': ['user of acme', ({ payload: _, ...option }) => sign(option, CLAIMS)],
  'for another audience': ['user of acme', (option) => sign(option, CLAIMS, { aud: 'somebody else' })],
  'of another issuer': ['user of acme', (option) => sign(option, CLAIMS, { iss: 'https://evil.example' })],
  'without claims': [
    'unauthorized',
    ({ wrap: _, ...option }) => sign({ ...option, wrap: () => ({}) }, CLAIMS),
  ],
  'with claims elsewhere': [
    'unauthorized',
    (option) => sign({ ...option, wrap: (claims) => ({ elsewhere: claims }) }, CLAIMS),
  ],
  'with claims that are a number': [
    'unauthorized',
    (option) => sign({ ...option, wrap: () => ({ [NAMESPACE]: 7, my: 7, app: 7 }) }, CLAIMS),
  ],
  'without allowed roles': ['unauthorized', (option) => sign(option, without('x-hasura-allowed-roles'))],
  'without a default role': ['unauthorized', (option) => sign(option, without('x-hasura-default-role'))],
  'without an account': ['forbidden', (option) => sign(option, without('x-hasura-source-account-id'))],
  'of an account that is none': [
    'malformed',
    (option) => sign(option, { ...CLAIMS, 'x-hasura-source-account-id': 'a b' }),
  ],
};

/** An actor, the word that Hasura has for the fault, or the code of the error. */
async function seen(option: Option, token: string): Promise<string> {
  const { secret, bring = bearing } = option;
  const request = requestWith(bring(token), { method: 'POST', body: '{}' });
  const found = await outcome(jwtResolver(secret)(request));
  if ('accountId' in found) return `${found.role} of ${found.accountId}`;
  const [, word] = /^Could not verify JWT: (\w+)/.exec(found.message) ?? [];
  return word ?? found.code;
}

describe.each(Object.entries(OPTIONS))('%s', (_name, option) => {
  test.each(Object.entries(TOKENS))('a token %s', async (name, [usual, make]) => {
    const expected = option.but?.[name] ?? usual;
    expect(await seen(option, await make(option))).toMatch(new RegExp(`^${expected}`));
  });

  test('differs in tokens that there are', () => {
    expect(Object.keys(TOKENS)).toEqual(expect.arrayContaining(Object.keys(option.but ?? {})));
  });

  test('a good token in another place is not taken', async () => {
    const token = await sign(option, CLAIMS);
    const places = [bearing(token), { cookie: `token=${token}` }, { 'x-token': token }, { token }];
    for (const headers of option.bring === undefined ? places.slice(1) : places) {
      expect(await seen({ ...option, bring: () => headers }, token)).toBe('unauthorized');
    }
  });
});
