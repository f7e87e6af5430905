import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAILED_ATTEMPTS } from '../../../src/api/auth/attempt-throttle.ts';
import { createRestClient, type RestClient, restOn, SECRET } from './rest-client.ts';

const MIB = 1024 * 1024;

let rest: RestClient;
let port = 0;
const closers: (() => void)[] = [];

async function listen(fetch: RestClient['app']['fetch']): Promise<number> {
  const server = createAdaptorServer({ fetch });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    if ('closeAllConnections' in server) server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  rest = await createRestClient();
  await rest.ask('POST', '/api/v1/slos', { json: { name: 'api', target: 0.9 } });
  port = await listen(rest.app.fetch);
});
afterAll(() => {
  for (const close of closers) close();
});

interface Sent {
  readonly answer: string;
  /** Bytes that could be handed to the socket before the other end had enough. */
  readonly bytes: number;
}

/** Writes a request by hand, the body from a generator, and reads until the connection ends. */
function exchange(head: string, body: Iterable<string>, { hangUp = false } = {}): Promise<Sent> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const chunks = body[Symbol.iterator]();
    let answer = '';
    let bytes = 0;
    const write = () => {
      for (let next = chunks.next(); ; next = chunks.next()) {
        if (next.done === true) {
          if (hangUp) socket.destroy();
          return;
        }
        bytes += next.value.length;
        if (!socket.write(next.value)) return;
      }
    };
    socket.setEncoding('utf8');
    socket.on('drain', write);
    socket.on('data', (text) => {
      answer += text;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve({ answer, bytes }));
    socket.write(head.replaceAll('\n', '\r\n'));
    write();
  });
}

function head(path: string, headers: Record<string, string | number>): string {
  const lines = Object.entries({
    Host: 'localhost',
    Authorization: `Bearer ${SECRET}`,
    Connection: 'close',
    ...headers,
  });
  return `POST ${path} HTTP/1.1\n${lines.map(([name, value]) => `${name}: ${value}\n`).join('')}\n`;
}

function* megabytes(count: number, chunked: boolean): Generator<string> {
  const text = ' '.repeat(MIB);
  for (let n = 0; n < count; n += 1) yield chunked ? `${MIB.toString(16)}\r\n${text}\r\n` : text;
  if (chunked) yield '0\r\n\r\n';
}

const alive = async () => (await fetch(`http://127.0.0.1:${port}/health`)).status;

describe('over a real connection', () => {
  test.each([
    ['a declared length', { 'Content-Length': 100 * MIB }, false],
    ['chunks', { 'Transfer-Encoding': 'chunked' }, true],
  ])('100 MB with %s: 413, without reading them into memory', async (_name, headers, chunked) => {
    const before = process.memoryUsage().rss;
    const { answer } = await exchange(
      head('/api/v1/slos', { 'Content-Type': 'application/json', ...headers }),
      megabytes(100, chunked),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('"code":"too_large"');
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * MIB);
    expect(await alive()).toBe(200);
  });

  test.each(['/api/v1/slos', '/api/v1/slos/default.api/measurements', '/api/v1/measurements'])(
    'a client that hangs up in the middle of a body for %s harms nothing',
    async (path) => {
      const type = path === '/api/v1/measurements' ? 'application/x-ndjson' : 'application/json';
      const request = head(path, { 'Content-Type': type, 'Content-Length': 5000 });
      await exchange(request, ['{"name": "cut'], { hangUp: true });
      await exchange(request, [], { hangUp: true });
      expect(await alive()).toBe(200);
    },
  );

  test('a body that is shorter than declared is cut off: nothing is stored', async () => {
    const json = '{"name":"short","target":0.9}';
    const request = head('/api/v1/slos', {
      'Content-Type': 'application/json',
      'Content-Length': json.length + 1,
    });
    await exchange(request, [json], { hangUp: true });
    expect(await rest.ask('GET', '/api/v1/slos/default.short')).toMatchObject({ status: 404 });
  });

  test('a refused upload leaves the connection, or closes it, but never mixes up answers', async () => {
    for (let n = 0; n < 5; n += 1) {
      const refused = await fetch(`http://127.0.0.1:${port}/api/v1/slos`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: 'x'.repeat(300_000),
      });
      expect(refused.status).toBe(401);
      await refused.arrayBuffer();
      expect(await alive()).toBe(200);
    }
  });

  test('a long stream is stored as it comes', { timeout: 60_000 }, async () => {
    await rest.ask('POST', '/api/v1/slos', { json: { name: 'stream', target: 0.9 } });
    const lines = 200_000;
    const start = Date.parse('2026-03-01T00:00:00Z');
    // 20 points in each of 10,000 minutes.
    const line = (k: number) => {
      const at = new Date(start + Math.floor(k / 20) * 60_000).toISOString();
      return `{"slo":"default.stream","at":"${at}","good":1,"total":1}\n`;
    };
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        let text = '';
        for (let n = 0; n < 1000 && sent < lines; n += 1, sent += 1) text += line(sent);
        controller.enqueue(new TextEncoder().encode(text));
        if (sent === lines) controller.close();
      },
    });
    const request = {
      method: 'POST',
      headers: { authorization: `Bearer ${SECRET}`, 'content-type': 'application/x-ndjson' },
      body,
      duplex: 'half',
    };
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/measurements`, request);
    expect(await response.json()).toEqual({ accepted: lines, rejected: 0, errors: [] });
    const { body: slo } = await rest.ask('GET', '/api/v1/slos/default.stream');
    expect(slo.status.objectives[0].count_total).toBe(lines);
  });

  test('who fails too often from one address is told to wait; the peer is known', async () => {
    const throttled = await listen(restOn(rest.environment, { rateLimit: true }).app.fetch);
    const guess = async () => {
      const headers = { authorization: 'Bearer guess' };
      const response = await fetch(`http://127.0.0.1:${throttled}/api/v1/slos`, { headers });
      await response.arrayBuffer();
      return response;
    };
    for (let n = 0; n < FAILED_ATTEMPTS.burst; n += 1) expect((await guess()).status).toBe(401);
    const over = await guess();
    expect(over.status).toBe(429);
    expect(over.headers.get('retry-after')).toBe('3');
  });

  test('this machine reads /slos where NSELF_ADMIN_OPEN_READ is on', async () => {
    const open = await listen(restOn(rest.environment, { nselfAdminOpenRead: true }).app.fetch);
    expect((await fetch(`http://127.0.0.1:${open}/slos`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${port}/slos`)).status).toBe(401);
  });
});
