import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseJwtSecret } from '../../src/config-jwt.ts';

const KEY_32 = 'k'.repeat(32);
const pem = (key: { export(options: { type: 'spki'; format: 'pem' }): string | Buffer }) =>
  key.export({ type: 'spki', format: 'pem' }).toString();
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed25519 = generateKeyPairSync('ed25519');

function parse(secret: object) {
  return parseJwtSecret(JSON.stringify(secret));
}

describe('HASURA_GRAPHQL_JWT_SECRET', () => {
  it('fills in the defaults of Hasura', () => {
    expect(parse({ type: 'HS256', key: KEY_32 })).toEqual({
      key: { kind: 'secret', type: 'HS256', secret: KEY_32 },
      claimsNamespace: 'https://hasura.io/jwt/claims',
      claimsNamespacePath: null,
      claimsFormat: 'json',
      claimsMap: null,
      audience: null,
      issuer: null,
      allowedSkewSeconds: 0,
      header: { type: 'Authorization' },
    });
  });

  it('takes every option', () => {
    const secret = {
      jwk_url: 'https://auth.example/jwks',
      claims_namespace_path: '$.hasura.claims',
      claims_format: 'stringified_json',
      audience: 'slo',
      issuer: 'https://auth.example',
      allowed_skew: 30,
      header: { type: 'Cookie', name: 'session' },
      something_new: true,
    };
    expect(parse(secret)).toMatchObject({
      key: { kind: 'jwks', type: null, url: 'https://auth.example/jwks' },
      claimsNamespace: null,
      claimsNamespacePath: '$.hasura.claims',
      claimsFormat: 'stringified_json',
      audience: ['slo'],
      issuer: 'https://auth.example',
      allowedSkewSeconds: 30,
      header: { type: 'Cookie', name: 'session' },
    });
  });

  it('takes the header as an object in a string', () => {
    const header = JSON.stringify({ type: 'CustomHeader', name: 'x-token' });
    expect(parse({ type: 'HS256', key: KEY_32, header })).toMatchObject({
      header: { type: 'CustomHeader', name: 'x-token' },
    });
  });

  it('takes an option that is null for one that is left out', () => {
    const nulls = { jwk_url: null, claims_namespace: null, claims_map: null, audience: null, header: null };
    expect(parse({ type: 'HS256', key: KEY_32, ...nulls, allowed_skew: null })).toEqual(
      parse({ type: 'HS256', key: KEY_32 }),
    );
  });

  it.each([
    ['a header that is none', { type: 'CustomHeader', name: 'x token' }],
    ['the header of other credentials', { type: 'CustomHeader', name: 'X-Plugin-Secret' }],
    ['the header of bearers', { type: 'CustomHeader', name: 'authorization' }],
    ['the header of a session variable', { type: 'CustomHeader', name: 'x-hasura-role' }],
    ['a cookie that is none', { type: 'Cookie', name: 'a;b' }],
    ['no name', { type: 'Cookie' }],
    ['another type', { type: 'Query', name: 'token' }],
    ['no JSON', '{"type":'],
  ])('refuses %s as the place of the JWT', (_, header) => {
    expect(parse({ type: 'HS256', key: KEY_32, header })).toMatch(/^header/);
  });

  it('refuses a jwk_url with a password, without repeating it', () => {
    const answer = parse({ jwk_url: 'https://me:hush@auth.example/jwks' });
    expect(answer).toBe('jwk_url: a URL without user and password');
  });

  it('takes a claims map of literals and paths, whatever the case of its names', () => {
    const claims_map = {
      'X-Hasura-Allowed-Roles': ['user', 'editor'],
      'x-hasura-default-role': { path: '$.role', default: 'user' },
      'x-hasura-source-account-id': { path: '$.account' },
    };
    expect(parse({ type: 'HS256', key: KEY_32, claims_map })).toMatchObject({
      claimsNamespace: null,
      claimsMap: {
        'x-hasura-allowed-roles': ['user', 'editor'],
        'x-hasura-default-role': { path: '$.role', default: 'user' },
        'x-hasura-source-account-id': { path: '$.account' },
      },
    });
  });

  it.each([
    ['RS256', pem(rsa.publicKey), 'rsa'],
    ['ES256', pem(p256.publicKey), 'ec'],
    ['Ed25519', pem(ed25519.publicKey), 'ed25519'],
  ])('takes a public key for %s', (type, key, family) => {
    expect(parse({ type, key })).toMatchObject({
      key: { kind: 'public', type, publicKey: { asymmetricKeyType: family } },
    });
  });

  it.each([
    ['no JSON', '{', 'a JSON object'],
    ['neither key nor URL', '{"type":"HS256"}', 'either key or jwk_url'],
    ['a key without type', `{"key":"${KEY_32}"}`, 'type: beside key'],
    ['a short key', `{"type":"HS512","key":"${KEY_32}"}`, 'key: at least 64 bytes for HS512'],
    [
      'a type beside jwk_url that is symmetric',
      '{"type":"HS256","jwk_url":"https://a.example"}',
      'type: a type of public keys beside jwk_url',
    ],
    [
      'both places for the claims',
      `{"type":"HS256","key":"${KEY_32}","claims_namespace":"a","claims_namespace_path":"$.a"}`,
      'either claims_namespace or claims_namespace_path',
    ],
    [
      'a map without roles',
      `{"type":"HS256","key":"${KEY_32}","claims_map":{}}`,
      'claims_map: with x-hasura-allowed-roles and x-hasura-default-role',
    ],
  ])('refuses %s', (_, text, expected) => {
    expect(parseJwtSecret(text)).toBe(expected);
  });

  it('refuses a key of another family or curve, a private one, and what is no key', () => {
    expect(parse({ type: 'ES256', key: pem(rsa.publicKey) })).toBe('key: a key that fits the type ES256');
    expect(parse({ type: 'ES384', key: pem(p256.publicKey) })).toBe('key: a key that fits the type ES384');
    expect(parse({ type: 'RS256', key: 'hello' })).toBe('key: a public key or certificate in PEM');
    const privateKey = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(parse({ type: 'RS256', key: privateKey })).toBe('key: the public key, not the private one');
  });
});
