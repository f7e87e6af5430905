import { connect, type Socket } from 'node:net';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { type Fetch, type RunningHttpServer, startServer } from '../../src/api/server.ts';
import { SERVER_LIMITS, type ServerLimits } from '../../src/api/server-limits.ts';

const logger = pino({ level: 'silent' });
let server: RunningHttpServer | null = null;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server?.close(0);
  server = null;
});

async function serve(fetch: Fetch, limits: Partial<ServerLimits>): Promise<number> {
  const options = {
    host: '127.0.0.1',
    port: 0,
    logger,
    limits: { ...SERVER_LIMITS, checkMs: 100, ...limits },
  };
  server = await startServer(fetch, options);
  return server.port;
}

interface Trickle {
  readonly socket: Socket;
  /** All that came back, once the server has closed. */
  readonly closed: Promise<string>;
}

/** Sends the beginning, and then a byte every 50 ms for as long as it is let; nothing where `byte` is ''. */
function trickle(port: number, beginning: string, byte: string): Trickle {
  const socket = connect(port, '127.0.0.1', () => socket.write(beginning));
  sockets.push(socket);
  const timer = setInterval(() => {
    if (byte !== '' && socket.writable) socket.write(byte);
  }, 50);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += String(chunk);
  });
  // A reset is an end, too.
  socket.on('error', () => undefined);
  const closed = new Promise<string>((resolve) => {
    socket.once('close', () => {
      clearInterval(timer);
      resolve(answer);
    });
  });
  return { socket, closed };
}

describe('a client that takes its time', () => {
  it.each([
    ['with its headers, byte by byte', 'GET / HTTP/1.1\r\nX-Slow: ', 'x'],
    ['with its request line', 'GE', 'T'],
    ['and says nothing at all', '', ''],
  ])('%s is closed', async (_name, beginning, byte) => {
    const port = await serve(() => new Response('done'), { headersTimeoutMs: 500 });
    const answer = await trickle(port, beginning, byte).closed;
    expect(answer === '' || /^HTTP\/1\.1 (408|400) /.test(answer)).toBe(true);
  });

  it('does not keep others waiting', async () => {
    const port = await serve(() => new Response('done'), { headersTimeoutMs: 60_000 });
    for (let n = 0; n < 200; n += 1) trickle(port, 'GET / HTTP/1.1\r\nX-Slow: ', '');
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('done');
  });

  it('with a body that stands still is closed', async () => {
    const port = await serve(async (request) => new Response(await request.text()), { idleTimeoutMs: 500 });
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc';
    expect(await trickle(port, head, '').closed).not.toMatch(/^HTTP\/1\.1 200 /);
  });

  it.each(['GET', 'POST', 'DELETE'])(
    'with the body of a %s that has its answer is closed, however it goes on',
    async (method) => {
      const port = await serve(() => new Response('no', { status: 401 }), { unreadBodyMs: 300 });
      const head = `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n`;
      const answer = await trickle(port, head, 'x').closed;
      expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    },
  );
});

it('connections above the limit are closed, and those below go on', async () => {
  const port = await serve(() => new Response('done'), { maxConnections: 3 });
  const held = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const one = trickle(port, 'GET / HTTP/1.1\r\n', '');
      await new Promise((resolve) => one.socket.once('connect', resolve));
      return one;
    }),
  );
  expect(await trickle(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', '').closed).toBe('');
  const [first] = held;
  first?.socket.write('Host: a\r\nConnection: close\r\n\r\n');
  expect(await first?.closed).toMatch(/^HTTP\/1\.1 200 /);
  // A place is free again.
  await expect
    .poll(() =>
      fetch(`http://127.0.0.1:${port}/`).then(
        (answer) => answer.status,
        () => 0,
      ),
    )
    .toBe(200);
});
