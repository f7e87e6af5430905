import { describe, expect, test, vi } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { createReceivers } from '../../src/services/alert-receivers.ts';
import { deleteSlo } from '../../src/services/delete-slo.ts';
import { createRemovedOutboxes } from '../../src/services/removed-outboxes.ts';
import { createNotifier } from '../../src/workers/notifier.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment, type TestEnvironment } from '../support/environment.ts';
import { createFiringSlo } from './firing-slo.ts';
import { startReceiver, toldOf } from './recording-receiver.ts';

// Slow machines take their time.
vi.setConfig({ testTimeout: 120_000 });
const database = await createTestDatabase();
const NOON = Date.UTC(2026, 10, 18, 12);
const POLL = { timeout: 60_000, interval: 20 };

async function setUp(account: string) {
  await database.query('DELETE FROM np_slo_snapshots; DELETE FROM np_slos');
  const removed = createRemovedOutboxes(['router', 'alertmanager']);
  const env: TestEnvironment = {
    ...createTestEnvironment(database, NOON),
    onSloRemoved: (slo) => removed.add(slo, env.clock.now()),
  };
  const router = await startReceiver();
  const alertmanager = await startReceiver();
  const config = {
    alertRouter: { url: router.url, token: null, path: '/alerts', format: 'v1', hmacKey: null },
    alertmanagerUrl: alertmanager.url,
    publicUrl: null,
  } as const;
  const notifier = createNotifier(env, { receivers: createReceivers({ config }), held: () => null, removed });
  return { env, router, alertmanager, notifier, slo: await createFiringSlo(env, account, 'api') };
}

describe('the notifier', () => {
  test('tells one receiver while another hangs, and neither holds up the evaluation', async () => {
    const { router, alertmanager, notifier, slo } = await setUp('slow');
    router.behave('hang');
    notifier.start();
    try {
      await slo.fire();
      await expect.poll(() => router.requests.length, POLL).toBe(1);
      await expect.poll(() => alertmanager.requests.length, POLL).toBe(1);
      // Decided, evaluated and told while the router still says nothing.
      await slo.resolve();
      const toldOfEnd = async () => (await slo.read()).alertOutbox[1]?.deliveries.alertmanager?.state;
      await expect.poll(toldOfEnd, POLL).toBe('taken');
      const [firing] = (await slo.read()).alertOutbox;
      expect(firing?.deliveries).toMatchObject({
        router: { state: 'waiting', attempts: 1 },
        alertmanager: { state: 'taken' },
      });
    } finally {
      await notifier.stop();
    }
  });

  test('that stops lets another send at once what it had not heard of', async () => {
    const { env, router, notifier, slo } = await setUp('stop');
    router.behave('hang');
    await slo.fire();
    notifier.start();
    await expect.poll(() => router.requests.length, POLL).toBe(1);
    await notifier.stop();
    expect((await slo.read()).alertOutbox[0]?.deliveries.router?.dueMs).toBe(env.clock.now());
  });

  test('that stops tells first that the alerts of SLOs just deleted are over', async () => {
    const { env, router, alertmanager, notifier, slo } = await setUp('gone');
    await slo.fire();
    notifier.start();
    await expect.poll(async () => (await slo.read()).alertOutbox, POLL).toEqual([]);
    await deleteSlo({ ctx: actingAs(env, 'gone'), input: { id: slo.id } });
    await notifier.stop();
    expect(toldOf(router.requests)).toEqual(['firing api', 'resolved api']);
    expect(alertmanager.requests.map(({ body }) => JSON.parse(body)[0].endsAt).at(-1)).toBe(
      '2026-11-18T12:00:00Z',
    );
  });

  test('says again every three minutes what fires to Alertmanager, and to nobody else', async () => {
    const { env, router, alertmanager, notifier, slo } = await setUp('again');
    await slo.fire();
    notifier.start();
    try {
      await expect.poll(async () => (await slo.read()).alertOutbox, POLL).toEqual([]);
      env.clock.advance(3 * MINUTE_MS);
      await expect.poll(() => alertmanager.requests.length, POLL).toBe(2);
      env.clock.advance(3 * MINUTE_MS);
      await expect.poll(() => alertmanager.requests.length, POLL).toBe(3);
      // Told of its end, it is not said again.
      await slo.resolve();
      await expect.poll(async () => (await slo.read()).alertOutbox, POLL).toEqual([]);
      expect(toldOf(router.requests)).toEqual(['firing api', 'resolved api']);
      const bodies = alertmanager.requests.map(({ body }) => JSON.parse(body)[0]);
      expect(new Set(bodies.map(({ startsAt }) => startsAt)).size).toBe(1);
      // The last bad minute, 11:59, leaves the short window after 12:04.
      expect(bodies.at(-1).endsAt).toBe('2026-11-18T12:09:00Z');
    } finally {
      await notifier.stop();
    }
  });
});
