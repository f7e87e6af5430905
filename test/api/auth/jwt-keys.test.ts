import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
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
