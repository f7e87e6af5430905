import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { call, listen, push, type Replica, SECRET, sseClient, startReplica, wsClient } from './live-app.ts';

const database = await createTestDatabase();
const WATCH =
  'subscription ($ids: [ID!]) { sloStatusChanged(ids: $ids) { name state status { objectives { countGood } } } }';
const authorization = `Bearer ${SECRET}`;

async function define(replica: Replica, name: string): Promise<{ ids: string[] }> {
  await call(replica, 'POST', '/api/v1/slos', { name, target: 0.9 });
  return { ids: [`default.${name}`] };
}

describe('what goes wrong:', () => {
  it('the connection that hears of changes is killed, and nothing is missed', async () => {
    const replica = await startReplica(database.url);
    const ids = await define(replica, 'killed');
    const heard = listen(wsClient(replica, { authorization }), WATCH, ids);
    await expect.poll(() => heard.data).toHaveLength(1);
    const killed = await database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = 'nself-slo-tracker changes' AND datname = current_database()`,
    );
    expect(killed).toHaveLength(1);
    // Written while nobody listens, most likely; told after the reconnect at the latest.
    await push(replica, 'default.killed', 99);
    await expect.poll(() => heard.data).toHaveLength(2);
    expect(heard.data[1].sloStatusChanged.state).toBe('HEALTHY');
  });

  it('all connections to the database end at once, and the streams stand and go on', async () => {
    const replica = await startReplica(database.url);
    const ids = await define(replica, 'ended');
    const socket = listen(wsClient(replica, { authorization }), WATCH, ids);
    const stream = listen(sseClient(replica, { authorization }), WATCH, ids);
    await expect.poll(() => [socket.data.length, stream.data.length]).toEqual([1, 1]);
    await database.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'nself-slo-tracker%' AND datname = current_database()",
    );
    await expect.poll(() => push(replica, 'default.ended', 99).then(() => 'stored', String)).toBe('stored');
    await expect.poll(() => [socket.data.length, stream.data.length]).toEqual([2, 2]);
    expect([socket.errors, stream.errors]).toEqual([[], []]);
  });

  it('the service stops: server-sent events complete, a WebSocket is told 1001', async () => {
    const replica = await startReplica(database.url);
    const ids = await define(replica, 'stopped');
    const closed: unknown[] = [];
    const socket = listen(
      wsClient(replica, { authorization }, { onClosed: (event) => closed.push(event) }),
      WATCH,
      ids,
    );
    const stream = listen(sseClient(replica, { authorization }), WATCH, ids);
    await expect.poll(() => [socket.data.length, stream.data.length]).toEqual([1, 1]);
    await replica.stop();
    await expect.poll(() => stream.isComplete).toBe(true);
    expect(stream.errors).toEqual([]);
    expect(closed).toMatchObject([{ code: 1001 }]);
    // It did not look done: a client that retries would connect again.
    expect(socket.isComplete).toBe(false);
  });

  it('a reader that stops reading gets the latest when it reads again, and nothing piles up for it', async () => {
    const replica = await startReplica(database.url);
    const name = 'slow';
    await define(replica, name);
    const slow = await stalledStream(replica);
    const watching = listen(wsClient(replica, { authorization }), WATCH, { ids: [`default.${name}`] });
    await expect.poll(() => watching.data).toHaveLength(1);
    // Each event says some 100 kB, so that what the kernel takes on both sides is soon full.
    for (let round = 1; round <= 60; round += 1) {
      const description = `${round} ${'x'.repeat(1900)}`;
      await call(replica, 'PATCH', `/api/v1/slos/default.${name}`, { description });
      await expect.poll(() => watching.data.length).toBe(1 + round);
    }
    slow.resume();
    await expect.poll(() => slow.text().includes('"60 xxx')).toBe(true);
    const rounds = [...slow.text().matchAll(/"a0":"(\d+) x/g)].map(([, round]) => Number(round));
    // In their order, the last one there, and some of those between skipped.
    expect(rounds).toEqual(rounds.toSorted((a, b) => a - b));
    expect(rounds.at(-1)).toBe(60);
    expect(rounds.length).toBeLessThan(60);
    slow.socket.destroy();
  }, 120_000);

  it('a WebSocket that never says who it is is closed after three seconds', async () => {
    const replica = await startReplica(database.url);
    const { WebSocket } = await import('ws');
    const socket = new WebSocket(replica.wsUrl, 'graphql-transport-ws');
    const code = await new Promise((resolve) => socket.once('close', resolve));
    expect(code).toBe(4408);
  });

  it('an upgrade is refused with a status: bad credentials, another path, another protocol', async () => {
    const replica = await startReplica(database.url);
    const { WebSocket } = await import('ws');
    const statusOf = (path: string, headers: Record<string, string>) =>
      new Promise((resolve) => {
        const socket = new WebSocket(`${replica.wsUrl.replace('/graphql', path)}`, 'graphql-transport-ws', {
          headers,
        });
        socket.once('unexpected-response', (_request, response) => {
          resolve(response.statusCode);
          socket.terminate();
        });
        socket.once('error', () => undefined);
      });
    expect(await statusOf('/graphql', { authorization: 'Bearer of-bad-news' })).toBe(401);
    expect(await statusOf('/elsewhere', { authorization })).toBe(404);
    const socket = new WebSocket(replica.wsUrl, 'graphql-ws');
    const outcome = await new Promise((resolve) => {
      socket.once('close', resolve);
      socket.once('error', () => resolve('refused'));
    });
    expect([4406, 'refused']).toContain(outcome);
  });

  it('a request that would rather speak HTTP/2 is answered over HTTP/1.1', async () => {
    const replica = await startReplica(database.url);
    const { port, hostname } = new URL(replica.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `GET /live HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n`,
    );
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    await expect.poll(() => text).toContain('"status":"ok"');
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });
});

interface Stalled {
  readonly socket: Socket;
  text(): string;
  resume(): void;
}

/** Asks for a stream of large events, and does not read it. */
async function stalledStream(replica: Replica): Promise<Stalled> {
  const { port, hostname } = new URL(replica.url);
  const fields = Array.from({ length: 50 }, (_, i) => `a${i}: description`).join(' ');
  const body = JSON.stringify({
    query: `subscription { sloStatusChanged(ids: ["default.slow"]) { ${fields} } }`,
  });
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString();
  });
  socket.write(
    `POST /graphql HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: ${authorization}\r\nAccept: text/event-stream\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await expect.poll(() => text).toContain('event: next');
  socket.pause();
  await sleep(100);
  return { socket, text: () => text, resume: () => socket.resume() };
}
