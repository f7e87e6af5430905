import { createClient } from 'graphql-ws';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createAccessKeys } from '../../src/services/access-keys.ts';
import {
  ACCESS_KEY_SECRET,
  afterwards,
  call,
  type Heard,
  listen,
  openEvents,
  push,
  type Replica,
  SECRET,
  sseClient,
  startReplica,
  token,
  wsClient,
} from '../live/live-app.ts';
import { authConfig } from '../support/auth-config.ts';
import { createTestDatabase } from '../support/database.ts';
import { HAS_NGINX, startNginx } from './nginx.ts';

const ALL = `subscription {
  sloStatusChanged { sourceAccountId name state status { objectives { countGood } } }
}`;
const WAIT = { timeout: 60_000 };

/** The addresses that clients have. */
type Site = Pick<Replica, 'url' | 'wsUrl'>;

const bearer = async () => `Bearer ${SECRET}`;
const jwt = async (account: string) => `Bearer ${await token(account)}`;
const accessKey = async (accountId: string) => {
  const key = createAccessKeys(authConfig({ accessKeySecret: ACCESS_KEY_SECRET }))?.issue({
    accountId,
    role: 'viewer',
  });
  return `Basic ${btoa(`${key?.username}:${key?.password}`)}`;
};

/** A WebSocket as a program opens it, with headers of its own. */
function wsClientWithHeaders({ wsUrl }: Site, headers: Record<string, string>) {
  class WithHeaders extends WebSocket {
    constructor(url: string, protocol: string) {
      super(url, protocol, { headers });
    }
  }
  const client = createClient({
    url: wsUrl,
    webSocketImpl: WithHeaders,
    connectionParams: {},
    retryAttempts: 0,
  });
  afterwards(() => client.dispose());
  return client;
}

describe.runIf(HAS_NGINX)('live streams through nginx', async () => {
  const database = await createTestDatabase();

  /** The tracker, and the site of nginx in front of it. */
  async function startSite(): Promise<{ replica: Replica; site: Site }> {
    const replica = await startReplica(database.url);
    const nginx = await startNginx({ upstream: replica.url, bearer: SECRET });
    afterwards(() => nginx.stop());
    const url = `${nginx.url}/nself-slo-tracker`;
    return { replica, site: { url, wsUrl: `${url.replace(/^http/, 'ws')}/graphql` } };
  }

  const define = (replica: Replica, account: string, name = `of-${account}`) =>
    call(replica, 'POST', '/api/v1/slos', { name, target: 0.9 }, account);

  const seen = ({ data }: Heard): unknown[] =>
    data.map(({ sloStatusChanged: { sourceAccountId, name, state, status } }) => [
      sourceAccountId,
      name,
      state,
      status.objectives[0].countGood,
    ]);

  test('with the own credentials of the client, whatever they are and however they are sent', async () => {
    const { replica, site } = await startSite();
    const ways = [
      ['sse-jwt', jwt, sseClient],
      ['sse-key', accessKey, sseClient],
      ['ws-jwt', jwt, wsClient],
      ['ws-key', accessKey, wsClient],
      ['ws-jwt-header', jwt, wsClientWithHeaders],
      ['ws-key-header', accessKey, wsClientWithHeaders],
      // The bearer of the plugin has this one account from outside.
      ['primary', bearer, sseClient],
      ['primary', bearer, wsClient],
    ] as const;
    const accounts = [...new Set(ways.map(([account]) => account))];
    for (const account of accounts) await define(replica, account);
    const heard = await Promise.all(
      ways.map(async ([account, credentials, connect]) => ({
        account,
        heard: listen(connect(site, { authorization: await credentials(account) }), ALL),
      })),
    );
    const before = (account: string) => [account, `of-${account}`, 'NO_DATA', null];
    for (const one of heard) {
      await expect.poll(() => seen(one.heard), WAIT).toEqual([before(one.account)]);
    }
    for (const account of accounts) await push(replica, `default.of-${account}`, 99, account);
    // 1 of 100 is bad where 10 are allowed.
    const after = (account: string) => [account, `of-${account}`, 'HEALTHY', 99];
    for (const one of heard) {
      await expect.poll(() => seen(one.heard), WAIT).toEqual([before(one.account), after(one.account)]);
      expect(one.heard.errors).toEqual([]);
    }
  }, 120_000);

  test('the account is that of the credentials, whatever the headers say', async () => {
    const { replica, site } = await startSite();
    await define(replica, 'theirs');
    await define(replica, 'ours');
    const headers = {
      authorization: await jwt('ours'),
      'x-source-account-id': 'theirs',
      'x-hasura-source-account-id': 'theirs',
      'x-source-account': 'theirs',
      'x-plugin-secret': SECRET,
    };
    const streams = [
      sseClient(site, headers),
      wsClient(site, headers),
      wsClientWithHeaders(site, headers),
    ].map((client) => listen(client, ALL));
    for (const stream of streams) {
      await expect.poll(() => seen(stream), WAIT).toEqual([['ours', 'of-ours', 'NO_DATA', null]]);
    }
    await push(replica, 'default.of-theirs', 99, 'theirs');
    await push(replica, 'default.of-ours', 98, 'ours');
    for (const stream of streams) {
      await expect.poll(() => seen(stream).at(-1), WAIT).toEqual(['ours', 'of-ours', 'HEALTHY', 98]);
      expect(JSON.stringify(stream.data)).not.toContain('theirs');
    }
  }, 120_000);

  test('nobody without credentials, or with bad ones', async () => {
    const { replica, site } = await startSite();
    await define(replica, 'nobody');
    for (const authorization of [undefined, 'Bearer of-bad-news']) {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      const closed: unknown[] = [];
      listen(wsClient(site, headers, { onClosed: (event) => closed.push(event) }), ALL);
      await expect.poll(() => closed, WAIT).toMatchObject([{ code: 4403 }]);
      const stream = listen(sseClient(site, headers), ALL);
      await expect.poll(() => stream.errors, WAIT).toMatchObject([{ response: { status: 401 } }]);
      expect((await fetch(`${site.url}/api/v1/events`, { headers })).status).toBe(401);
      expect(stream.data).toEqual([]);
    }
  }, 120_000);

  test('GET /api/v1/events tells states as they change', async () => {
    const { replica, site } = await startSite();
    await define(replica, 'events');
    const events = await openEvents(site, '', await jwt('events'));
    expect(events.headers.get('content-type')).toBe('text/event-stream');
    await expect.poll(() => events.of('state'), WAIT).toMatchObject([{ slo: 'of-events', state: 'no_data' }]);
    await push(replica, 'default.of-events', 50, 'events');
    await expect
      .poll(() => events.of('state'), WAIT)
      .toMatchObject([{ state: 'no_data' }, { state: 'exhausted', previous_state: 'no_data' }]);
    expect(events.isOver).toBe(false);
  }, 120_000);

  test('a token that expires, and the service that stops, end a stream as they do without nginx', async () => {
    const { replica, site } = await startSite();
    await define(replica, 'ends');
    const expiresAtMs = Math.ceil(Date.now() / 1000) * 1000 + 10_000;
    const brief = { authorization: `Bearer ${await token('ends', { expiresAtMs })}` };
    const lasting = { authorization: await jwt('ends') };
    const closed: Record<string, unknown[]> = { brief: [], lasting: [] };
    const onClosed = (whose: 'brief' | 'lasting') => ({
      onClosed: (event: unknown) => closed[whose]?.push(event),
    });
    const briefStream = listen(sseClient(site, brief), ALL);
    listen(wsClient(site, brief, onClosed('brief')), ALL);
    const stream = listen(sseClient(site, lasting), ALL);
    const socket = listen(wsClient(site, lasting, onClosed('lasting')), ALL);
    const events = await openEvents(site, '', lasting.authorization);
    await expect.poll(() => [stream.data.length, socket.data.length], WAIT).toEqual([1, 1]);
    await expect.poll(() => events.of('state').length, WAIT).toBe(1);

    await expect
      .poll(() => closed.brief, WAIT)
      .toMatchObject([{ code: 4403, reason: 'The credentials have expired' }]);
    await expect.poll(() => briefStream.isComplete, WAIT).toBe(true);
    expect([stream.isComplete, events.isOver, closed.lasting]).toEqual([false, false, []]);

    await replica.stop();
    await expect.poll(() => closed.lasting, WAIT).toMatchObject([{ code: 1001 }]);
    await expect.poll(() => [stream.isComplete, events.isOver], WAIT).toEqual([true, true]);
    expect([stream.errors, events.failure]).toEqual([[], null]);
  }, 180_000);
});
