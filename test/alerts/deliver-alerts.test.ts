import { createHmac } from 'node:crypto';
import { pino } from 'pino';
import { describe, expect, test, vi } from 'vitest';
import { createMetrics } from '../../src/api/metrics.ts';
import type { Config } from '../../src/config.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../src/lib/duration.ts';
import { createReceivers } from '../../src/services/alert-receivers.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { deleteSlo } from '../../src/services/delete-slo.ts';
import {
  createDeliveryLane,
  type DeliveryLane,
  type DeliveryRound,
} from '../../src/services/deliver-alerts.ts';
import { retryAfterMs } from '../../src/services/post-alert.ts';
import { createRemovedOutboxes } from '../../src/services/removed-outboxes.ts';
import { tidyOutboxes } from '../../src/services/tidy-outboxes.ts';
import type { AlertReceiver } from '../../src/slo/alert-message.ts';
import type { Database } from '../../src/storage/client.ts';
import { PLUGIN_SECRET } from '../support/auth-config.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment, type TestEnvironment } from '../support/environment.ts';
import { startTracker } from '../support/tracker.ts';
import { createFiringSlo } from './firing-slo.ts';
import { type Behaviour, type RecordingReceiver, startReceiver, toldOf } from './recording-receiver.ts';

// Slow machines take their time.
vi.setConfig({ testTimeout: 120_000 });
const database = await createTestDatabase();
const NOON = Date.UTC(2026, 2, 10, 12);
const TOKEN = 'the-token-of-the-router';
const KEY = 'the-key-of-the-router';
let accounts = 0;

interface Setup {
  readonly env: TestEnvironment;
  readonly account: string;
  readonly router: RecordingReceiver;
  readonly lane: (options?: {
    receiver?: AlertReceiver;
    db?: Database;
    held?: readonly number[] | null;
  }) => DeliveryLane;
  /** Lines of the log. */
  readonly log: string[];
}

const PLAIN: Pick<Config, 'publicUrl' | 'alertRouter' | 'alertmanagerUrl'> = {
  publicUrl: null,
  alertRouter: null,
  alertmanagerUrl: null,
};

/** No SLO but the test's own, and a router that records. */
async function setUp(
  router: Partial<NonNullable<Config['alertRouter']>> = {},
  { both = false, timeoutMs = 60 * SECOND_MS } = {},
): Promise<Setup> {
  accounts += 1;
  await database.query('DELETE FROM np_slo_snapshots; DELETE FROM np_slos');
  const receiver = await startReceiver();
  const log: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line) => log.push(line) });
  const env: TestEnvironment = {
    ...createTestEnvironment(database, NOON),
    logger,
    onSloRemoved: (slo) => removed.add(slo, env.clock.now()),
  };
  const clients = createReceivers({
    config: {
      ...PLAIN,
      alertRouter: {
        url: receiver.url,
        token: TOKEN,
        path: '/api/v1/alerts',
        format: 'v1',
        hmacKey: null,
        ...router,
      },
      alertmanagerUrl: both ? `${receiver.url}/alertmanager` : null,
    },
    timeoutMs,
  });
  const removed = createRemovedOutboxes(clients.map(({ name }) => name));
  return {
    env,
    account: `delivery-${accounts}`,
    router: receiver,
    log,
    lane({ receiver: name = 'router', db = env.db, held = null } = {}) {
      const client = clients.find((one) => one.name === name);
      if (client === undefined) throw new Error(name);
      return createDeliveryLane(
        { ...env, db },
        {
          client,
          receivers: clients.map((one) => one.name),
          held: () => held,
          removed,
          cut: new AbortController().signal,
          random: () => 1,
        },
      );
    },
  };
}

/** Rounds until there is nothing more to do at this time. */
async function drain(lane: DeliveryLane): Promise<Omit<DeliveryRound, 'hasMore' | 'receiver'>> {
  const sum = { taken: 0, failed: 0, givenUp: 0 };
  for (;;) {
    const { taken, failed, givenUp, hasMore } = await lane.round();
    sum.taken += taken;
    sum.failed += failed;
    sum.givenUp += givenUp;
    if (!hasMore) return sum;
  }
}

describe('the alert router is told', () => {
  test('that an alert fires and that it has resolved, each once, with a bearer token', async () => {
    const { env, account, router, lane } = await setUp();
    const slo = await createFiringSlo(env, account, 'api', { labels: { 'team.name': 'web' } });
    await slo.fire();
    expect(await drain(lane())).toEqual({ taken: 1, failed: 0, givenUp: 0 });
    await slo.resolve();
    expect(await drain(lane())).toEqual({ taken: 1, failed: 0, givenUp: 0 });
    expect(await drain(lane())).toEqual({ taken: 0, failed: 0, givenUp: 0 });
    const bodies = router.requests.map(({ body }) => JSON.parse(body));
    const labels = {
      alertname: 'SloBurnRate',
      severity: 'page',
      source_account_id: account,
      project: 'default',
      slo: 'api',
      service: 'api',
      objective: 'default',
      condition: 'burn_rate:1h:5m:page',
      team_name: 'web',
    };
    // 60 bad minutes from 11:00 on: an hour with k of them burns at 100 as soon as there is one, at 11:01.
    const told = {
      name: 'SloBurnRate',
      severity: 'page',
      labels,
      annotations: { summary: expect.stringContaining('10 times the allowed rate') },
      source: 'nself-slo-tracker',
      fingerprint: expect.stringMatching(/^[0-9a-f]{32}$/),
      message_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      starts_at: '2026-03-10T11:01:00Z',
    };
    expect(bodies).toEqual([
      { ...told, state: 'firing', ends_at: null },
      // The last bad minute leaves the 5 minutes at 12:05, so that it last held at 12:04.
      { ...told, state: 'resolved', ends_at: '2026-03-10T12:09:00Z' },
    ]);
    expect(bodies[0].fingerprint).toBe(bodies[1].fingerprint);
    expect(bodies[0].message_id).not.toBe(bodies[1].message_id);
    expect(router.requests[0]).toMatchObject({
      path: '/api/v1/alerts',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    });
    expect(router.requests[0]?.headers['idempotency-key']).toBe(bodies[0].message_id);
    expect((await slo.read()).alertOutbox).toEqual([]);
  });

  test('in the form of the gateway, signed', async () => {
    const { env, account, router, lane } = await setUp({
      format: 'gateway',
      path: '/api/alerts',
      hmacKey: KEY,
      token: null,
    });
    const slo = await createFiringSlo(env, account, 'api', {
      runbook_url: 'https://runbooks.example.com/api',
    });
    await slo.fire();
    await drain(lane());
    await slo.resolve();
    await drain(lane());
    const [firing, resolved] = router.requests;
    if (firing === undefined || resolved === undefined) throw new Error('too few');
    expect(JSON.parse(firing.body)).toEqual({
      title: expect.stringContaining('api (objective default)'),
      severity: 'page',
      labels: expect.objectContaining({ slo: 'api' }),
      source: 'nself-slo-tracker',
      kind: 'slo',
      target: 'default.api/default',
      reason: 'burn_rate:1h:5m:page since 2026-03-10T11:01:00Z',
      url: 'https://runbooks.example.com/api',
      state: 'firing',
      dedup_id: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(JSON.parse(resolved.body)).toMatchObject({
      state: 'resolved',
      reason: 'burn_rate:1h:5m:page from 2026-03-10T11:01:00Z to 2026-03-10T12:09:00Z',
      dedup_id: JSON.parse(firing.body).dedup_id,
    });
    expect(firing.path).toBe('/api/alerts');
    expect(firing.headers.authorization).toBe(undefined);
    for (const { headers, body } of [firing, resolved]) {
      expect(headers['x-alertmanager-hmac']).toBe(createHmac('sha256', KEY).update(body).digest('hex'));
    }
  });

  test('with user and password of the URL as a header', async () => {
    const { router } = await setUp();
    const url = new URL(router.url);
    url.username = 'me';
    url.password = 'p@ss:word';
    const [client] = createReceivers({ config: { ...PLAIN, alertmanagerUrl: url.href.replace(/\/$/, '') } });
    const change = { id: '', sinceMs: 0, endMs: null, labels: {}, annotations: {} };
    const sent = await client?.send(change, { nowMs: NOON, signal: new AbortController().signal });
    expect(sent).toEqual({ kind: 'taken' });
    const basic = Buffer.from('me:p@ss:word').toString('base64');
    expect(router.requests[0]).toMatchObject({
      path: '/api/v2/alerts',
      headers: { authorization: `Basic ${basic}` },
    });
  });
});

describe('when an SLO is deleted', () => {
  test('whoever was told that its alert fires is told that it is over', async () => {
    const { env, account, router, lane } = await setUp();
    const slo = await createFiringSlo(env, account, 'api', { labels: { team: 'web' } });
    await slo.fire();
    await drain(lane());
    env.clock.advance(30 * SECOND_MS);
    await deleteSlo({ ctx: actingAs(env, account), input: { id: slo.id } });
    // Also by a replica that looks after no account.
    expect(await drain(lane({ held: [] }))).toEqual({ taken: 1, failed: 0, givenUp: 0 });
    const [firing, over] = router.requests.map(({ body }) => JSON.parse(body));
    expect(over).toMatchObject({
      state: 'resolved',
      ends_at: '2026-03-10T12:00:30Z',
      annotations: { summary: 'api: the SLO was deleted' },
      ...{ labels: firing.labels, fingerprint: firing.fingerprint, starts_at: firing.starts_at },
    });
    expect(over.message_id).not.toBe(firing.message_id);
    expect(await drain(lane())).toEqual({ taken: 0, failed: 0, givenUp: 0 });
  });

  test('of an alert of which nobody has heard nothing is said', async () => {
    const { env, account, router, lane } = await setUp();
    const slo = await createFiringSlo(env, account, 'api');
    await slo.fire();
    await deleteSlo({ ctx: actingAs(env, account), input: { id: slo.id } });
    expect(await drain(lane())).toEqual({ taken: 0, failed: 0, givenUp: 0 });
    expect(router.requests).toEqual([]);
  });

  test('a receiver that is away is told once it is back, its end after the beginning that it may have heard', async () => {
    const { env, account, router, lane } = await setUp();
    const slo = await createFiringSlo(env, account, 'api');
    await slo.fire();
    router.behave('drop');
    const one = lane();
    expect(await one.round()).toMatchObject({ failed: 1 });
    await deleteSlo({ ctx: actingAs(env, account), input: { id: slo.id } });
    env.clock.advance(5 * SECOND_MS);
    expect(await one.round()).toMatchObject({ failed: 1 });
    router.behave({ status: 200 });
    env.clock.advance(MINUTE_MS);
    expect(await drain(one)).toEqual({ taken: 2, failed: 0, givenUp: 0 });
    expect(toldOf(router.requests).slice(-2)).toEqual(['firing api', 'resolved api']);
  });

  test('while it is told that its alert fires, that is heard to the end, and then the end is told', async () => {
    const { env, account, router, lane } = await setUp();
    const slo = await createFiringSlo(env, account, 'api');
    await slo.fire();
    const ctx = actingAs(env, account);
    let deleted: Promise<unknown> | undefined;
    router.behave(async () => {
      deleted ??= deleteSlo({ ctx, input: { id: slo.id } });
      await deleted;
      return { status: 200 };
    });
    expect(await drain(lane())).toEqual({ taken: 2, failed: 0, givenUp: 0 });
    expect(toldOf(router.requests)).toEqual(['firing api', 'resolved api']);
  });

  test('each receiver is told of what it has heard itself', async () => {
    const { env, account, router, lane } = await setUp({}, { both: true });
    const slo = await createFiringSlo(env, account, 'api');
    await slo.fire();
    await drain(lane());
    await deleteSlo({ ctx: actingAs(env, account), input: { id: slo.id } });
    await drain(lane());
    await drain(lane({ receiver: 'alertmanager' }));
    const paths = router.requests.map(({ path }) => path);
    // Alertmanager gets both at once where it had heard of neither; it does not mind.
    expect(paths).toEqual([
      ...['/api/v1/alerts', '/api/v1/alerts'],
      ...['/alertmanager/api/v2/alerts', '/alertmanager/api/v2/alerts'],
    ]);
  });

  test('a deletion that is refused tells nobody', async () => {
    const { env, account, router, lane } = await setUp();
    const slo = await createFiringSlo(env, account, 'api');
    await slo.fire();
    await drain(lane());
    const ctx = actingAs(env, account);
    const sli = { type: 'composite', components: [{ slo: 'api' }] };
    await createSlo({ ctx, input: { name: 'all', target: 0.9, sli, alert_policy: { conditions: [] } } });
    await expect(deleteSlo({ ctx, input: { id: slo.id } })).rejects.toMatchObject({ code: 'conflict' });
    await drain(lane());
    expect(toldOf(router.requests)).toEqual(['firing api']);
  });
});

describe('a receiver that', () => {
  const error = async (
    behaviour: Behaviour,
  ): Promise<{ attempts: number; error: string; isOver: boolean; waitMs: number }> => {
    const isSilent = behaviour === 'hang';
    const { env, account, router, lane, log } = await setUp({}, isSilent ? { timeoutMs: 500 } : {});
    router.behave(behaviour);
    const slo = await createFiringSlo(env, account, 'api');
    await slo.fire();
    await drain(lane());
    const [message] = (await slo.read()).alertOutbox;
    const delivery = message?.deliveries.router;
    if (delivery === undefined) throw new Error('it was taken');
    // One that is cut short may not have come as far as the record.
    if (!isSilent) expect(router.requests).toHaveLength(1);
    expect(log.join('\n')).not.toMatch(new RegExp(`${TOKEN}|secret of the receiver`));
    return {
      attempts: delivery.attempts,
      error: delivery.lastError ?? '',
      isOver: delivery.state === 'given_up',
      waitMs: (delivery.dueMs ?? NOON) - NOON,
    };
  };
  // The first wait is 5 s with all of its randomness.
  const again = { attempts: 1, isOver: false, waitMs: 5000 };
  const body = `the secret of the receiver, and ${TOKEN}`;

  test.each([
    ['hangs', 'hang', 'did not answer within 0.5 s'],
    ['answers with an error of its own', { status: 500, body }, 'answered with status 500'],
    ['does not know us', { status: 401, body }, 'answered with status 401'],
    ['has nothing at that path', { status: 404, body }, 'answered with status 404'],
    [
      'sends us elsewhere',
      { status: 302, headers: { location: 'http://127.0.0.1:1/elsewhere' } },
      'answered with a redirect (302), which is not followed',
    ],
    [
      'sends us elsewhere for good',
      { status: 308, headers: { location: '/api/v1/alerts' } },
      'answered with a redirect (308), which is not followed',
    ],
  ] as const)('%s is tried again', async (_name, behaviour, says) => {
    expect(await error(behaviour)).toEqual({ ...again, error: `the alert router ${says}` });
  });

  test('answers with no HTTP at all is tried again', async () => {
    const said = 'the alert router answered with something that is not HTTP';
    expect(await error('garbage')).toMatchObject({ ...again, error: said });
  });

  test('closes the connection is tried again', async () => {
    const seen = await error('drop');
    expect(seen).toMatchObject(again);
    expect(seen.error).toMatch(/^the alert router cannot be reached \([A-Z_]+\)$/);
  });

  test.each([
    ['seconds', '120', 120_000],
    ['a date', new Date(NOON + 90_000).toUTCString(), 90_000],
    ['more than an hour', '999999999', HOUR_MS],
    ['less than we wait anyway', '1', 5000],
    ['something unreadable', 'soon', 5000],
  ])('is told too much, and says for how long to wait, is left alone: %s', async (_name, after, waitMs) => {
    for (const status of [429, 503]) {
      const seen = await error({ status, headers: { 'retry-after': after } });
      expect(seen).toEqual({ ...again, error: `the alert router answered with status ${status}`, waitMs });
    }
  });

  test.each([400, 409, 413, 422])('refuses a message with %d is not asked again', async (status) => {
    expect(await error({ status, body })).toEqual({
      attempts: 1,
      isOver: true,
      error: `the alert router refused it with status ${status}`,
      waitMs: 0,
    });
  });

  test('answers and never stops has taken it', async () => {
    for (const behaviour of ['endless body', { status: 204 }, { status: 200, body: '<html>' }] as const) {
      const { env, account, router, lane } = await setUp();
      router.behave(behaviour);
      const slo = await createFiringSlo(env, account, 'api');
      await slo.fire();
      expect(await drain(lane())).toEqual({ taken: 1, failed: 0, givenUp: 0 });
    }
  });
});

test('reads Retry-After as seconds or as a date, within an hour', () => {
  expect(retryAfterMs(null, NOON)).toBe(0);
  expect(retryAfterMs('-5', NOON)).toBe(0);
  expect(retryAfterMs(new Date(NOON - 1000).toUTCString(), NOON)).toBe(0);
  expect(retryAfterMs(' 7 ', NOON)).toBe(7000);
});

describe('while a receiver is down', () => {
  test('for an hour nothing is lost: all that happened is told in order, soon after', async () => {
    const { env, account, router, lane } = await setUp();
    const url = new URL(router.url);
    await router.close();
    const slos = await Promise.all(['a', 'b', 'c'].map((name) => createFiringSlo(env, account, name)));
    const [a, b] = slos;
    if (a === undefined || b === undefined) throw new Error('no SLO');
    await a.fire();
    await b.fire();
    let ours = lane();
    let attempts = 0;
    const pass = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 10 * SECOND_MS) {
        env.clock.advance(10 * SECOND_MS);
        // Over restarts: each minute another process.
        if (passed % MINUTE_MS === 0) ours = lane();
        attempts += (await drain(ours)).failed;
      }
    };
    await pass(20 * MINUTE_MS);
    expect(attempts).toBeGreaterThan(20);
    // An hour later a has resolved, and so has b, of which nothing was heard since.
    await a.resolve();
    await slos[2]?.fire();
    await pass(MINUTE_MS);
    expect((await a.read()).alertOutbox.map(({ endMs }) => endMs === null)).toEqual([true, false]);

    const back = await startReceiver(Number(url.port));
    await pass(2 * MINUTE_MS);
    const told = toldOf(back.requests);
    const of = (name: string) => told.filter((line) => line.endsWith(` ${name}`));
    expect([of('a'), of('b'), of('c')]).toEqual([
      ['firing a', 'resolved a'],
      ['firing b', 'resolved b'],
      ['firing c'],
    ]);
    expect(told).toHaveLength(5);
    for (const slo of slos) expect((await slo.read()).alertOutbox).toEqual([]);
  });

  test('it is asked by one message at a time, less and less often, and flooded by none of a hundred', async () => {
    const { env, account, router, lane } = await setUp();
    router.behave({ status: 500 });
    for (let i = 0; i < 20; i += 1) await (await createFiringSlo(env, account, `slo-${i}`)).fire();
    const ours = lane();
    const perMinute: number[] = [];
    for (let minute = 0; minute < 4; minute += 1) {
      const before = router.requests.length;
      for (let second = 0; second < 60; second += 1) {
        await drain(ours);
        env.clock.advance(SECOND_MS);
      }
      perMinute.push(router.requests.length - before);
    }
    // A batch of 8 at once; then one after 5, 15, 30 and 45 s, and so on every 15 s.
    expect(perMinute).toEqual([8 + 4, 4, 4, 4]);
    router.behave({ status: 200 });
    env.clock.advance(MINUTE_MS);
    expect(await drain(ours)).toEqual({ taken: 20, failed: 0, givenUp: 0 });
  });

  test('a message that it always fails over holds up no other', async () => {
    const { env, account, router, lane } = await setUp();
    router.behave(({ body }) => ({ status: body.includes('"slo":"poison"') ? 500 : 200 }));
    const slos = await Promise.all(['poison', 'a', 'b'].map((name) => createFiringSlo(env, account, name)));
    for (const slo of slos) await slo.fire();
    const ours = lane();
    expect(await drain(ours)).toEqual({ taken: 2, failed: 1, givenUp: 0 });
    // Also where it is alone, and the receiver so looks as if it was down: for 15 s at most.
    for (let waited = 0; waited < 300; waited += 1) {
      env.clock.advance(SECOND_MS);
      await drain(ours);
    }
    await (await createFiringSlo(env, account, 'page')).fire();
    env.clock.advance(15 * SECOND_MS);
    expect((await drain(ours)).taken).toBe(1);
  });

  test('for three days it is given up, shown on the SLO, and counted', async () => {
    const { env, account, router, lane } = await setUp({}, { both: true });
    router.behave(({ path }) => ({ status: path.startsWith('/alertmanager') ? 200 : 500 }));
    const slo = await createFiringSlo(env, account, 'api');
    await slo.fire();
    const ours = lane();
    await drain(ours);
    env.clock.advance(3 * DAY_MS - MINUTE_MS);
    await drain(ours);
    const count = () => tidyOutboxes(env, { receivers: ['router', 'alertmanager'], held: () => null });
    const waitingMs = 3 * DAY_MS - MINUTE_MS;
    expect(await count()).toEqual([
      { receiver: 'router', waiting: 1, givenUp: 0, longestMs: waitingMs },
      { receiver: 'alertmanager', waiting: 1, givenUp: 0, longestMs: waitingMs },
    ]);
    env.clock.advance(2 * MINUTE_MS);
    expect(await drain(ours)).toEqual({ taken: 0, failed: 0, givenUp: 1 });
    expect(await drain(lane({ receiver: 'alertmanager' }))).toEqual({ taken: 1, failed: 0, givenUp: 0 });
    expect(await count()).toEqual([
      { receiver: 'router', waiting: 0, givenUp: 1, longestMs: 0 },
      { receiver: 'alertmanager', waiting: 0, givenUp: 0, longestMs: 0 },
    ]);
    const metrics = createMetrics('0');
    metrics.observeUndelivered(await count());
    metrics.countDeliveries({ receiver: 'router', taken: 0, failed: 2, givenUp: 1 });
    expect((await metrics.expose()).split('\n')).toEqual(
      expect.arrayContaining([
        'nself_slo_tracker_alerts_undelivered{receiver="router",state="given_up"} 1',
        'nself_slo_tracker_alerts_undelivered{receiver="router",state="waiting"} 0',
        'nself_slo_tracker_alert_delivery_lag_seconds{receiver="router"} 0',
        'nself_slo_tracker_alert_deliveries_total{receiver="router",result="given_up"} 1',
      ]),
    );
    // A week later it is gone.
    env.clock.advance(7 * DAY_MS);
    expect((await count()).map(({ givenUp }) => givenUp)).toEqual([0, 0]);
    expect((await slo.read()).alertOutbox).toEqual([]);
  });
});

test('what is refused shows on the SLO over REST and GraphQL', async () => {
  const { env, account, router, lane } = await setUp();
  router.behave({ status: 422 });
  const slo = await createFiringSlo(env, account, 'api');
  await slo.fire();
  await drain(lane());
  const tracker = await startTracker(database);
  const headers = {
    authorization: `Bearer ${PLUGIN_SECRET}`,
    'x-source-account-id': account,
    'content-type': 'application/json',
  };
  const rest = await (await fetch(`${tracker.url}/api/v1/slos/${slo.id}`, { headers })).json();
  expect(rest).toMatchObject({
    undelivered_alerts: [
      {
        receiver: 'router',
        objective: 'default',
        condition: 'burn_rate:1h:5m:page',
        change: 'firing',
        decided_at: '2026-03-10T12:00:00Z',
        attempts: 1,
        last_error: 'the alert router refused it with status 422',
        next_attempt_at: null,
      },
    ],
  });
  const query = `{ slo(id: "${slo.id}") { undeliveredAlerts {
    receiver objective condition change decidedAt attempts lastError nextAttemptAt } } }`;
  const answer = await fetch(`${tracker.url}/graphql`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ query }),
  });
  expect(await answer.json()).toEqual({
    data: {
      slo: {
        undeliveredAlerts: [
          {
            receiver: 'ROUTER',
            objective: 'default',
            condition: 'burn_rate:1h:5m:page',
            change: 'FIRING',
            decidedAt: '2026-03-10T12:00:00Z',
            attempts: 1,
            lastError: 'the alert router refused it with status 422',
            nextAttemptAt: null,
          },
        ],
      },
    },
  });
});

describe('two at the same outbox', () => {
  test('send each message once', async () => {
    const { env, account, router, lane } = await setUp();
    for (let i = 0; i < 20; i += 1) await (await createFiringSlo(env, account, `slo-${i}`)).fire();
    const done = await Promise.all([drain(lane()), drain(lane()), drain(lane())]);
    expect(done.reduce((sum, { taken }) => sum + taken, 0)).toBe(20);
    expect(router.requests).toHaveLength(20);
  });

  test('where the database goes away after the sending, do not send it again', async () => {
    const { env, account, router, lane } = await setUp();
    await (await createFiringSlo(env, account, 'api')).fire();
    let fails = 0;
    const db: Database = {
      ...env.db,
      owner(work) {
        // After the claim, once the router knows.
        if (router.requests.length === 0 || fails > 0) return env.db.owner(work);
        fails += 1;
        return Promise.reject(new Error('the database is away'));
      },
    };
    const ours = lane({ db });
    await expect(ours.round()).rejects.toThrow('the database is away');
    env.clock.advance(2 * MINUTE_MS);
    await drain(ours);
    expect(router.requests).toHaveLength(1);
    expect(await drain(lane())).toEqual({ taken: 0, failed: 0, givenUp: 0 });
  });
});
