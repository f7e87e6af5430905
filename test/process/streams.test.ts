import { expect, test } from 'vitest';
import { listen, openEvents, SECRET, sseClient, wsClient } from '../live/live-app.ts';
import { apiClient } from '../support/api-client.ts';
import { createTestDatabase } from '../support/database.ts';
import { startProcess } from '../support/process.ts';

const database = await createTestDatabase();
const TIMEOUT = { timeout: 60_000, interval: 50 };
const WATCH = 'subscription { sloStatusChanged { name } }';

test('SIGTERM ends the streams as such, and the process with 0', async () => {
  const started = await startProcess({ env: { DATABASE_URL: database.url, PLUGIN_SECRET: SECRET } });
  const url = await started.url();
  expect(await apiClient(url, SECRET).createSlo('api')).toBe(201);
  const replica = { url, wsUrl: `${url.replace('http', 'ws')}/graphql` };
  const authorization = `Bearer ${SECRET}`;
  const closed: unknown[] = [];
  const socket = listen(
    wsClient(replica, { authorization }, { onClosed: (event) => closed.push(event) }),
    WATCH,
  );
  const stream = listen(sseClient(replica, { authorization }), WATCH);
  const events = await openEvents(replica);
  await expect
    .poll(() => [socket.data.length, stream.data.length, events.of('state').length], TIMEOUT)
    .toEqual([1, 1, 1]);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toContain('\nnself_slo_tracker_live_streams 3\n');
  expect(metrics).toContain('\nnself_slo_tracker_websockets 1\n');

  expect(await started.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(started.stdout.join('\n')).not.toContain('stopping took too long');
  expect(started.stderr).toEqual([]);
  await expect
    .poll(() => [stream.isComplete, events.isOver, closed.length], TIMEOUT)
    .toEqual([true, true, 1]);
  // The end of a stream, and not of a connection in the middle of it.
  expect([stream.errors, events.failure]).toEqual([[], null]);
  expect(closed).toMatchObject([{ code: 1001 }]);
  // It did not look done: a client that retries would connect again.
  expect(socket.isComplete).toBe(false);
});
