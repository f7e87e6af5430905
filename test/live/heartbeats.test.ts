import { once } from 'node:events';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createTestDatabase } from '../support/database.ts';
import { openEvents, type Replica, SECRET, startReplica } from './live-app.ts';

const database = await createTestDatabase();
const authorization = `Bearer ${SECRET}`;
/** The silence between two signs of life is 12 s; the rest is for a busy machine. */
const TIMEOUT = { timeout: 60_000, interval: 100 };

/** An idle WebSocket that answers pings, or not. */
async function idleSocket({ wsUrl }: Replica, autoPong: boolean) {
  const socket = new WebSocket(wsUrl, 'graphql-transport-ws', { autoPong });
  const state: { pings: number; closed: number | null } = { pings: 0, closed: null };
  socket.on('ping', () => {
    state.pings += 1;
  });
  socket.once('close', (code) => {
    state.closed = code;
  });
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } }));
  return { socket, state };
}

it('silence is broken on every kind of stream, and a WebSocket that answers no ping is closed', async () => {
  const replica = await startReplica(database.url);
  const events = await openEvents(replica);
  const aborted = new AbortController();
  const query = encodeURIComponent('subscription { sloStatusChanged { name } }');
  const stream = await fetch(`${replica.url}/graphql?query=${query}`, {
    headers: { authorization, accept: 'text/event-stream' },
    signal: aborted.signal,
  });
  let comments = 0;
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of stream.body ?? []) if (/^:/m.test(decoder.decode(chunk))) comments += 1;
  })().catch(() => undefined);
  const lively = await idleSocket(replica, true);
  const dead = await idleSocket(replica, false);
  // There is no SLO: nothing but signs of life is sent.
  await expect.poll(() => events.text.match(/^:$/gm)?.length ?? 0, TIMEOUT).toBeGreaterThanOrEqual(2);
  await expect.poll(() => comments, TIMEOUT).toBeGreaterThanOrEqual(2);
  await expect.poll(() => lively.state.pings, TIMEOUT).toBeGreaterThanOrEqual(2);
  // Cut off without a goodbye, which nobody would hear.
  await expect.poll(() => dead.state.closed, TIMEOUT).toBe(1006);
  expect(dead.state.pings).toBe(1);
  expect(lively.state.closed).toBeNull();
  expect(events.isOver).toBe(false);
  lively.socket.terminate();
  aborted.abort();
  await reading;
}, 180_000);
