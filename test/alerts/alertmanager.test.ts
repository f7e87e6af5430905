import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { floorTo, MINUTE_MS } from '../../src/lib/duration.ts';
import { createReceivers } from '../../src/services/alert-receivers.ts';
import { deleteSlo } from '../../src/services/delete-slo.ts';
import { createDeliveryLane } from '../../src/services/deliver-alerts.ts';
import { createRemovedOutboxes } from '../../src/services/removed-outboxes.ts';
import { repeatFiring } from '../../src/services/repeat-firing.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment, type TestEnvironment } from '../support/environment.ts';
import { createAlertmanager, HAS_ALERTMANAGER } from './alertmanager-server.ts';
import { createFiringSlo } from './firing-slo.ts';
import { startReceiver } from './recording-receiver.ts';

// Slow machines take their time.
vi.setConfig({ testTimeout: 120_000 });
const database = await createTestDatabase();
const PUBLIC_URL = 'https://api.example.com/nself-slo-tracker';
const POLL = { timeout: 60_000, interval: 50 };

const webhookSchema = z.object({
  status: z.enum(['firing', 'resolved']),
  alerts: z.array(
    z.object({ labels: z.record(z.string(), z.string()), startsAt: z.string(), endsAt: z.string() }),
  ),
});

/** The service's clock is set by hand near Alertmanager's own, which decides whether an alert fires still. */
async function setUp() {
  const now = floorTo(Date.now(), MINUTE_MS);
  const hook = await startReceiver();
  const alertmanager = await createAlertmanager(hook.url);
  const removed = createRemovedOutboxes(['alertmanager']);
  const env: TestEnvironment = {
    ...createTestEnvironment(database, now),
    onSloRemoved: (slo) => removed.add(slo, env.clock.now()),
  };
  const [client] = createReceivers({
    config: { alertRouter: null, alertmanagerUrl: alertmanager.url, publicUrl: PUBLIC_URL },
  });
  if (client === undefined) throw new Error('no receiver');
  const held = () => null;
  const cut = new AbortController().signal;
  return {
    now,
    env,
    alertmanager,
    /** What people are told in the end: each change of each alert. */
    heard: (account: string) =>
      hook.requests
        .map(({ body }) => webhookSchema.parse(JSON.parse(body)))
        .filter(({ alerts }) => alerts.some(({ labels }) => labels.source_account_id === account))
        .map(({ status }) => status),
    lane: createDeliveryLane(env, {
      client,
      receivers: ['alertmanager'],
      held,
      removed,
      cut,
      random: () => 1,
    }),
    repeat: () => repeatFiring(env, { client, held, cut }),
  };
}

describe.skipIf(!HAS_ALERTMANAGER)('a real Alertmanager', () => {
  test('knows what fires, tells people, and knows when it has resolved', async () => {
    const { now, env, alertmanager, lane, heard } = await setUp();
    await alertmanager.start();
    env.clock.advance(-60 * MINUTE_MS);
    const slo = await createFiringSlo(env, 'one', 'api', {
      labels: { 'team.name': 'web' },
      runbook_url: 'https://runbooks.example.com/api',
    });
    await slo.fire();
    // By its own clock this would be over; so it is told by the time of today.
    env.clock.set(now);
    expect((await lane.round()).taken).toBe(1);
    const [alert, ...others] = await alertmanager.firing();
    expect(others).toEqual([]);
    expect(alert).toMatchObject({
      labels: {
        alertname: 'SloBurnRate',
        severity: 'page',
        source_account_id: 'one',
        project: 'default',
        slo: 'api',
        service: 'api',
        objective: 'default',
        condition: 'burn_rate:1h:5m:page',
        team_name: 'web',
      },
      annotations: {
        summary: expect.stringContaining('times the allowed rate'),
        runbook_url: 'https://runbooks.example.com/api',
      },
      generatorURL: `${PUBLIC_URL}/api/v1/slos/default.api`,
    });
    // Sixty bad minutes up to an hour ago: the first of them is over 119 minutes ago.
    expect(Date.parse(alert?.startsAt ?? '')).toBe(now - 119 * MINUTE_MS);
    expect(Date.parse(alert?.endsAt ?? '')).toBe(now + 15 * MINUTE_MS);
    await expect.poll(() => heard('one'), POLL).toEqual(['firing']);
    env.clock.set(now - 60 * MINUTE_MS);
    await slo.resolve();
    expect((await lane.round()).taken).toBe(1);
    await expect.poll(alertmanager.firing, POLL).toEqual([]);
    await expect.poll(() => heard('one'), POLL).toEqual(['firing', 'resolved']);
  });

  test('that has forgotten everything is told again of what fires, as the same alert', async () => {
    const { env, alertmanager, lane, repeat } = await setUp();
    await alertmanager.start();
    const slo = await createFiringSlo(env, 'two', 'api');
    const other = await createFiringSlo(env, 'two', 'other');
    // Nothing is said again of what nobody was told of yet.
    await slo.fire();
    expect(await repeat()).toBe(null);
    expect((await lane.round()).taken).toBe(1);
    const before = await alertmanager.firing();
    await alertmanager.kill();
    expect(await repeat()).toMatchObject({ kind: 'failed' });
    await alertmanager.start();
    expect(await alertmanager.firing()).toEqual([]);
    await other.fire();
    expect(await repeat()).toEqual({ kind: 'taken' });
    const after = await alertmanager.firing();
    expect(after.map(({ fingerprint, startsAt }) => [fingerprint, startsAt])).toEqual(
      before.map(({ fingerprint, startsAt }) => [fingerprint, startsAt]),
    );
    // Its SLO is gone: it is not said again.
    await lane.round();
    for (const { id } of [slo, other]) await deleteSlo({ ctx: actingAs(env, 'two'), input: { id } });
    expect(await repeat()).toBe(null);
  });

  test('is told that an alert is over when its SLO is deleted, and so tells people', async () => {
    const { now, env, alertmanager, lane, repeat, heard } = await setUp();
    await alertmanager.start();
    env.clock.advance(-60 * MINUTE_MS);
    const slo = await createFiringSlo(env, 'gone', 'api');
    await slo.fire();
    env.clock.set(now);
    await lane.round();
    await expect.poll(() => heard('gone'), POLL).toEqual(['firing']);
    await deleteSlo({ ctx: actingAs(env, 'gone'), input: { id: slo.id } });
    expect((await lane.round()).taken).toBe(1);
    await expect.poll(alertmanager.firing, POLL).toEqual([]);
    await expect.poll(() => heard('gone'), POLL).toEqual(['firing', 'resolved']);
    expect(await repeat()).toBe(null);
  });

  test('that was down is told what happened meanwhile', async () => {
    const { env, alertmanager, lane } = await setUp();
    const slo = await createFiringSlo(env, 'three', 'api');
    await slo.fire();
    expect(await lane.round()).toMatchObject({ taken: 0, failed: 1 });
    expect((await slo.read()).alertOutbox[0]?.deliveries.alertmanager?.lastError).toBe(
      'Alertmanager cannot be reached (ECONNREFUSED)',
    );
    await alertmanager.start();
    env.clock.advance(5000);
    expect((await lane.round()).taken).toBe(1);
    expect((await alertmanager.firing()).map(({ labels }) => labels.source_account_id)).toEqual(['three']);
  });
});
