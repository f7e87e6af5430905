import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { MINUTE_MS } from '../../../src/lib/duration.ts';
import { actingAs } from '../../support/environment.ts';
import { createHourlySlo, recordMinutes } from '../../support/hourly-slo.ts';
import { serve } from './http-server.ts';
import {
  BASE,
  createPrometheusClient,
  type PrometheusClient,
  prometheusOn,
  SECRET,
} from './prometheus-client.ts';

const TIMEOUT = { timeout: 120_000, interval: 20 };
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

const NOON = Date.UTC(2026, 2, 10, 12, 0);
const RELIABILITY = { query: 'reliability', time: NOON / 1000 };

let prometheus: Awaited<ReturnType<typeof createPrometheusClient>>;
/** Past the database of the test. */
const admin = new pg.Client({ connectionString: inject('serverUrl') });

beforeAll(async () => {
  prometheus = await createPrometheusClient(NOON + 5000);
  const ctx = actingAs(prometheus.environment, 'primary');
  await createHourlySlo(ctx, { name: 'api', target: 0.9 });
  const minutes = { fromMs: NOON - 10 * MINUTE_MS, count: 10 };
  await recordMinutes(ctx, 'default.api', minutes, () => ({ good: 9, total: 10 }));
  await admin.connect();
});
afterAll(() => admin.end());

const reliabilityOf = async (client: PrometheusClient): Promise<string> =>
  (await client.ask('/query', RELIABILITY)).body.data.result[0].value[1];

test('a client that goes away has its query stopped, and others are answered all the while', async () => {
  const started: Request[] = [];
  const statuses: number[] = [];
  const address = await serve({
    ...prometheus,
    app: {
      ...prometheus.app,
      async fetch(request, peer) {
        started.push(request);
        const response = await prometheus.app.fetch(request, peer);
        statuses.push(response.status);
        return response;
      },
    },
  });
  // 3,600 windows of 360,000 samples that differ: minutes of work, whatever the machine.
  const query = 'max_over_time(stddev_over_time(vector(time())[1h:10ms])[1h:1s])';
  const client = new AbortController();
  const asked = fetch(`http://${address}${BASE}/query`, {
    method: 'POST',
    headers: { authorization: `Bearer ${SECRET}` },
    body: new URLSearchParams({ query }),
    signal: client.signal,
  });
  await expect.poll(() => started.length, TIMEOUT).toBe(1);
  // It does not keep the process to itself.
  expect(await reliabilityOf(prometheus)).toBe('0.9');
  expect(statuses).toEqual([]);
  client.abort();
  await expect(asked).rejects.toThrow();
  await expect.poll(() => statuses, TIMEOUT).toEqual([499]);
});

test('a database that ends its connections in the middle of a query is told as Prometheus tells it; the next query works', async () => {
  // Nothing is kept, so that the query has rows to read, and a lock that it waits for.
  const client = prometheusOn(prometheus.environment, { prometheusCacheMb: 0 });
  const lock = new pg.Client({ connectionString: prometheus.database.url });
  await lock.connect();
  await lock.query('BEGIN; LOCK TABLE np_slo_snapshots IN ACCESS EXCLUSIVE MODE');
  const waiting = `FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  const asked = client.ask('/query', RELIABILITY);
  await expect
    .poll(async () => (await prometheus.database.query(`SELECT pid ${waiting}`)).length, TIMEOUT)
    .toBe(1);
  await prometheus.database.query(`SELECT pg_terminate_backend(pid) ${waiting}`);
  const { status, body, headers } = await asked;
  expect(body).toMatchObject({ status: 'error', errorType: 'unavailable' });
  expect([status, headers.get('content-type')]).toEqual([503, 'application/json']);
  await lock.end();
  expect(await reliabilityOf(client)).toBe('0.9');
  expect(await reliabilityOf(prometheus)).toBe('0.9');
});

test('a database that is away is an unavailable, not an end of the process, and comes back', async () => {
  const name = new URL(prometheus.database.url).pathname.slice(1);
  await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
  const client = prometheusOn(prometheus.environment);
  await expect
    .poll(async () => (await client.ask('/query', RELIABILITY)).body.errorType, TIMEOUT)
    .toBe('unavailable');
  // What has nothing to do with the database goes on.
  expect((await client.ask('/metadata')).status).toBe(200);
  await expect(client.app.prepare(Promise.resolve())).resolves.toBeUndefined();
  await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
  await expect.poll(async () => (await client.ask('/query', RELIABILITY)).status, TIMEOUT).toBe(200);
});

test('queries are rehearsed without a trace: the first one afterwards answers what it would have', async () => {
  const client = prometheusOn(prometheus.environment);
  await client.app.prepare(Promise.resolve());
  expect(await reliabilityOf(client)).toBe('0.9');
  expect((await client.ask('/query', { query: 'burn_rate{slo=~"slo-.+"}' })).body.data.result).toEqual([]);
});

test('nothing is asked of the default account before what was missed is caught up on', async () => {
  const { environment } = prometheus;
  const asked = new Set<string>();
  const client = prometheusOn({
    ...environment,
    db: {
      ...environment.db,
      tenantSnapshot(accountId, work) {
        asked.add(accountId);
        return environment.db.tenantSnapshot(accountId, work);
      },
    },
  });
  // Never: the rehearsal gives up.
  await client.app.prepare(new Promise(() => undefined));
  expect([...asked]).toEqual(['nobody']);
});
