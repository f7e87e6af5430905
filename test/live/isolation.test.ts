import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { call, listen, push, sseClient, startReplica, token, wsClient } from './live-app.ts';

const database = await createTestDatabase();
const ALL = 'subscription { sloStatusChanged { name sourceAccountId state } }';

describe('who may listen:', () => {
  it('two accounts hear of their own SLOs alone, by name or all of them', async () => {
    const replica = await startReplica(database.url);
    const accounts = ['marker-red', 'marker-blue'] as const;
    for (const account of accounts) {
      await call(replica, 'POST', '/api/v1/slos', { name: account, target: 0.9 }, account);
    }
    const heard = await Promise.all(
      accounts.map(async (account) => {
        const authorization = `Bearer ${await token(account)}`;
        return [
          listen(sseClient(replica, { authorization }), ALL),
          listen(wsClient(replica, { authorization }), ALL),
        ];
      }),
    );
    await expect.poll(() => heard.flat().map(({ data }) => data.length)).toEqual([1, 1, 1, 1]);
    for (const account of accounts) await push(replica, `default.${account}`, 99, account);
    await expect.poll(() => heard.flat().map(({ data }) => data.length)).toEqual([2, 2, 2, 2]);
    const [red, blue] = heard.map((streams) => JSON.stringify(streams.map(({ data }) => data)));
    expect(red).toContain('marker-red');
    expect(red).not.toContain('marker-blue');
    expect(blue).toContain('marker-blue');
    expect(blue).not.toContain('marker-red');
  });

  it("another account's SLO is answered like one that does not exist", async () => {
    const replica = await startReplica(database.url);
    await call(replica, 'POST', '/api/v1/slos', { name: 'theirs', target: 0.9 }, 'them');
    const client = wsClient(replica, { Authorization: `Bearer ${await token('us')}` });
    const one = 'subscription ($id: ID!) { sloStatusChanged(ids: [$id]) { name } }';
    const answers = ['default.theirs', 'default.nothing'].map((id) => listen(client, one, { id }));
    await expect.poll(() => answers.map(({ errors }) => errors.length)).toEqual([1, 1]);
    const [theirs, nothing] = answers.map(({ errors }) => JSON.stringify(errors));
    expect(theirs).toBe(nothing);
    expect(theirs).toContain('There is no such SLO.');
    expect(theirs).toContain('NOT_FOUND');
  });

  it('nobody without credentials, or with bad ones', async () => {
    const replica = await startReplica(database.url);
    const closed: unknown[] = [];
    for (const connectionParams of [{}, { Authorization: 'Bearer of-bad-news' }]) {
      const client = wsClient(replica, connectionParams, { onClosed: (event) => closed.push(event) });
      listen(client, ALL);
    }
    await expect.poll(() => closed).toHaveLength(2);
    expect(closed).toMatchObject([{ code: 4403 }, { code: 4403 }]);
    const answer = await fetch(`${replica.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query: ALL }),
    });
    expect(answer.status).toBe(401);
    expect((await fetch(`${replica.url}/api/v1/events`)).status).toBe(401);
  });

  it('nobody for longer than the token lasts', async () => {
    const replica = await startReplica(database.url);
    const expiresAtMs = Math.ceil(Date.now() / 1000) * 1000 + 4000;
    const authorization = `Bearer ${await token('brief', { expiresAtMs })}`;
    const closed: unknown[] = [];
    const socket = listen(
      wsClient(replica, { authorization }, { onClosed: (event) => closed.push(event) }),
      ALL,
    );
    const stream = listen(sseClient(replica, { authorization }), ALL);
    const events = await fetch(`${replica.url}/api/v1/events`, { headers: { authorization } });
    await call(replica, 'POST', '/api/v1/slos', { name: 'seen', target: 0.9 }, 'brief');
    await expect.poll(() => [socket.data.length, stream.data.length]).toEqual([1, 1]);
    expect(await events.text()).toContain('"slo":"seen"');
    await expect.poll(() => closed).toMatchObject([{ code: 4403, reason: 'The credentials have expired' }]);
    await expect.poll(() => stream.isComplete).toBe(true);
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAtMs);
    await call(replica, 'POST', '/api/v1/slos', { name: 'not-seen', target: 0.9 }, 'brief');
    await sleep(1000);
    expect(JSON.stringify([socket.data, stream.data])).not.toContain('not-seen');
  });
});
