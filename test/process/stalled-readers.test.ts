import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createTestDatabase } from '../support/database.ts';
import { heldBytes } from '../support/held-bytes.ts';
import { collectingService, startProcess } from '../support/process.ts';

const database = await createTestDatabase();
const SECRET = 'a-secret-for-these-tests';
const TIMEOUT = { timeout: 60_000, interval: 100 };
const HEADERS = { authorization: `Bearer ${SECRET}`, 'content-type': 'application/json' };
const SLOS = 20;
const ROUNDS = 24;
const MB = 1024 * 1024;
/** An event of some 100 kB, so that what the kernel takes is soon full. */
const FIELDS = Array.from({ length: 50 }, (_, i) => `a${i}: description`).join(' ');
const QUERY = `subscription { sloStatusChanged { ${FIELDS} } }`;

/** A reader over server-sent events; `bytes` tells how much has come. */
async function sseReader(url: string): Promise<{ socket: Socket; bytes: () => number; last: () => string }> {
  const { port, hostname } = new URL(url);
  const body = JSON.stringify({ query: QUERY });
  const socket = connect(Number(port), hostname);
  let bytes = 0;
  let tail = '';
  socket.on('data', (chunk) => {
    bytes += chunk.length;
    tail = (tail + chunk.toString()).slice(-300_000);
  });
  socket.write(
    `POST /graphql HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: ${HEADERS.authorization}\r\nAccept: text/event-stream\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await expect.poll(() => bytes, TIMEOUT).toBeGreaterThan(SLOS * 50_000);
  return { socket, bytes: () => bytes, last: () => tail };
}

/** The same over a WebSocket. */
async function wsReader(url: string): Promise<{ socket: WebSocket; last: () => string }> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    headers: { authorization: HEADERS.authorization },
  });
  const got: string[] = [];
  socket.on('message', (data) => got.push(String(data)));
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init' }));
  await expect.poll(() => got.length, TIMEOUT).toBe(1);
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query: QUERY } }));
  await expect.poll(() => got.length, TIMEOUT).toBe(1 + SLOS);
  return { socket, last: () => got.slice(-SLOS).join('') };
}

test('readers that stop reading cost nothing more with each change, over both transports', async () => {
  const started = await startProcess({
    command: collectingService(),
    env: { DATABASE_URL: database.url, PLUGIN_SECRET: SECRET, RATE_LIMIT: 'off' },
  });
  const url = await started.url();
  const send = async (method: string, path: string, body: object): Promise<void> => {
    const answer = await fetch(`${url}/api/v1/slos${path}`, {
      method,
      headers: HEADERS,
      body: JSON.stringify(body),
    });
    expect(answer.ok, await answer.text()).toBe(true);
  };
  const describeAll = (round: number): Promise<unknown> =>
    Promise.all(
      Array.from({ length: SLOS }, (_, n) =>
        send('PATCH', `/default.s${n}`, { description: `round ${round} ${'x'.repeat(1900)}` }),
      ),
    );
  for (let n = 0; n < SLOS; n += 1) await send('POST', '', { name: `s${n}`, target: 0.9 });
  await describeAll(0);
  const reader = await sseReader(url);
  const stalled = await sseReader(url);
  const stalledSocket = await wsReader(url);
  // Once around, so that what is compiled and cached at first is no growth.
  for (let round = 1; round <= 5; round += 1) await describeAll(round);
  stalled.socket.pause();
  stalledSocket.socket.pause();
  const before = await heldBytes(started, url);
  const begun = reader.bytes();
  for (let round = 6; round <= ROUNDS; round += 1) {
    await describeAll(round);
    await expect.poll(() => reader.last().includes(`round ${round} `), TIMEOUT).toBe(true);
    await sleep(250);
  }
  const read = reader.bytes() - begun;
  const grown = (await heldBytes(started, url)) - before;
  // Two of them had so much to come while they did not read; a queue would have kept twice as much.
  expect(read).toBeGreaterThan(25 * MB);
  expect(grown).toBeLessThan(read / 3);

  stalled.socket.resume();
  stalledSocket.socket.resume();
  const latest = `round ${ROUNDS} `;
  await expect.poll(() => stalled.last().includes(latest), TIMEOUT).toBe(true);
  // One that has answered no ping for so long may have been cut off instead.
  const { socket } = stalledSocket;
  await expect
    .poll(() => socket.readyState === socket.CLOSED || stalledSocket.last().includes(latest), TIMEOUT)
    .toBe(true);
  reader.socket.destroy();
  stalled.socket.destroy();
  stalledSocket.socket.terminate();
}, 300_000);
