import { beforeAll, expect, test } from 'vitest';
import { runCommand } from '../../src/cli/run-command.ts';
import { loadConfig } from '../../src/config.ts';
import { HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { call, type Replica, SECRET, startReplica, token } from '../live/live-app.ts';
import { createTestDatabase } from '../support/database.ts';

const database = await createTestDatabase();
const TIMEOUT = { timeout: 60_000, interval: 100 };
const TABLE_SOURCES = JSON.stringify({
  orders: { table: 'orders', columns: { time: 'at', good: 'good', total: 'total' }, accounts: ['primary'] },
});
/** An hour ago, at a whole minute: nothing happens any more to the range before. */
const END = Math.floor((Date.now() - HOUR_MS) / MINUTE_MS) * MINUTE_MS;
const FROM = new Date(END - 40 * HOUR_MS).toISOString();
const TO = new Date(END).toISOString();

beforeAll(async () => {
  await database.query('CREATE TABLE orders (at timestamptz, good int, total int)');
  await database.query(
    `INSERT INTO orders SELECT $1::timestamptz - n * interval '1 minute', 9, 10 FROM generate_series(1, 3000) AS n`,
    [TO],
  );
});

async function serve(name: string): Promise<Replica> {
  const replica = await startReplica(database.url, { TABLE_SOURCES });
  await call(replica, 'POST', '/api/v1/slos', {
    ...{ name, target: 0.8, time_window: { type: 'rolling', duration: '5m' } },
    sli: { type: 'ratio', source: { type: 'table', source: 'orders' } },
  });
  return replica;
}

const FIELDS = 'backfill { state from to position progress minutes lastError finishedAt }';
const START = `mutation ($id: ID!, $from: DateTime!, $to: DateTime) {
  backfillSlo(id: $id, from: $from, to: $to) { slo { ${FIELDS} } errors { path message } } }`;
const CANCEL = `mutation ($id: ID!) { cancelSloBackfill(id: $id) { slo { ${FIELDS} } errors { message } } }`;

// biome-ignore lint/suspicious/noExplicitAny: what a document answers is for each test to know
async function graphql(replica: Replica, query: string, variables: object, bearer = SECRET): Promise<any> {
  const answer = await fetch(`${replica.url}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  return answer.json();
}

const backfillOf = async (replica: Replica, id: string) =>
  (await graphql(replica, `query ($id: ID!) { slo(id: $id) { ${FIELDS} } }`, { id })).data.slo.backfill;

async function command(replica: Replica, ...args: readonly string[]) {
  let stdout = '';
  let stderr = '';
  const secrets = { pluginSecret: SECRET, accessKeySecret: 'g'.repeat(32) };
  const code = await runCommand(['backfill', ...args, '--url', replica.url], {
    loadConfig: () => loadConfig(() => secrets, { PLUGIN_SECRET: SECRET }),
    write: (text) => {
      stdout += text;
    },
    note: (text) => {
      stderr += text;
    },
  });
  return { code, stdout, stderr };
}

/** What is used of the whole range, by the SLO's name. */
const stored = async (name: string) =>
  (
    await database.query(
      `SELECT sum(n.used_good)::int AS good, sum(n.used_total)::int AS total, count(*)::int AS minutes
       FROM np_slo_snapshots n JOIN np_slos s ON s.id = n.slo_id WHERE s.name = $1 AND n.used_total IS NOT NULL`,
      [name],
    )
  )[0];
// 40 hours of 60 minutes with ten events, one of them bad.
const WHOLE = { good: 21_600, total: 24_000, minutes: 2400 };

test('over GraphQL: asked for, read by the worker, and told how far it has come', async () => {
  const replica = await serve('asked');
  const id = 'default.asked';
  const viewer = await token('primary');
  const refused = await graphql(replica, START, { id, from: FROM, to: TO }, viewer);
  expect(refused.data.backfillSlo).toEqual({
    slo: null,
    errors: [{ path: '', message: 'The role viewer may read but not write.' }],
  });
  const wrong = await graphql(replica, START, { id, from: TO, to: FROM });
  expect(wrong.data.backfillSlo).toEqual({
    slo: null,
    errors: [{ path: 'to', message: 'must be at least a minute after from' }],
  });
  const asked = await graphql(replica, START, { id, from: FROM, to: TO });
  expect(asked.data.backfillSlo).toMatchObject({
    slo: { backfill: { state: 'RUNNING', progress: 0, minutes: 0, lastError: null, finishedAt: null } },
    errors: [],
  });
  await expect.poll(async () => (await backfillOf(replica, id)).state, TIMEOUT).toBe('DONE');
  const done = await backfillOf(replica, id);
  expect(done).toMatchObject({ progress: 1, minutes: 2400, lastError: null });
  expect(Date.parse(done.position)).toBe(END);
  expect(Date.parse(done.finishedAt)).toBeGreaterThan(END);
  expect(await stored('asked')).toEqual(WHOLE);
}, 120_000);

test('over GraphQL: what cannot be read shows why, and cancelling ends it', async () => {
  const replica = await serve('cancelled');
  const id = 'default.cancelled';
  await database.query('ALTER TABLE orders RENAME TO orders_away');
  try {
    await graphql(replica, START, { id, from: FROM, to: TO });
    const other = await graphql(replica, START, { id, from: new Date(END - HOUR_MS).toISOString() });
    expect(JSON.stringify(other)).toContain('Another range of this SLO is being read');
    const cancelled = await graphql(replica, CANCEL, { id });
    expect(cancelled.data.cancelSloBackfill).toMatchObject({
      slo: { backfill: { state: 'CANCELLED', progress: 0 } },
      errors: [],
    });
    // Once more changes nothing.
    expect(await graphql(replica, CANCEL, { id })).toEqual(cancelled);
  } finally {
    await database.query('ALTER TABLE orders_away RENAME TO orders');
  }
  const again = await command(replica, '--slo', id, '--from', FROM, '--to', TO);
  expect(again).toMatchObject({ code: 0, stdout: '{"minutes":2400}\n' });
  expect(await stored('cancelled')).toEqual(WHOLE);
}, 120_000);

test('the command shows progress, tells what is wrong, and goes on; run again it changes nothing', async () => {
  const replica = await serve('commanded');
  const args = ['--slo', 'default.commanded', '--from', FROM, '--to', TO];
  await expect
    .poll(async () => (await call(replica, 'GET', '/api/v1/slos/default.commanded')) as object, TIMEOUT)
    .toMatchObject({ last_pulled_at: expect.any(String) });
  await database.query('ALTER TABLE orders RENAME TO orders_away');
  const running = command(replica, ...args);
  await expect
    .poll(async () => (await backfillOf(replica, 'default.commanded'))?.lastError, TIMEOUT)
    .toBe('the table orders does not exist');
  await database.query('ALTER TABLE orders_away RENAME TO orders');
  const done = await running;
  expect(done).toMatchObject({ code: 0, stdout: '{"minutes":2400}\n' });
  expect(done.stderr).toContain('the table orders does not exist; it is tried again');
  expect(done.stderr).toContain('] 100 %');
  expect(await stored('commanded')).toEqual(WHOLE);
  expect(await command(replica, ...args)).toMatchObject({ code: 0, stdout: '{"minutes":2400}\n' });
  expect(await stored('commanded')).toEqual(WHOLE);
}, 120_000);

test('the command ends with 1 where the range is cancelled under it, and where there is nothing to read', async () => {
  const replica = await serve('ended');
  await database.query('ALTER TABLE orders RENAME TO orders_away');
  try {
    const running = command(replica, '--slo', 'default.ended', '--from', FROM);
    await expect
      .poll(async () => (await backfillOf(replica, 'default.ended'))?.state, TIMEOUT)
      .toBe('RUNNING');
    await graphql(replica, CANCEL, { id: 'default.ended' });
    const ended = await running;
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('backfill: it was cancelled');
  } finally {
    await database.query('ALTER TABLE orders_away RENAME TO orders');
  }
  await call(replica, 'POST', '/api/v1/slos', { name: 'pushed', target: 0.9 });
  await call(replica, 'POST', '/api/v1/slos', {
    ...{ name: 'made', target: 0.9 },
    sli: { type: 'composite', components: [{ slo: 'pushed' }] },
  });
  for (const [name, why] of [
    ['pushed', 'is an SLO that has its measurements pushed to it: it has no source that can be read'],
    ['made', 'is an SLO that is made of other SLOs: it has no source that can be read'],
  ]) {
    expect(await command(replica, '--slo', `default.${name}`, '--from', FROM)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${why}`),
    });
  }
  expect((await command(replica, '--slo', 'default.none', '--from', FROM)).code).toBe(1);
}, 120_000);
