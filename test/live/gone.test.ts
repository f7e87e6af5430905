import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { call, push, SECRET, startReplica } from './live-app.ts';

const database = await createTestDatabase();
const faults: unknown[] = [];
for (const name of ['unhandledRejection', 'uncaughtException'] as const) {
  process.on(name, (error: unknown) => faults.push(error));
}
afterEach(() => expect(faults).toEqual([]));

it.each([
  ['/graphql', 'subscription { sloStatusChanged { id } }'],
  ['/api/v1/events', null],
])('clients of %s that vanish without a word leave nothing behind', async (path, query) => {
  const replica = await startReplica(database.url);
  const name = path === '/graphql' ? 'one' : 'other';
  await call(replica, 'POST', '/api/v1/slos', { name, target: 0.9 });
  const { port, hostname } = new URL(replica.url);
  const sockets = Array.from({ length: 20 }, () => {
    const socket = connect(Number(port), hostname);
    const body = query === null ? '' : JSON.stringify({ query });
    socket.write(
      `${query === null ? 'GET' : 'POST'} ${path} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${SECRET}\r\n` +
        `Accept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const state = { socket, text: '' };
    socket.on('data', (chunk) => {
      state.text += chunk.toString();
    });
    socket.on('error', () => undefined);
    return state;
  });
  await expect.poll(() => sockets.every(({ text }) => text.includes('data: {'))).toBe(true);
  for (const { socket } of sockets) socket.resetAndDestroy();
  for (const good of [99, 98, 97]) await push(replica, `default.${name}`, good);
  await sleep(500);
  expect(faults).toEqual([]);
});
