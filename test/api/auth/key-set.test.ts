import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { exportJWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createActorResolver } from '../../../src/api/auth/resolve-actor.ts';
import { authConfig } from '../../support/auth-config.ts';
import { fakeClock } from '../../support/fake-clock.ts';
import { bearer, CLAIMS, jwtConfig, NAMESPACE, NOW, outcome } from './resolver.ts';

// A server that hangs is given up after 5 s.
vi.setConfig({ testTimeout: 90_000 });

interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const rsa2 = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });

const OK = { accountId: 'acme' };
const REFUSED = { code: 'unauthorized' };
const UNAVAILABLE = { code: 'unavailable' };

const [one, two, ecKey, weakKey] = await Promise.all([
  exportJWK(rsa.publicKey).then((jwk) => ({ ...jwk, kid: 'one', alg: 'RS256' })),
  exportJWK(rsa2.publicKey).then((jwk) => ({ ...jwk, kid: 'two', alg: 'RS256' })),
  exportJWK(p256.publicKey).then((jwk) => ({ ...jwk, kid: 'ec' })),
  exportJWK(weak.publicKey),
]);

function signed({ privateKey }: Pair, header: Record<string, unknown> = {}, alg = 'RS256'): Promise<string> {
  return new SignJWT({ [NAMESPACE]: CLAIMS }).setProtectedHeader({ alg, ...header }).sign(privateKey);
}

/** How the server behind the `jwk_url` answers; each test sets it. */
let behave: RequestListener = () => undefined;
let asked = 0;
const server = createServer((request, response) => {
  asked += 1;
  behave(request, response);
});
let url = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const keys =
  (...all: readonly object[]): RequestListener =>
  (_request, response) =>
    void response.end(JSON.stringify({ keys: all }));
const status =
  (code: number): RequestListener =>
  (_request, response) =>
    void response.writeHead(code).end(JSON.stringify({ keys: [one] }));

function setUp(first: RequestListener, secret: Record<string, unknown> = {}) {
  behave = first;
  asked = 0;
  const clock = fakeClock(NOW);
  const config = authConfig({ jwt: jwtConfig({ jwk_url: url, ...secret }) });
  const resolve = createActorResolver({ config, clock });
  return { clock, ask: async (token: string) => outcome(resolve(bearer(token))) };
}

describe('a key set', () => {
  test('is read once for many tokens', async () => {
    const { ask } = setUp(keys(one, ecKey));
    const tokens = [await signed(rsa, { kid: 'one' }), await signed(p256, { kid: 'ec' }, 'ES256')];
    for (const answer of await Promise.all([...tokens, ...tokens].map(ask))) expect(answer).toMatchObject(OK);
    expect(asked).toBe(1);
  });

  test('several keys that fit are all tried, and one that is of no use is passed over', async () => {
    const { kid: _, ...noKid } = one;
    const { kid: __, ...noKid2 } = two;
    expect(await setUp(keys(noKid2, noKid)).ask(await signed(rsa))).toMatchObject(OK);
    expect(await setUp(keys(weakKey, noKid)).ask(await signed(rsa))).toMatchObject(OK);
    expect(await setUp(keys(noKid2, noKid2)).ask(await signed(rsa))).toMatchObject(REFUSED);
  });

  test('a configured type pins the family', async () => {
    const { ask } = setUp(keys(one, ecKey), { type: 'RS256' });
    expect(await ask(await signed(p256, { kid: 'ec' }, 'ES256'))).toMatchObject(REFUSED);
    expect(await ask(await signed(rsa, { kid: 'one' }))).toMatchObject(OK);
  });

  test('a new key is found as soon as a token names it, and the old one is good until it is gone', async () => {
    const { ask, clock } = setUp(keys(one));
    const [old, rotated] = [await signed(rsa, { kid: 'one' }), await signed(rsa2, { kid: 'two' })];
    expect(await ask(old)).toMatchObject(OK);
    behave = keys(one, two);
    clock.advance(10_000);
    expect(await ask(rotated)).toMatchObject(OK);
    behave = keys(two);
    clock.advance(59_000);
    expect(await ask(old)).toMatchObject(OK);
    clock.advance(1000);
    expect(await ask(old)).toMatchObject(REFUSED);
    expect(await ask(rotated)).toMatchObject(OK);
  });

  test('made-up key ids do not make us ask again and again', async () => {
    const { ask, clock } = setUp(keys(one));
    for (let n = 0; n < 5; n += 1)
      expect(await ask(await signed(rsa2, { kid: `x${n}` }))).toMatchObject(REFUSED);
    expect(asked).toBe(1);
    clock.advance(10_000);
    for (let n = 0; n < 5; n += 1)
      expect(await ask(await signed(rsa2, { kid: `y${n}` }))).toMatchObject(REFUSED);
    expect(asked).toBe(2);
  });
});

describe('a key set that lies opens nothing', () => {
  const secret = Buffer.from('s'.repeat(32));

  test.each<[string, RequestListener, () => Promise<string>]>([
    [
      'a symmetric key',
      keys({ kty: 'oct', k: secret.toString('base64url') }),
      () => new SignJWT({ [NAMESPACE]: CLAIMS }).setProtectedHeader({ alg: 'HS256' }).sign(secret),
    ],
    [
      'the key of another family under the same id',
      keys({ ...ecKey, kid: 'one' }),
      () => signed(rsa, { kid: 'one' }),
    ],
    ['another key under the same id', keys({ ...two, kid: 'one' }), () => signed(rsa, { kid: 'one' })],
    ['no key at all', keys(), () => signed(rsa, { kid: 'one' })],
    ['a key for encryption', keys({ ...one, use: 'enc' }), () => signed(rsa, { kid: 'one' })],
    ['a key that is none', keys({ kty: 'RSA', kid: 'one', n: '', e: '' }), () => signed(rsa, { kid: 'one' })],
    [
      'a private key',
      keys({ kty: 'RSA', kid: 'one', d: 'AQAB', n: one.n, e: one.e }),
      () => signed(rsa, { kid: 'one' }),
    ],
  ])('%s: refused', async (_name, how, token) => {
    expect(await setUp(how).ask(await token())).toMatchObject(REFUSED);
  });

  let foreign = 0;
  const elsewhere = createServer((_request, response) => {
    foreign += 1;
    response.end(JSON.stringify({ keys: [one] }));
  });
  afterAll(() => elsewhere.close());
  beforeAll(() => new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve)));

  test.each<[string, RequestListener]>([
    ['an error with keys in it', status(500)],
    ['not found', status(404)],
    ['no content', (_request, response) => void response.writeHead(204).end()],
    ['HTML', (_request, response) => void response.end('<html>Please log in</html>')],
    ['a list', (_request, response) => void response.end(JSON.stringify([one]))],
    ['null', (_request, response) => void response.end('null')],
    ['keys that are no list', (_request, response) => void response.end(JSON.stringify({ keys: one }))],
    ['a hundred and one keys', keys(...Array.from({ length: 101 }, () => one))],
    ['2 MiB', (_request, response) => void response.end(`{"keys":[${' '.repeat(2 * 1024 * 1024)}]}`)],
    [
      '100 MiB in 100 kB',
      (_request, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' });
        response.end(gzipSync(Buffer.alloc(100 * 1024 * 1024, ' ')));
      },
    ],
    ['a body without end', (_request, response) => pourInto(response)],
    ['a loop', (_request, response) => void response.writeHead(302, { location: url }).end()],
    [
      'a way elsewhere',
      (_request, response) => {
        const { port } = elsewhere.address() as AddressInfo;
        response.writeHead(307, { location: `http://127.0.0.1:${port}/` }).end();
      },
    ],
    ['a connection that is cut', (request) => void request.socket.destroy()],
  ])('%s: unavailable, and asked for once', async (_name, how) => {
    const { ask } = setUp(how);
    const token = await signed(rsa, { kid: 'one' });
    for (let n = 0; n < 3; n += 1) expect(await ask(token)).toMatchObject(UNAVAILABLE);
    expect(asked).toBe(1);
    expect(foreign).toBe(0);
  });
});

describe('a key set that is slow or down', () => {
  test('hangs nobody for longer than its time-out, and all wait for the same answer', async () => {
    const token = await signed(rsa, { kid: 'one' });
    for (const how of [
      () => undefined,
      (_request: unknown, response: ServerResponse) => dripInto(response),
    ] satisfies RequestListener[]) {
      const { ask } = setUp(how);
      for (const answer of await Promise.all(Array.from({ length: 50 }, () => ask(token)))) {
        expect(answer).toMatchObject(UNAVAILABLE);
      }
      expect(asked).toBe(1);
      const before = performance.now();
      expect(await ask(token)).toMatchObject(UNAVAILABLE);
      expect(performance.now() - before).toBeLessThan(2000);
    }
  });

  test('is asked again after a while, and then all is well', async () => {
    const { ask, clock } = setUp(status(503));
    const token = await signed(rsa, { kid: 'one' });
    expect(await ask(token)).toMatchObject(UNAVAILABLE);
    behave = keys(one);
    expect(await ask(token)).toMatchObject(UNAVAILABLE);
    clock.advance(10_000);
    expect(await ask(token)).toMatchObject(OK);
  });

  test('is lived without for ten minutes, with the keys it had, and no longer', async () => {
    const { ask, clock } = setUp(keys(one));
    const token = await signed(rsa, { kid: 'one' });
    const forged = await signed(rsa2, { kid: 'one' });
    const unknown = await signed(rsa2, { kid: 'two' });
    expect(await ask(token)).toMatchObject(OK);
    behave = status(500);
    for (let minute = 1; minute < 10; minute += 1) {
      clock.advance(60_000);
      expect(await ask(token)).toMatchObject(OK);
      expect(await ask(forged)).toMatchObject(REFUSED);
      expect(await ask(unknown)).toMatchObject(UNAVAILABLE);
    }
    clock.advance(60_000);
    expect(await ask(token)).toMatchObject(UNAVAILABLE);
  });

  test('does not touch credentials of other kinds', async () => {
    const { ask } = setUp(status(500));
    expect(await ask('a-plugin-secret-for-tests')).toMatchObject({ accountId: 'primary' });
    expect(asked).toBe(0);
  });
});

function pourInto(response: ServerResponse): void {
  const chunk = Buffer.alloc(64 * 1024, ' ');
  const pour = (): void => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once('drain', pour);
  };
  pour();
}

function dripInto(response: ServerResponse): void {
  const timer = setInterval(() => response.write(' '), 100);
  response.once('close', () => clearInterval(timer));
}
