import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { MINUTE_MS, SECOND_MS } from '../../src/lib/duration.ts';
import { createReceivers } from '../../src/services/alert-receivers.ts';
import { createDeliveryLane, type DeliveryLane } from '../../src/services/deliver-alerts.ts';
import { createRemovedOutboxes } from '../../src/services/removed-outboxes.ts';
import { builtProgram } from '../support/built-program.ts';
import { createTestDatabase } from '../support/database.ts';
import { createTestEnvironment } from '../support/environment.ts';
import { createFiringSlo } from './firing-slo.ts';
import { type RecordingReceiver, startReceiver, toldOf } from './recording-receiver.ts';

const database = await createTestDatabase();
const AT = Date.UTC(2026, 10, 18, 12);
const ACCOUNTS = 12;
const TIMEOUT = { timeout: 90_000, interval: 50 };

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** The whole app as a process of its own, by a clock that stands. */
async function startReplica(router: RecordingReceiver): Promise<ChildProcess> {
  const child = fork(builtProgram('test/scaling/replica.ts'), {
    execArgv: [],
    env: {
      PATH: process.env.PATH,
      TEST_LOG_LEVEL: process.env.TEST_LOG_LEVEL,
      DATABASE_URL: database.url,
      START_MS: String(AT + SECOND_MS),
      ALERT_ROUTER_URL: router.url,
    },
  });
  children.push(child);
  await once(child, 'message');
  return child;
}

const env = createTestEnvironment(database, AT);

/** Decides to tell of an alert of each of twelve accounts, which fall on many shards. */
async function decide(name: string): Promise<string[]> {
  const names = Array.from({ length: ACCOUNTS }, (_, n) => `${name}-${n}`);
  for (const [n, one] of names.entries()) await (await createFiringSlo(env, `account-${n}`, one)).fire();
  return names.map((one) => `firing ${one}`).toSorted();
}

const waiting = (): Promise<{ n: number }[]> =>
  database.query("SELECT count(*)::int AS n FROM np_slos WHERE alert_outbox <> '[]'");

test('two replicas tell of each change once; killed while they tell, of what was under way once more', async () => {
  const router = await startReceiver();
  // Nobody was there when this was decided.
  const first = await decide('first');
  const replicas = await Promise.all([startReplica(router), startReplica(router)]);
  await expect.poll(waiting, TIMEOUT).toEqual([{ n: 0 }]);
  expect(toldOf(router.requests).toSorted()).toEqual(first);

  // What they are answered now they do not live to hear.
  router.behave('hang');
  const second = await decide('second');
  const underWay = () => toldOf(router.requests).slice(ACCOUNTS);
  await expect.poll(() => underWay().length, TIMEOUT).toBeGreaterThan(0);
  await Promise.all(replicas.map(kill));
  const claimed = (
    await database.query<{ told: string }>(
      `SELECT 'firing ' || name AS told FROM np_slos
       WHERE (alert_outbox #>> '{0,deliveries,router,attempts}')::int = 1 ORDER BY name`,
    )
  ).map(({ told }) => told);
  expect(new Set(underWay()).size).toBe(underWay().length);
  expect(claimed).toEqual(expect.arrayContaining(underWay()));

  // Another sends what nobody has claimed, and the rest when the claims of the dead have run out.
  const other = await startReceiver();
  const lane = laneTo(other);
  await drain(lane);
  expect(toldOf(other.requests).toSorted()).toEqual(second.filter((one) => !claimed.includes(one)));
  env.clock.advance(SECOND_MS + MINUTE_MS);
  await drain(lane);
  expect(toldOf(other.requests).toSorted()).toEqual(second);
  expect(await waiting()).toEqual([{ n: 0 }]);
}, 240_000);

function laneTo({ url }: RecordingReceiver): DeliveryLane {
  const alertRouter = { url, token: null, path: '/', format: 'v1', hmacKey: null } as const;
  const [client] = createReceivers({ config: { alertRouter, alertmanagerUrl: null, publicUrl: null } });
  if (client === undefined) throw new Error('no receiver');
  const cut = new AbortController().signal;
  const removed = createRemovedOutboxes(['router']);
  return createDeliveryLane(env, { client, receivers: ['router'], held: () => null, removed, cut });
}

async function drain(lane: DeliveryLane): Promise<void> {
  while ((await lane.round()).hasMore);
}
