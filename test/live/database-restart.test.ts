import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startEmbedded } from '../../src/storage/embedded.ts';
import { migrate } from '../../src/storage/migrate.ts';
import { call, listen, openEvents, push, SECRET, sseClient, startReplica, wsClient } from './live-app.ts';

const TIMEOUT = { timeout: 60_000, interval: 50 };
const logger = pino({ level: 'silent' });
const WATCH = 'subscription { sloStatusChanged(ids: ["default.api"]) { state } }';

/** A server of its own that can be stopped and started, at one address: its own port is another each time. */
let dataDir = '';
let port = 0;
let server: Awaited<ReturnType<typeof startEmbedded>> | null = null;
const sockets = new Set<Socket>();
const relay = createServer((client) => {
  const upstream = connect(port, '127.0.0.1');
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    sockets.add(from);
    from.on('error', () => to.destroy());
    from.once('close', () => {
      sockets.delete(from);
      to.destroy();
    });
    from.pipe(to);
  }
});

async function startDatabase(): Promise<string> {
  server = await startEmbedded({ dataDir, password: 'for-tests-only', logger });
  port = Number(new URL(server.url).port);
  return server.url;
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'nself-slo-tracker-restart-'));
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
}, 60_000);
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  relay.close();
  await server?.stop();
  await rm(dataDir, { recursive: true, force: true });
}, 60_000);

it('PostgreSQL is stopped and started again: the streams stand, and tell of what is written then', async () => {
  const url = new URL(await startDatabase());
  const address = relay.address();
  url.port = String(typeof address === 'object' ? address?.port : 0);
  await migrate(url.toString());
  const replica = await startReplica(url.toString());
  await call(replica, 'POST', '/api/v1/slos', { name: 'api', target: 0.9 });
  const authorization = `Bearer ${SECRET}`;
  const socket = listen(wsClient(replica, { authorization }), WATCH);
  const stream = listen(sseClient(replica, { authorization }), WATCH);
  const events = await openEvents(replica);
  const told = (): number[] => [socket.data.length, stream.data.length, events.of('state').length];
  await expect.poll(told, TIMEOUT).toEqual([1, 1, 1]);

  await server?.stop();
  await expect(push(replica, 'default.api', 99)).rejects.toThrow(': 503 ');
  await startDatabase();
  await expect
    .poll(() => push(replica, 'default.api', 99).then(() => 'stored', String), TIMEOUT)
    .toBe('stored');
  await expect.poll(told, TIMEOUT).toEqual([2, 2, 2]);
  expect(socket.data[1].sloStatusChanged.state).toBe('HEALTHY');
  // Notices come again, and not only a look at everything after the reconnect.
  await push(replica, 'default.api', 0);
  await expect.poll(told, TIMEOUT).toEqual([3, 3, 3]);
  expect([socket.errors, stream.errors]).toEqual([[], []]);
  expect([socket.isComplete, stream.isComplete, events.isOver]).toEqual([false, false, false]);
}, 180_000);
