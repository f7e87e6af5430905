import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bearer, CLAIMS, jwtResolver, NAMESPACE, outcome } from './resolver.ts';

interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const rsa2 = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' });
const ed = generateKeyPairSync('ed25519');

const spki = ({ publicKey }: Pair) => publicKey.export({ type: 'spki', format: 'pem' }).toString();
const pkcs1 = ({ publicKey }: Pair) => publicKey.export({ type: 'pkcs1', format: 'pem' }).toString();

/** A self-signed certificate, and a token that its key signed before it was thrown away. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBdjCCARugAwIBAgIUJWejVx5TuzUsp8ducKHNwxD4nJswCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjIwMzIxNTlaGA8yMTI2MTAyOTAzMjE1
OVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKqL
ISGIMPb0LJbgqASkUj9xnBwn7tlDzK2jKYYM7tTNJXZiGLivcSOPNYObu9+oFegy
IQnAwlFfkbDtTbjwGD2jUzBRMB0GA1UdDgQWBBR0OGvMpZDZ+kprwpoelLZe1MDW
gDAfBgNVHSMEGDAWgBR0OGvMpZDZ+kprwpoelLZe1MDWgDAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQCacdNXsTCwmfluLWJocx4Q/qyBBBh7DK37
IJV+C2y27wIhAOV0BJuE2xt8TuhRDbQO53g/9EJq//i8PpQiO95E5Smh
-----END CERTIFICATE-----
`;
const CERTIFIED_TOKEN = [
  'eyJhbGciOiJFUzI1NiJ9.eyJodHRwczovL2hhc3VyYS5pby9qd3QvY2xhaW1zIjp7IngtaGFzdXJhLWFsbG93ZWQtcm9sZXMiOls',
  'idXNlciIsImFkbWluIl0sIngtaGFzdXJhLWRlZmF1bHQtcm9sZSI6InVzZXIiLCJ4LWhhc3VyYS1zb3VyY2UtYWNjb3VudC1pZCI',
  '6ImFjbWUifX0.f__aZZ555WLvjQqExXcL-cYqDPonxgZwb78YKqHJDFoSd_OK0yrRvC1bYVuoy_FIfD4Itiht3QDZN0lT2gm1zA',
].join('');

function signed(alg: string, { privateKey }: Pair, header: Record<string, unknown> = {}): Promise<string> {
  return new SignJWT({ [NAMESPACE]: CLAIMS }).setProtectedHeader({ alg, ...header }).sign(privateKey);
}

const OK = { accountId: 'acme' };
const REFUSED = { code: 'unauthorized' };

describe('public keys', () => {
  test.each<[string, string, string, Pair]>([
    ['RS256', 'RS256', spki(rsa), rsa],
    ['RS512 by the same family', 'RS256', spki(rsa), rsa],
    ['RS384', 'RS384', pkcs1(rsa), rsa],
    ['ES256', 'ES256', spki(p256), p256],
    ['ES384', 'ES384', spki(p384), p384],
    ['ES512', 'ES512', spki(p521), p521],
    ['EdDSA', 'Ed25519', spki(ed), ed],
    ['Ed25519', 'Ed25519', spki(ed), ed],
  ])('%s verifies under type %s', async (name, type, key, pair) => {
    const [alg = ''] = name.split(' ');
    expect(await jwtResolver({ type, key })(bearer(await signed(alg, pair)))).toMatchObject(OK);
  });

  test.each<[string, string, string, Pair]>([
    ['another key of the family', 'RS256', spki(rsa), rsa2],
    ['PSS padding', 'PS256', spki(rsa), rsa],
  ])('%s is refused', async (_name, alg, key, pair) => {
    const token = await signed(alg, pair);
    expect(await outcome(jwtResolver({ type: 'RS256', key })(bearer(token)))).toMatchObject(REFUSED);
  });

  test('a public key is never an HMAC secret', async () => {
    const key = spki(rsa);
    const head = Buffer.from(JSON.stringify({ alg: 'HS256' })).toString('base64url');
    const payload = Buffer.from(JSON.stringify({ [NAMESPACE]: CLAIMS })).toString('base64url');
    const mac = createHmac('sha256', key).update(`${head}.${payload}`).digest('base64url');
    const resolve = jwtResolver({ type: 'RS256', key });
    expect(await outcome(resolve(bearer(`${head}.${payload}.${mac}`)))).toMatchObject(REFUSED);
  });

  test('a certificate stands for the key in it', async () => {
    const resolve = jwtResolver({ type: 'ES256', key: CERTIFICATE });
    expect(await resolve(bearer(CERTIFIED_TOKEN))).toMatchObject(OK);
  });
});

describe('a key set', () => {
  let keys: object[] = [];
  let mode: 'keys' | 'error' | 'large' = 'keys';
  let asked = 0;
  const server = createServer((_request, response) => {
    asked += 1;
    if (mode === 'error') response.writeHead(500).end();
    else if (mode === 'large') response.end(`{"keys":[${' '.repeat(2 * 1024 * 1024)}]}`);
    else response.end(JSON.stringify({ keys }));
  });
  let url = '';

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  });
  beforeEach(async () => {
    mode = 'keys';
    asked = 0;
    keys = [
      { ...(await exportJWK(rsa.publicKey)), kid: 'one', alg: 'RS256' },
      { ...(await exportJWK(p256.publicKey)), kid: 'two' },
    ];
  });
  afterAll(() => server.close());

  test('is fetched once for many tokens', async () => {
    const resolve = jwtResolver({ jwk_url: url });
    for (const token of [
      await signed('RS256', rsa, { kid: 'one' }),
      await signed('ES256', p256, { kid: 'two' }),
    ]) {
      expect(await resolve(bearer(token))).toMatchObject(OK);
    }
    expect(asked).toBe(1);
  });

  test('several keys that fit are all tried', async () => {
    keys = [await exportJWK(rsa2.publicKey), await exportJWK(rsa.publicKey)];
    expect(await jwtResolver({ jwk_url: url })(bearer(await signed('RS256', rsa)))).toMatchObject(OK);
    keys = [await exportJWK(rsa2.publicKey), await exportJWK(rsa2.publicKey)];
    const token = await signed('RS256', rsa);
    expect(await outcome(jwtResolver({ jwk_url: url })(bearer(token)))).toMatchObject(REFUSED);
  });

  test('a configured type pins the family', async () => {
    const resolve = jwtResolver({ jwk_url: url, type: 'RS256' });
    expect(await outcome(resolve(bearer(await signed('ES256', p256, { kid: 'two' }))))).toMatchObject(
      REFUSED,
    );
  });

  test('unknown keys do not make us ask again at once', async () => {
    const resolve = jwtResolver({ jwk_url: url });
    for (let i = 0; i < 3; i += 1) {
      expect(await outcome(resolve(bearer(await signed('RS256', rsa2, { kid: `x${i}` }))))).toMatchObject(
        REFUSED,
      );
    }
    expect(asked).toBe(1);
  });

  test('a symmetric key in the set verifies nothing', async () => {
    const secret = Buffer.from('s'.repeat(32));
    keys = [{ kty: 'oct', k: secret.toString('base64url') }];
    const token = await new SignJWT({ [NAMESPACE]: CLAIMS })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(secret);
    expect(await outcome(jwtResolver({ jwk_url: url })(bearer(token)))).toMatchObject(REFUSED);
  });

  test.each(['error', 'large'] as const)(
    'that answers with %s is unavailable, not a bad credential',
    async (how) => {
      mode = how;
      const token = await signed('RS256', rsa, { kid: 'one' });
      expect(await outcome(jwtResolver({ jwk_url: url })(bearer(token)))).toMatchObject({
        code: 'unavailable',
      });
    },
  );
});
