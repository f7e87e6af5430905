import { once } from 'node:events';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createTestDatabase } from '../support/database.ts';
import { call, openEvents, type Replica, SECRET, startReplica, token } from './live-app.ts';

const database = await createTestDatabase();
const TIMEOUT = { timeout: 120_000, interval: 100 };
const WATCH = 'subscription { sloStatusChanged { name } }';
const MAX_STREAMS = 5000;
const MAX_SOCKETS = 2000;
const MAX_OPERATIONS = 100;

interface RawSocket {
  readonly socket: WebSocket;
  /** Messages by their type and the id of their operation. */
  readonly got: { readonly type: string; readonly id?: string; readonly payload?: unknown }[];
  subscribe(id: number): void;
}

/** A socket that has said who it is. Answers the close code where it was not let in. */
async function openSocket({ wsUrl }: Replica, bearer = SECRET): Promise<RawSocket | number> {
  const socket = new WebSocket(wsUrl, 'graphql-transport-ws');
  const got: RawSocket['got'] = [];
  await once(socket, 'open');
  const outcome = new Promise<'in' | number>((resolve) => {
    socket.on('message', (data) => {
      const message = JSON.parse(String(data));
      if (message.type === 'connection_ack') resolve('in');
      else got.push(message);
    });
    socket.once('close', resolve);
  });
  socket.send(JSON.stringify({ type: 'connection_init', payload: { Authorization: `Bearer ${bearer}` } }));
  const result = await outcome;
  if (result !== 'in') return result;
  const subscribe = (id: number): void =>
    socket.send(JSON.stringify({ type: 'subscribe', id: String(id), payload: { query: WATCH } }));
  return { socket, got, subscribe };
}

async function admitted(replica: Replica, bearer = SECRET): Promise<RawSocket> {
  const opened = await openSocket(replica, bearer);
  if (typeof opened === 'number') throw new Error(`the socket was closed with ${opened}`);
  return opened;
}

/** What `/metrics` says is open. */
async function open({ url }: Replica): Promise<{ streams: number; sockets: number }> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const of = (name: string): number =>
    Number(new RegExp(`^nself_slo_tracker_${name} (\\d+)$`, 'm').exec(text)?.[1]);
  return { streams: of('live_streams'), sockets: of('websockets') };
}

it('an account may have 5,000 streams, of which 100 on one WebSocket; those that close make room', async () => {
  const replica = await startReplica(database.url);
  await call(replica, 'POST', '/api/v1/slos', { name: 'api', target: 0.9 });
  const sockets: RawSocket[] = [];
  for (let n = 0; n < MAX_STREAMS / MAX_OPERATIONS; n += 1) {
    const socket = await admitted(replica);
    for (let id = 1; id <= MAX_OPERATIONS; id += 1) socket.subscribe(id);
    sockets.push(socket);
  }
  await expect.poll(() => open(replica), TIMEOUT).toEqual({ streams: MAX_STREAMS, sockets: 50 });
  const [first] = sockets;
  first?.subscribe(MAX_OPERATIONS + 1);
  await expect
    .poll(() => first?.got.find(({ id }) => id === String(MAX_OPERATIONS + 1)), TIMEOUT)
    .toMatchObject({
      type: 'error',
      payload: [{ message: expect.stringContaining('At most 100 operations') }],
    });

  const headers = { authorization: `Bearer ${SECRET}` };
  const rest = await fetch(`${replica.url}/api/v1/events`, { headers });
  expect(rest.status).toBe(429);
  expect(await rest.text()).toContain('5000 live streams already');
  const graphql = await fetch(`${replica.url}/graphql?query=${encodeURIComponent(WATCH)}`, {
    headers: { ...headers, accept: 'text/event-stream' },
  });
  expect(await graphql.text()).toContain('RATE_LIMITED');
  // Another account has its own.
  const other = await admitted(replica, await token('other'));
  other.subscribe(1);
  await expect.poll(async () => (await open(replica)).streams, TIMEOUT).toBe(MAX_STREAMS + 1);

  first?.socket.close();
  await expect
    .poll(() => open(replica), TIMEOUT)
    .toEqual({ streams: MAX_STREAMS + 1 - MAX_OPERATIONS, sockets: 50 });
  const events = await openEvents(replica);
  await expect.poll(() => events.of('state'), TIMEOUT).toHaveLength(1);
  // Each of the others was told how the one SLO stands, once.
  await expect
    .poll(() => sockets.slice(1).every(({ got }) => got.length === MAX_OPERATIONS), TIMEOUT)
    .toBe(true);
  for (const { socket } of [...sockets, other]) socket.terminate();
}, 300_000);

it('an account may have 2,000 WebSockets; one more is told 1013', async () => {
  const replica = await startReplica(database.url);
  const sockets: RawSocket[] = [];
  for (let n = 0; n < MAX_SOCKETS; n += 50) {
    sockets.push(...(await Promise.all(Array.from({ length: 50 }, () => admitted(replica)))));
  }
  expect(await openSocket(replica)).toBe(1013);
  const other = await admitted(replica, await token('other'));
  sockets[0]?.socket.close();
  await expect.poll(async () => (await open(replica)).sockets, TIMEOUT).toBe(MAX_SOCKETS);
  sockets.push(other, await admitted(replica));
  for (const { socket } of sockets) socket.terminate();
}, 300_000);
