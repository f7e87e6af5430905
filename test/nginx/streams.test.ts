import type { IncomingMessage, ServerResponse } from 'node:http';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { sendRaw } from '../support/raw-http.ts';
import { type Mirror, type MirrorOptions, startMirror } from './mirror.ts';
import { HAS_NGINX, type Nginx, type NginxOptions, startNginx } from './nginx.ts';

const PREFIX = '/nself-slo-tracker';

let mirror: Mirror | null = null;
let nginx: Nginx | null = null;
afterEach(async () => {
  await nginx?.stop();
  await mirror?.stop();
  nginx = null;
  mirror = null;
});

async function behindNginx(
  options: MirrorOptions,
  changes: NonNullable<NginxOptions['changes']> = [],
): Promise<{ mirror: Mirror; nginx: Nginx }> {
  mirror = await startMirror(options);
  nginx = await startNginx({ upstream: mirror.url, bearer: 'the-bearer', changes });
  return { mirror, nginx };
}

/** The first bytes of an answer, while it goes on. */
async function firstChunk(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const { value } = (await reader?.read()) ?? {};
  await reader?.cancel();
  return new TextDecoder().decode(value);
}

describe.runIf(HAS_NGINX)('what streams through nginx', () => {
  test.each([
    ['GET', '/graphql?query=subscription'],
    ['POST', '/graphql'],
    ['GET', '/api/v1/events'],
  ])('%s %s comes as it is sent', async (method, path) => {
    const open: ServerResponse[] = [];
    const proxied = await behindNginx({
      answer: (_request, response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.write('data: now\n\n');
        open.push(response);
      },
    });
    const response = await fetch(`${proxied.nginx.url}${PREFIX}${path}`, {
      method,
      headers: { accept: 'text/event-stream', 'accept-encoding': 'gzip' },
      ...(method === 'POST' ? { body: '{}' } : {}),
    });
    expect(response.status).toBe(200);
    // Were it buffered, this would wait for the end, which never comes.
    expect(await firstChunk(response)).toBe('data: now\n\n');
    for (const one of open) one.end();
  });

  test('measurements go on while they come', async () => {
    let arrive: (line: string) => void = () => undefined;
    const arrived = new Promise<string>((resolve) => {
      arrive = resolve;
    });
    const proxied = await behindNginx({
      answer: (request, response) => {
        request.once('data', (chunk) => arrive(String(chunk)));
        request.once('end', () => response.end('{}'));
      },
    });
    const answered = new Promise<number | undefined>((resolve, reject) => {
      const client = httpRequest(
        `${proxied.nginx.url}${PREFIX}/api/v1/measurements`,
        { method: 'POST', headers: { 'content-type': 'application/x-ndjson' } },
        (answer) => resolve(answer.statusCode),
      );
      client.once('error', reject);
      client.write('{"slo":"default.api"}\n');
      // The rest is sent once the tracker has the first line.
      void arrived.then(() => client.end('{"slo":"default.api"}\n'));
    });
    expect(await arrived).toBe('{"slo":"default.api"}\n');
    expect(await answered).toBe(200);
  });

  test('a WebSocket is opened, with the credentials of the client, and talks both ways', async () => {
    const proxied = await behindNginx({
      upgrade: (_request, socket) => {
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello ',
        );
        socket.once('data', (chunk) => socket.end(`you said ${String(chunk)}`));
      },
    });
    const said = await new Promise<string>((resolve, reject) => {
      const socket = connect(proxied.nginx.port, '127.0.0.1', () =>
        socket.write(
          `GET ${PREFIX}/graphql HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n` +
            'Sec-WebSocket-Protocol: graphql-transport-ws\r\nAuthorization: Bearer theirs\r\nCookie: session=1\r\n' +
            'Origin: https://app.example.com\r\nX-Plugin-Secret: forged\r\n\r\n',
        ),
      );
      let text = '';
      socket.on('data', (chunk) => {
        text += String(chunk);
        if (text.endsWith('hello ')) socket.write('ping');
      });
      socket.once('close', () => resolve(text));
      socket.once('error', reject);
    });
    expect(said).toMatch(/^HTTP\/1\.1 101 /);
    expect(said).toMatch(/hello you said ping$/);
    const [request] = proxied.mirror.seen();
    expect(request?.values('upgrade')).toEqual(['websocket']);
    expect(request?.values('authorization')).toEqual(['Bearer theirs']);
    expect(request?.values('cookie')).toEqual(['session=1']);
    expect(request?.values('origin')).toEqual(['https://app.example.com']);
    expect(request?.values('sec-websocket-protocol')).toEqual(['graphql-transport-ws']);
    expect(request?.values('x-plugin-secret')).toEqual([]);
  });

  test('too many of one address get 429 in JSON', async () => {
    const open: ServerResponse[] = [];
    const proxied = await behindNginx(
      {
        answer: (_request, response) => {
          response.write('data: now\n\n');
          open.push(response);
        },
      },
      [['limit_conn slo_tracker_streams 200;', 'limit_conn slo_tracker_streams 1;']],
    );
    const url = `${proxied.nginx.url}${PREFIX}/api/v1/events`;
    const first = await fetch(url);
    const second = await fetch(url);
    expect(second.status).toBe(429);
    expect(second.headers.get('retry-after')).toBe('5');
    expect(await second.json()).toMatchObject({ code: 'rate_limited', details: [] });
    for (const one of open) one.end();
    await first.text();
  });
});

describe.runIf(HAS_NGINX)('what goes wrong behind nginx', () => {
  const never = (request: IncomingMessage): void => void request.resume();
  const impatient: NginxOptions['changes'] = [
    ['proxy_read_timeout 90s;', 'proxy_read_timeout 1s;'],
    ['proxy_read_timeout 15s;', 'proxy_read_timeout 1s;'],
    ['proxy_read_timeout 1h;', 'proxy_read_timeout 1s;'],
  ];
  const late = { error: 'The tracker does not answer in time.', code: 'unavailable', details: [] };

  test.each([
    ['the answer', { answer: never }, '/api/v1/slos'],
    ['the answer of a stream', { answer: never }, '/graphql'],
    ['the verification', { verify: never }, '/api/v1/slos'],
  ])('%s does not come: 504 in JSON', async (_name, options, path) => {
    const proxied = await behindNginx(options, impatient);
    const answer = await fetch(`${proxied.nginx.url}${PREFIX}${path}`);
    expect(answer.status).toBe(504);
    expect(await answer.json()).toEqual(late);
  });

  test.each([500, 503, 418, 302])('a verification that answers %i is a 502 in JSON', async (status) => {
    const proxied = await behindNginx({
      verify: (_request, response) => response.writeHead(status, { Location: '/elsewhere' }).end(),
    });
    const answer = await fetch(`${proxied.nginx.url}${PREFIX}/api/v1/slos`, { redirect: 'manual' });
    expect(answer.status).toBe(502);
    expect(await answer.json()).toMatchObject({ code: 'unavailable' });
    expect(proxied.mirror.seen()).toEqual([]);
  });

  test.each([400, 401, 403, 404, 409, 413, 415, 418, 422, 429, 500, 503])(
    'an answer of the tracker with %i passes as it is',
    async (status) => {
      const body = '{"error":"As the tracker said.","code":"its_own","details":[]}';
      const proxied = await behindNginx({
        answer: (_request, response) => {
          response.writeHead(status, { 'Content-Type': 'application/json', 'Retry-After': '7' });
          response.end(body);
        },
      });
      const answer = await fetch(`${proxied.nginx.url}${PREFIX}/api/v1/slos`);
      expect(answer.status).toBe(status);
      expect(await answer.text()).toBe(body);
      expect(answer.headers.get('retry-after')).toBe('7');
    },
  );

  test('a refusal tells when to come again', async () => {
    const proxied = await behindNginx({
      verify: (_request, response) => response.writeHead(401, { 'Retry-After': '60' }).end(),
    });
    const answer = await fetch(`${proxied.nginx.url}${PREFIX}/api/v1/slos`);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('retry-after')).toBe('60');
  });

  test('a header of the answer sends nginx nowhere else', async () => {
    const proxied = await behindNginx({
      answer: (_request, response) => response.writeHead(200, { 'X-Accel-Redirect': '/metrics' }).end('{}'),
    });
    const answer = await fetch(`${proxied.nginx.url}${PREFIX}/api/v1/slos`);
    expect([answer.status, await answer.text()]).toEqual([200, '{}']);
  });

  test('addresses, headers and bodies that are too large get JSON', async () => {
    const proxied = await behindNginx({});
    const ask = (line: string, ...headers: string[]) =>
      sendRaw(
        proxied.nginx.port,
        [line, 'Host: a', ...headers, 'Connection: close', '', ''].join('\r\n'),
        5000,
      );
    const long = 'x'.repeat(9000);
    const answers: [string, number, string][] = [
      [await ask('GET /a b c HTTP/1.1'), 400, 'malformed'],
      [await ask('nonsense'), 400, 'malformed'],
      [await ask(`GET ${PREFIX}/graphql?query=${long} HTTP/1.1`), 414, 'too_large'],
      [await ask(`GET ${PREFIX}/api/v1/slos HTTP/1.1`, `X-Long: ${long}`), 431, 'too_large'],
      [await ask(`POST ${PREFIX}/graphql HTTP/1.1`, 'Content-Length: 4000000'), 413, 'too_large'],
      [await ask(`POST ${PREFIX}/api/v1/slos HTTP/1.1`, 'Content-Length: 20000000'), 413, 'too_large'],
    ];
    for (const [answer, status, code] of answers) {
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ code, details: [] });
    }
    expect(proxied.mirror.seen()).toEqual([]);
  });
});
