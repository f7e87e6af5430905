import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CREDENTIAL_HEADERS } from '../../src/api/auth/credential-headers.ts';
import { sendRaw } from '../support/raw-http.ts';
import { type Mirror, startMirror } from './mirror.ts';
import { HAS_NGINX, type Nginx, startNginx } from './nginx.ts';

const BEARER = 'the-bearer-of-the-plugin';
const PREFIX = '/nself-slo-tracker';

/** Each header of the closed list in several spellings, more than once, and what else could say who asks. */
const FORGED = [
  ...CREDENTIAL_HEADERS.filter((name) => name !== 'authorization').flatMap((name) => [
    `${name}: forged`,
    `${name.toUpperCase()}: forged`,
    `${name.replaceAll('-', '_')}: forged`,
    `${name}:forged, forged`,
  ]),
  'X-Hasura-Allowed-Roles: forged',
  'X-Hasura-Default-Role: forged',
  'X-Hasura-Admin-Secret: forged',
  'X-Forwarded-For: 10.9.8.7',
  'X-Real-IP: 10.9.8.7',
  'Forwarded: for=10.9.8.7',
  'X-Forwarded-Host: forged.example.com',
  'X-Original-Method: forged',
  'X-Original-URI: /forged',
  'X-HTTP-Method-Override: DELETE',
  'X-Accel-Redirect: /metrics',
  'X-Accel-Buffering: yes',
  'X-Rewrite-URL: /metrics',
];

describe.runIf(HAS_NGINX)('nginx lets nobody say who they are', () => {
  let mirror: Mirror;
  let nginx: Nginx;
  beforeAll(async () => {
    mirror = await startMirror();
    nginx = await startNginx({ upstream: mirror.url, bearer: BEARER });
  });
  afterAll(async () => {
    await nginx.stop();
    await mirror.stop();
  });
  beforeEach(() => {
    mirror.seen();
    mirror.verifications();
  });

  const send = (path: string, ...headers: readonly string[]) =>
    sendRaw(
      nginx.port,
      [`GET ${PREFIX}${path} HTTP/1.1`, 'Host: api.localhost', ...headers, 'Connection: close', '', ''].join(
        '\r\n',
      ),
    );

  test('but replaces Authorization, account and role with what the tracker found out', async () => {
    expect(
      await send('/api/v1/slos?limit=1', 'Authorization: Bearer theirs', 'Cookie: session=1', ...FORGED),
    ).toMatch(/^HTTP\/1\.1 200 /);
    const [request, ...more] = mirror.seen();
    expect(more).toEqual([]);
    expect(request?.url).toBe('/api/v1/slos?limit=1');
    // All of it: what is not in here does not pass.
    expect(request?.rawHeaders).toEqual([
      ...['Host', 'api.localhost'],
      ...['X-Forwarded-For', '127.0.0.1'],
      ...['X-Forwarded-Proto', 'http'],
      ...['X-Forwarded-Prefix', PREFIX],
      ...['Authorization', `Bearer ${BEARER}`],
      ...['X-Source-Account-Id', 'acme'],
      ...['X-Hasura-Role', 'viewer'],
      ...['X-Hasura-User-Id', 'u-1'],
    ]);
  });

  test('and asks about the request without the secret of the gateway', async () => {
    await send('/api/v1/slos', 'Authorization: Bearer theirs', 'Cookie: session=1', ...FORGED);
    const [verification] = mirror.verifications();
    expect(verification?.method).toBe('GET');
    expect(verification?.values('authorization')).toEqual(['Bearer theirs']);
    expect(verification?.values('cookie')).toEqual(['session=1']);
    expect(verification?.values('x-plugin-secret')).toEqual([]);
    expect(verification?.values('x-plugin_secret')).toEqual([]);
    expect(verification?.values('x-original-method')).toEqual(['GET']);
    expect(verification?.values('x-forwarded-for')).toEqual(['127.0.0.1']);
  });

  test.each(['/graphql', '/api/v1/events'])(
    'and on %s leaves only the credentials and the choice of a role',
    async (path) => {
      const forged = FORGED.filter((line) => !/^x.hasura.role:/i.test(line));
      await send(path, 'Authorization: Bearer theirs', 'X-Hasura-Role: user', ...forged);
      const [request] = mirror.seen();
      expect(mirror.verifications()).toEqual([]);
      expect(request?.values('authorization')).toEqual(['Bearer theirs']);
      expect(request?.values('x-hasura-role')).toEqual(['user']);
      expect(request?.values('x-forwarded-for')).toEqual(['127.0.0.1']);
      for (const name of CREDENTIAL_HEADERS.filter((one) => !/^(authorization|x-hasura-role)$/.test(one))) {
        expect(request?.values(name), name).toEqual([]);
        expect(request?.values(name.replaceAll('-', '_')), name).toEqual([]);
      }
    },
  );

  test.each(['/health', '/ready', '/live'])('and asks %s for nobody', async (path) => {
    await send(path, 'Authorization: Bearer theirs', ...FORGED);
    const [request] = mirror.seen();
    expect(mirror.verifications()).toEqual([]);
    expect(request?.rawHeaders.filter((_, i) => i % 2 === 0)).toEqual([
      'Host',
      'X-Forwarded-For',
      'X-Forwarded-Proto',
    ]);
  });

  test('and passes OPTIONS without asking, and without credentials', async () => {
    const answer = await sendRaw(
      nginx.port,
      `OPTIONS ${PREFIX}/api/v1/slos HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example.com\r\nAuthorization: Bearer theirs\r\n` +
        'Access-Control-Request-Method: PATCH\r\nX-Plugin-Secret: forged\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(mirror.verifications()).toEqual([]);
    expect(mirror.seen().map(({ method, rawHeaders }) => [method, rawHeaders])).toEqual([
      [
        'OPTIONS',
        ['Host', 'a', 'Origin', 'https://app.example.com', 'Access-Control-Request-Method', 'PATCH'],
      ],
    ]);
  });

  describe('whatever the path looks like', () => {
    test.each([
      '/metrics',
      '/slos',
      '/auth/verify',
      '/auth',
      '//metrics',
      '/./metrics',
      '/api/../metrics',
      '/api/..%2fmetrics',
      '/api%2f..%2fmetrics',
      '/%6detrics',
      '/%6d%65%74%72%69%63%73',
      '/m%65trics?x=1',
      '/metrics?x=/graphql',
      '/metrics#graphql',
      '/metrics/',
      '/slos/',
      '/slos/..',
      '/..;/metrics',
      '/;/metrics',
      '/metrics;/graphql',
      '/api\\..\\metrics',
      '/api%5c..%5cmetrics',
      '/%5cmetrics',
      '/graphql/../metrics',
      '/graphql%2f..%2fmetrics',
      '/%2e%2e/_slo_tracker_verify',
      '/../_slo_tracker_verify',
      '/%252e%252e/metrics',
      '/%25%36%64etrics',
      '/health/../metrics',
      '/health%2f..%2fslos',
      '/%0ametrics',
      '/metrics%0a',
      '/metrics%20',
      '/metrics%00',
      '/metrics%09',
      '/METRICS',
      '/%E2%81%84metrics',
    ])('%s does not lead to what is not served outside', async (path) => {
      const answer = await send(path, 'Authorization: Bearer theirs');
      expect(answer).toMatch(/^HTTP\/1\.1 (200|400|404) /);
      for (const { url } of mirror.seen()) {
        // As the tracker reads it.
        const { pathname } = new URL(`http://localhost${url}`);
        expect(pathname).not.toMatch(/^\/(metrics|slos|auth(\/.*)?)$/);
        expect(decodeURIComponent(pathname)).not.toMatch(/\/\.\.\/(metrics|slos|auth)/);
      }
    });

    test('nothing is served beside the prefix', async () => {
      for (const path of [
        '/',
        '/metrics',
        '/index.html',
        '/_slo_tracker_verify',
        '/nself-slo-trackerx/graphql',
      ]) {
        const answer = await sendRaw(
          nginx.port,
          `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
        );
        expect(answer, path).toMatch(/^HTTP\/1\.1 404 /);
        expect(answer, path).toContain('"code":"not_found"');
      }
      expect(mirror.seen()).toEqual([]);
    });
  });

  describe('nor smuggles a second request in', () => {
    const INNER = 'GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n';
    const chunked = `0\r\n\r\n${INNER}`;
    const post = (...headers: readonly string[]) => [
      'POST /nself-slo-tracker/graphql HTTP/1.1',
      'Host: a',
      'Content-Type: application/json',
      ...headers,
    ];
    test.each([
      ['two lengths', post('Content-Length: 0', `Content-Length: ${INNER.length}`), INNER],
      ['a list of lengths', post(`Content-Length: 0, ${INNER.length}`), INNER],
      ['length and chunks', post(`Content-Length: ${chunked.length}`, 'Transfer-Encoding: chunked'), chunked],
      ['chunks and length', post('Transfer-Encoding: chunked', `Content-Length: ${chunked.length}`), chunked],
      ['unknown coding', post('Transfer-Encoding: xchunked', 'Content-Length: 0'), INNER],
      ['two codings', post('Transfer-Encoding: identity, chunked'), chunked],
      ['coding behind a blank', post('Transfer-Encoding : chunked', 'Content-Length: 0'), INNER],
      ['a folded header', post('X-A: b\r\n Content-Length: 0', `Content-Length: ${INNER.length}`), INNER],
      ['a bare line feed', post('X-A: b\nTransfer-Encoding: chunked'), chunked],
      ['a signed length', post(`Content-Length: +${INNER.length}`), INNER],
      ['a negative length', post('Content-Length: -1'), INNER],
      ['two hosts', ['GET /nself-slo-tracker/graphql HTTP/1.1', 'Host: a', 'Host: b'], ''],
      ['an absolute address', ['GET http://evil.example.com/metrics HTTP/1.1', 'Host: a'], ''],
      [
        'a line break in the path',
        ['GET /nself-slo-tracker/graphql%0d%0aX-Plugin-Secret:%20x HTTP/1.1', 'Host: a'],
        '',
      ],
      [
        'an upgrade to HTTP/2',
        post(
          'Connection: Upgrade, HTTP2-Settings',
          'Upgrade: h2c',
          'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA',
          'Content-Length: 0',
        ),
        '',
      ],
    ])('%s', async (_name, head, body) => {
      await sendRaw(nginx.port, `${head.join('\r\n')}\r\n\r\n${body}`, 700);
      const seen = mirror.seen();
      expect(seen.length).toBeLessThan(2);
      for (const request of seen) {
        expect(new URL(`http://localhost${request.url}`).pathname).toMatch(
          /^(\/nself-slo-tracker)?\/graphql/,
        );
        expect(request.values('x-plugin-secret')).toEqual([]);
        expect(request.values('upgrade')).toEqual([]);
        // One idea of where the body ends.
        expect(
          request.values('content-length').length + request.values('transfer-encoding').length,
        ).toBeLessThan(2);
      }
    });
  });
});

describe.runIf(HAS_NGINX)('a verification that names nobody', () => {
  test('gives nobody any right', async () => {
    const mirror = await startMirror({ verify: (_request, response) => response.end() });
    const nginx = await startNginx({ upstream: mirror.url, bearer: BEARER });
    try {
      await fetch(`${nginx.url}${PREFIX}/api/v1/slos`);
      const [request] = mirror.seen();
      // The tracker takes neither: no account is written so, and no role has that name.
      expect(request?.values('x-source-account-id')).toEqual(['!']);
      expect(request?.values('x-hasura-role')).toEqual(['none']);
    } finally {
      await nginx.stop();
      await mirror.stop();
    }
  });
});
