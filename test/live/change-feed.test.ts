import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { deleteSlo } from '../../src/services/delete-slo.ts';
import { evaluate } from '../../src/services/evaluate.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { recordStream } from '../../src/services/record-stream.ts';
import { updateSlo } from '../../src/services/update-slo.ts';
import { type ChangeEvent, type ChangeFeed, createChangeFeed } from '../../src/storage/change-feed.ts';
import type { Change } from '../../src/storage/changes.ts';
import { announceChanges } from '../../src/storage/changes.ts';
import { createTestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment } from '../support/environment.ts';

const NOW_MS = Date.parse('2026-11-20T12:00:30Z');
const MINUTE = Date.parse('2026-11-20T11:58:00Z');
const logger = pino({ level: 'silent' });
const database = await createTestDatabase();
const env = createTestEnvironment(database, NOW_MS);
const ctx = actingAs(env, 'acme');

let feed: ChangeFeed;
let events: ChangeEvent[];
const heard = (): Change[] => events.flatMap((event) => (event.type === 'changes' ? event.changes : []));
const resyncs = (): number => events.filter(({ type }) => type === 'resync').length;

beforeEach(async () => {
  events = [];
  feed = createChangeFeed(database.db, logger);
  feed.listen((event) => events.push(event));
  feed.start();
  await expect.poll(resyncs).toBe(1);
});
afterEach(() => feed.stop());

const listeners = (): Promise<{ pid: number }[]> =>
  database.query(
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'nself-slo-tracker changes' AND datname = current_database()",
  );

describe('every write is announced when it commits:', () => {
  it('a definition that is made, changed and removed', async () => {
    const slo = await createSlo({ ctx, input: { name: 'made', target: 0.9 } });
    await updateSlo({ ctx, input: { id: slo.id, patch: { display_name: 'Made' } } });
    await deleteSlo({ ctx, input: { id: slo.id } });
    const definition = { accountId: 'acme', sloIds: [slo.id], kind: 'definition', fromMs: null };
    await expect.poll(heard).toEqual([definition, definition, definition]);
  });

  it('measurements, with the earliest minute that they touch', async () => {
    const slo = await createSlo({ ctx, input: { name: 'measured', target: 0.9 } });
    const points = [
      { at: '2026-11-20T11:59:10Z', good: 1, total: 1 },
      { at: '2026-11-20T11:58:10Z', good: 1, total: 1 },
    ];
    await recordMeasurements({ ctx, input: { id: slo.id, body: { points } } });
    await expect
      .poll(heard)
      .toContainEqual({ accountId: 'acme', sloIds: [slo.id], kind: 'history', fromMs: MINUTE });
  });

  it('a stream of measurements', async () => {
    const slo = await createSlo({ ctx, input: { name: 'streamed', target: 0.9 } });
    const line = JSON.stringify({ slo: slo.id, at: '2026-11-20T11:58:10Z', good: 1, total: 1 });
    await recordStream({ ctx, input: { body: bytes(`${line}\n`) } });
    await expect
      .poll(heard)
      .toContainEqual({ accountId: 'acme', sloIds: [slo.id], kind: 'history', fromMs: MINUTE });
    // Its snapshots were completed up to now at the end.
    await expect
      .poll(heard)
      .toContainEqual({ accountId: 'acme', sloIds: [slo.id], kind: 'status', fromMs: null });
  });

  it('a tick, whether it makes the snapshots or finds them there', async () => {
    const slo = await createSlo({ ctx: actingAs(env, 'ticked'), input: { name: 'ticked', target: 0.9 } });
    const status = { accountId: 'ticked', sloIds: [slo.id], kind: 'status', fromMs: null };
    const points = [{ at: '2026-11-20T11:58:10Z', good: 1, total: 1 }];
    await recordMeasurements({ ctx: actingAs(env, 'ticked'), input: { id: slo.id, body: { points } } });
    env.clock.advance(MINUTE_MS);
    const statuses = (): number =>
      heard().filter(({ accountId, kind }) => accountId === 'ticked' && kind === 'status').length;
    await evaluate(env);
    await expect.poll(heard).toContainEqual(status);
    expect(statuses()).toBe(1);
    // These come before their minute is over, so that the next tick only copies their status.
    const next = [{ at: new Date(env.clock.now()).toISOString(), good: 1, total: 1 }];
    await recordMeasurements({ ctx: actingAs(env, 'ticked'), input: { id: slo.id, body: { points: next } } });
    env.clock.advance(MINUTE_MS);
    await evaluate(env);
    await expect.poll(statuses).toBe(2);
  });
});

describe('the feed', () => {
  it('hears nothing of what was rolled back', async () => {
    const change: Change = { accountId: 'acme', sloIds: null, kind: 'definition', fromMs: null };
    await expect(
      database.db.owner(async (tx) => {
        await announceChanges(tx, [change]);
        throw new Error('never mind');
      }),
    ).rejects.toThrow('never mind');
    const other = { ...change, accountId: 'other' };
    await database.db.owner((tx) => announceChanges(tx, [other]));
    await expect.poll(heard).toEqual([other]);
  });

  it('reconnects when its connection is killed, and says that changes may have been missed', async () => {
    const [killed] = await listeners();
    await database.query('SELECT pg_terminate_backend($1)', [killed?.pid]);
    await expect.poll(resyncs).toBe(2);
    const [next] = await listeners();
    expect(next?.pid).not.toBe(killed?.pid);
    const change: Change = { accountId: 'acme', sloIds: null, kind: 'definition', fromMs: null };
    await database.db.owner((tx) => announceChanges(tx, [change]));
    await expect.poll(heard).toEqual([change]);
  });

  it('says so too when a notice cannot be read', async () => {
    await database.query("SELECT pg_notify('np_slo_changes', 'from the next version')");
    await expect.poll(resyncs).toBe(2);
  });

  it('tells no one who has gone, and keeps no connection once stopped', async () => {
    const late: ChangeEvent[] = [];
    const leave = feed.listen((event) => late.push(event));
    leave();
    await database.db.owner((tx) =>
      announceChanges(tx, [{ accountId: 'acme', sloIds: null, kind: 'definition', fromMs: null }]),
    );
    await expect.poll(heard).toHaveLength(1);
    expect(late).toEqual([]);
    await feed.stop();
    await expect.poll(async () => (await listeners()).length).toBe(0);
  });

  it('looks at short intervals where notices never arrive, as behind a pooler', async () => {
    const deaf = createChangeFeed(
      {
        async openSession(name, timeoutMs) {
          const client = await database.db.openSession(name, timeoutMs);
          const query = client.query.bind(client);
          // Behind a pooler it is said on a server connection that the next statement does not get.
          const passed = (text: string, values?: unknown[]) =>
            query(text.startsWith('LISTEN') ? 'SELECT 1' : text, values);
          Object.assign(client, { query: passed });
          return client;
        },
      },
      logger,
      { probeMs: 5000, statementTimeoutMs: 5000, minPauseMs: 100, maxPauseMs: 1000, pollMs: 50 },
    );
    let looks = 0;
    deaf.listen(({ type }) => {
      if (type === 'resync') looks += 1;
    });
    deaf.start();
    await expect.poll(() => looks).toBeGreaterThan(2);
    await deaf.stop();
  });
});

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}
