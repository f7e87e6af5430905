import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { type Fetch, type RunningHttpServer, startServer } from '../../src/api/server.ts';
import { TextResponse } from '../../src/api/text-response.ts';

const logger = pino({ level: 'silent' });
let server: RunningHttpServer | null = null;
afterEach(async () => {
  await server?.close(0);
  server = null;
});

async function serve(fetch: Fetch): Promise<number> {
  server = await startServer(fetch, { host: '127.0.0.1', port: 0, logger });
  return server.port;
}

/** Sends bytes as they are, and gives what comes back until the server closes. */
function sendRaw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

function bodyOf(answer: string): unknown {
  return JSON.parse(answer.split('\r\n\r\n')[1] ?? '');
}

describe('the HTTP server', () => {
  it('answers what is not HTTP with 400 in the shape of our errors', async () => {
    const port = await serve(() => new Response());
    const answer = await sendRaw(port, 'hello there\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(bodyOf(answer)).toEqual({
      error: 'The request is not valid HTTP.',
      code: 'malformed',
      details: [],
    });
  });

  it('answers 20 kB of headers with 431', async () => {
    const port = await serve(() => new Response());
    const answer = await sendRaw(port, `GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
    expect(bodyOf(answer)).toMatchObject({ code: 'too_large' });
  });

  it('sends a text in one piece, with its length in bytes, and goes on with the connection', async () => {
    const text = '"größer als 1 €"';
    const port = await serve(() => {
      const response = new TextResponse(text, {
        status: 422,
        headers: { 'Content-Type': 'application/json' },
      });
      response.headers.set('X-Late', 'yes');
      return response;
    });
    const get = (connection: string) => `GET / HTTP/1.1\r\nHost: a\r\nConnection: ${connection}\r\n\r\n`;
    const answers = (await sendRaw(port, get('keep-alive') + get('close'))).split(/(?=HTTP\/1\.1)/);
    expect(answers).toHaveLength(2);
    for (const answer of answers) {
      expect(answer).toMatch(/^HTTP\/1\.1 422 /);
      expect(answer).toMatch(/^content-type: application\/json\r$/m);
      expect(answer).toMatch(/^x-late: yes\r$/m);
      // 13 characters of one byte, two of two and one of three.
      expect(answer).toMatch(/^content-length: 20\r$/m);
      expect(answer).not.toMatch(/transfer-encoding|x-hono/i);
      expect(bodyOf(answer)).toBe('größer als 1 €');
    }
  });

  it('knows a text response as any other response', async () => {
    const make = () => new TextResponse('[1]', { status: 201, headers: { 'X-One': '1' } });
    expect(await make().text()).toBe('[1]');
    expect(await make().json()).toEqual([1]);
    expect(await make().clone().text()).toBe('[1]');
    expect(await new Response(make().body).text()).toBe('[1]');
    const read = make();
    expect([read.bodyUsed, read.status, read.headers.get('x-one')]).toEqual([false, 201, '1']);
    await read.arrayBuffer();
    expect(read.bodyUsed).toBe(true);
  });

  it('answers a Host that is none with 400', async () => {
    const port = await serve(() => new Response());
    const answer = await sendRaw(port, 'GET / HTTP/1.1\r\nHost: a b/c\r\nConnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('answers 500 without the reason when the application throws', async () => {
    const port = await serve(() => {
      throw new Error('hush');
    });
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('hush');
  });

  it('closes idle connections at once, and those under way after their answer', async () => {
    const port = await serve(async () => {
      await sleep(300);
      return new Response('done');
    });
    const agent = new Agent({ keepAlive: true });
    const ask = () =>
      new Promise<string>((resolve, reject) => {
        request({ port, host: '127.0.0.1', agent }, (response) => {
          let text = '';
          response.on('data', (chunk) => {
            text += chunk;
          });
          response.on('end', () => resolve(text));
        })
          .on('error', reject)
          .end();
      });
    expect(await ask()).toBe('done');
    const underWay = ask();
    await sleep(100);
    const before = performance.now();
    await Promise.all([server?.close(5000), expect(underWay).resolves.toBe('done')]);
    expect(performance.now() - before).toBeLessThan(2000);
    server = null;
    agent.destroy();
  });

  it('cuts what does not end in time', async () => {
    const port = await serve(
      () => new Response(new ReadableStream({ start: (c) => c.enqueue(new Uint8Array(1)) })),
    );
    const response = await fetch(`http://127.0.0.1:${port}/`);
    const body = response.text();
    await Promise.all([expect(body).rejects.toThrow(), server?.close(200)]);
    server = null;
  });
});
