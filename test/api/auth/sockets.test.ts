import { request } from 'node:http';
import { beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startReplica } from '../../live/live-app.ts';
import { createTestDatabase } from '../../support/database.ts';
import { CLAIMS, HS_KEY, hsToken, NAMESPACE, SECRET } from './resolver.ts';

const LISTED = 'https://app.example.com';
const COOKIE_JWT = JSON.stringify({
  type: 'HS256',
  key: HS_KEY,
  header: { type: 'Cookie', name: 'session' },
});

let databaseUrl = '';
beforeAll(async () => {
  databaseUrl = (await createTestDatabase()).url;
});

const replica = (env: Record<string, string> = {}) =>
  startReplica(databaseUrl, { PLUGIN_SECRET: SECRET, CORS_ORIGINS: LISTED, ...env });

/** How a page's attempt at a WebSocket ends: `connection_ack`, a status of HTTP, or a close code. */
function attempt(
  wsUrl: string,
  headers: Record<string, string>,
  payload: Record<string, unknown> = {},
): Promise<string | number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(wsUrl, 'graphql-transport-ws', { headers });
    socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload })));
    socket.on('message', (data) => {
      resolve(JSON.parse(String(data)).type);
      socket.close();
    });
    socket.on('close', (code) => resolve(code));
    socket.on('unexpected-response', (_request, response) => {
      resolve(response.statusCode ?? 0);
      socket.terminate();
    });
    socket.on('error', (error) => {
      if (!/before the connection was established/.test(error.message)) reject(error);
    });
  });
}

describe('a page that opens a WebSocket', () => {
  const Authorization = `Bearer ${SECRET}`;

  test('of a listed origin, or of no browser, is let in; of another it is refused at once', async () => {
    const { wsUrl } = await replica();
    expect(await attempt(wsUrl, { origin: LISTED }, { Authorization })).toBe('connection_ack');
    expect(await attempt(wsUrl, {}, { Authorization })).toBe('connection_ack');
    for (const origin of ['https://evil.example', 'null', `${LISTED}.evil.example`]) {
      expect(await attempt(wsUrl, { origin }, { Authorization })).toBe(403);
    }
  });

  test('with a cookie has to be of a listed origin', async () => {
    const { wsUrl } = await replica({ HASURA_GRAPHQL_JWT_SECRET: COOKIE_JWT });
    const cookie = `session=${await hsToken({ [NAMESPACE]: CLAIMS })}`;
    expect(await attempt(wsUrl, { origin: LISTED, cookie })).toBe('connection_ack');
    expect(await attempt(wsUrl, { cookie })).toBe(4403);
    expect(await attempt(wsUrl, { origin: 'https://evil.example', cookie })).toBe(403);
  });
});

/** Sends a header twice, as fetch cannot. */
function statusOf(url: string, headers: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const { host } = new URL(url);
    request(url, { headers: ['Host', host, ...headers] }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

describe('a header that was sent twice', () => {
  const TWICE = ['Authorization', `Bearer ${SECRET}`, 'Authorization', 'Basic YTpi'];
  const UPGRADE = [
    ['Connection', 'Upgrade', 'Upgrade', 'websocket'],
    ['Sec-WebSocket-Version', '13', 'Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
    ['Sec-WebSocket-Protocol', 'graphql-transport-ws'],
  ].flat();

  test('is two credentials, on an upgrade too', async () => {
    const { url } = await replica();
    expect(await statusOf(`${url}/api/v1/slos`, TWICE)).toBe(400);
    expect(await statusOf(`${url}/graphql?query={__typename}`, TWICE)).toBe(400);
    expect(await statusOf(`${url}/auth/verify`, TWICE)).toBe(403);
    expect(await statusOf(`${url}/graphql`, [...TWICE, ...UPGRADE])).toBe(400);
  });

  test('is no gateway, and no account', async () => {
    const { url } = await replica();
    const session = ['X-Hasura-Role', 'user', 'X-Hasura-Source-Account-Id', 'acme'];
    const secret = ['X-Plugin-Secret', SECRET];
    const ask = (headers: readonly string[]) => statusOf(`${url}/api/v1/slos`, headers);
    expect(await ask([...secret, ...session])).toBe(200);
    expect(await ask([...secret, ...secret, ...session])).toBe(401);
    expect(await ask([...secret, ...session, 'X-Hasura-Source-Account-Id', 'other'])).toBe(400);
    expect(await ask([...secret, ...session, 'X-Hasura-Role', 'admin'])).toBe(403);
  });
});
