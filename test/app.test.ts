import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createApp } from '../src/app.ts';
import { loadConfig } from '../src/config.ts';
import { createTestDatabase } from './support/database.ts';
import { fakeClock } from './support/fake-clock.ts';

const SECRET = 'the-secret-of-this-test';
const ORIGIN = 'https://app.example.com';
const database = await createTestDatabase();
const config = loadConfig(() => ({ pluginSecret: SECRET, accessKeySecret: 'x'.repeat(32) }), {
  PLUGIN_SECRET: SECRET,
  CORS_ORIGINS: ORIGIN,
});
const clock = fakeClock('2026-11-20T12:00:30Z');
const app = createApp({
  config,
  db: database.db,
  clock,
  logger: pino({ level: 'silent' }),
  license: { assertCanChangeDefinitions: () => undefined },
});

const send = (path: string, init: RequestInit = {}): Promise<Response> =>
  app.fetch(new Request(`http://localhost${path}`, init));
const authorized = { authorization: `Bearer ${SECRET}`, 'content-type': 'application/json' };
const graphql = async (query: string) =>
  (await send('/graphql', { method: 'POST', headers: authorized, body: JSON.stringify({ query }) })).json();

test('an SLO that was made over GraphQL is measured and read over REST, and counted', async () => {
  const made = await graphql(
    'mutation { createSlo(input: {name: "api", target: 0.9}) { slo { id } errors { message } } }',
  );
  expect(made.data.createSlo.errors).toEqual([]);
  const pushed = await send('/api/v1/slos/default.api/measurements', {
    method: 'POST',
    headers: authorized,
    body: JSON.stringify({ points: [{ at: '2026-11-20T11:58:10Z', good: 95, total: 100 }] }),
  });
  expect(pushed.status).toBe(202);
  await graphql(`mutation { recordMeasurements(sloId: "default.api",
    points: [{at: "2026-11-20T11:57:10Z", good: 100, total: 100}]) { accepted errors { message } } }`);
  const read = await graphql('{ slo(id: "default.api") { state status { objectives { budget } } } }');
  // 5 of 200 were bad where 20 are allowed.
  expect(read.data.slo).toEqual({ state: 'HEALTHY', status: { objectives: [{ budget: 0.75 }] } });
  const metrics = await (await send('/metrics')).text();
  expect(metrics).toContain('nself_slo_tracker_points_recorded_total 2');
  expect(metrics).toContain('http_requests_total{method="POST",route="/graphql",status="200"}');
});

test('browsers of the listed origins may call GraphQL, and no others', async () => {
  const preflight = (origin: string) =>
    send('/graphql', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });
  const allowed = await preflight(ORIGIN);
  expect(allowed.status).toBe(204);
  expect(allowed.headers.get('access-control-allow-origin')).toBe(ORIGIN);
  expect(allowed.headers.get('access-control-allow-methods')).toContain('POST');
  const refused = await preflight('https://evil.example.com');
  expect(refused.headers.get('access-control-allow-origin')).toBeNull();
  const answer = await send('/graphql', {
    method: 'POST',
    headers: { ...authorized, origin: ORIGIN },
    body: JSON.stringify({ query: '{ slos { total } }' }),
  });
  expect(answer.headers.get('access-control-allow-origin')).toBe(ORIGIN);
});

test('a proxy asks who is behind a request, and is counted', async () => {
  const verified = await send('/auth/verify', { headers: authorized });
  expect(verified.status).toBe(200);
  expect(verified.headers.get('x-source-account-id')).toBe('primary');
  expect((await send('/auth/verify')).status).toBe(401);
  const metrics = await (await send('/metrics')).text();
  expect(metrics).toContain('http_requests_total{method="GET",route="/auth/verify",status="401"} 1');
});

test('workers start, evaluate what is due, and stop', async () => {
  clock.advance(60 * 60 * 1000);
  app.start();
  await expect
    .poll(async () => {
      const [row] = await database.query<{ evaluated_at: Date }>(
        "SELECT evaluated_at FROM np_slos WHERE name = 'api'",
      );
      return row?.evaluated_at.toISOString();
    })
    .toBe('2026-11-20T13:00:00.000Z');
  await app.stop();
});
