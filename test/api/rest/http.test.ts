import { Writable } from 'node:stream';
import { pino } from 'pino';
import { beforeAll, describe, expect, test } from 'vitest';
import { ACCOUNT_LIMIT } from '../../../src/api/account-limit.ts';
import { createActorResolver } from '../../../src/api/auth/resolve-actor.ts';
import { createMetrics } from '../../../src/api/metrics.ts';
import { createRestApp } from '../../../src/api/rest/create-rest-app.ts';
import { createDatabase } from '../../../src/storage/client.ts';
import { quietHub } from '../../support/environment.ts';
import { createRestClient, faceConfig, NOW, type RestClient, restOn } from './rest-client.ts';

let rest: RestClient;
beforeAll(async () => {
  rest = await createRestClient();
  await rest.ask('POST', '/api/v1/slos', { json: { name: 'api', target: 0.9 } });
});

describe('paths and methods', () => {
  test.each([
    '/',
    '/nope',
    '/api/v1',
    '/api/v1/slos/',
    '/api/v2/slos',
    '/api/v1/slos/a/b',
    '/HEALTH',
    '//health',
  ])('nothing is at %s: 404 in JSON', async (path) => {
    const answer = await rest.ask('GET', path);
    expect(answer.status).toBe(404);
    expect(answer.body).toEqual({
      error: 'There is nothing at this path.',
      code: 'not_found',
      details: [],
    });
  });

  test.each([
    ['PUT', '/api/v1/slos', 'GET, HEAD, OPTIONS, POST'],
    ['POST', '/api/v1/slos/default.api', 'DELETE, GET, HEAD, OPTIONS, PATCH'],
    ['GET', '/api/v1/measurements', 'OPTIONS, POST'],
    ['HEAD', '/api/v1/measurements', 'OPTIONS, POST'],
    ['DELETE', '/health', 'GET, HEAD, OPTIONS'],
    ['PROPFIND', '/metrics', 'GET, HEAD, OPTIONS'],
  ])('%s %s: 405, and Allow says %s', async (method, path, allow) => {
    const answer = await rest.ask(method, path);
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe(allow);
    if (method !== 'HEAD') expect(answer.body).toMatchObject({ code: 'method_not_allowed' });
  });

  test.each(['/health', '/metrics', '/api/v1/slos', '/api/v1/slos/default.api', '/api/v1/openapi.json'])(
    'HEAD %s answers as GET does, without the body',
    async (path) => {
      const head = await rest.ask('HEAD', path);
      const get = await rest.ask('GET', path);
      expect([head.status, head.text]).toEqual([200, '']);
      expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'));
    },
  );

  test('OPTIONS tells what is allowed, without credentials', async () => {
    const answer = await rest.send(new Request('http://localhost/api/v1/slos', { method: 'OPTIONS' }));
    expect(answer.status).toBe(204);
    expect(answer.headers.get('allow')).toBe('GET, HEAD, OPTIONS, POST');
  });
});

describe('health', () => {
  test.each(['/health', '/ready', '/live'])('%s', async (path) => {
    const answer = await rest.send(new Request(`http://localhost${path}?probe=1`));
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      status: 'ok',
      plugin: 'nself-slo-tracker',
      version: '0.0.0-test',
      timestamp: NOW,
    });
  });

  test('without a database the process is alive, not ready, and says so to requests', async () => {
    const { environment } = rest;
    const db = createDatabase('postgres://nobody@127.0.0.1:9/none', { logger: environment.logger });
    const lost = restOn({ ...environment, db });
    expect((await lost.ask('GET', '/health')).status).toBe(200);
    expect((await lost.ask('GET', '/live')).status).toBe(200);
    const ready = await lost.ask('GET', '/ready');
    expect(ready.status).toBe(503);
    expect(ready.body).toMatchObject({ status: 'unavailable', error: expect.stringContaining('database') });
    const list = await lost.ask('GET', '/api/v1/slos');
    expect(list).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    expect(list.headers.get('retry-after')).toBe('5');
    await db.close();
  });
});

describe('a fault of ours', () => {
  test('is masked, has the id of the request, and is logged with its cause', async () => {
    const lines: string[] = [];
    const sink = new Writable({
      write(chunk, _encoding, done) {
        lines.push(String(chunk));
        done();
      },
    });
    const { environment } = rest;
    const config = faceConfig();
    const app = createRestApp({
      environment: {
        ...environment,
        logger: pino(sink),
        db: {
          ...environment.db,
          tenant: () => Promise.reject(new Error('column "secret_sauce" is missing')),
        },
      },
      config,
      resolveActor: createActorResolver({ config, clock: environment.clock }),
      accountLimit: null,
      version: 'x',
      openApiParts: [],
      metrics: createMetrics('x'),
      hub: quietHub(environment),
    });
    const headers = { authorization: `Bearer ${config.pluginSecret}`, 'x-request-id': 'abc-123' };
    const response = await app.fetch(new Request('http://localhost/api/v1/slos', { headers }));
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({ code: 'internal', error: expect.stringContaining('abc-123') });
    expect(text).not.toContain('secret_sauce');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('secret_sauce');
    expect(lines[0]).toContain('abc-123');
    expect(lines[0]).not.toContain(config.pluginSecret);
  });
});

describe('headers of every answer', () => {
  test.each([
    ['abc.DEF_1-2', true],
    ['has a blank', false],
    ['x'.repeat(129), false],
    [undefined, false],
  ])('the request id %s is kept: %s', async (id, kept) => {
    const { headers } = await rest.ask('GET', '/nope', {
      headers: id === undefined ? {} : { 'x-request-id': id },
    });
    if (kept) expect(headers.get('x-request-id')).toBe(id);
    else expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('nothing is cached or sniffed', async () => {
    const { headers } = await rest.ask('GET', '/api/v1/slos');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });
});

describe('browsers', () => {
  const APP = 'https://app.example.com';
  const from = (origin: string) => ({ headers: { origin } });

  test('of a listed origin may read, with credentials', async () => {
    const open = restOn(rest.environment, { corsOrigins: [APP] });
    for (const path of ['/api/v1/slos', '/nope', '/api/v1/slos/default.none']) {
      const { headers } = await open.ask('GET', path, from(APP));
      expect(headers.get('access-control-allow-origin')).toBe(APP);
      expect(headers.get('access-control-allow-credentials')).toBe('true');
      expect(headers.get('vary')).toBe('Origin');
    }
  });

  test.each(['https://evil.example.com', `${APP}.evil.com`, 'http://app.example.com', 'null'])(
    'of %s may not',
    async (origin) => {
      const open = restOn(rest.environment, { corsOrigins: [APP] });
      const { headers } = await open.ask('GET', '/api/v1/slos', from(origin));
      expect(headers.get('access-control-allow-origin')).toBeNull();
      expect(headers.get('vary')).toBe('Origin');
    },
  );

  test('may read nothing where no origin is listed', async () => {
    const { headers } = await rest.ask('GET', '/api/v1/slos', from(APP));
    expect(headers.get('access-control-allow-origin')).toBeNull();
    expect(headers.get('vary')).toBeNull();
  });

  test('ask before they change something', async () => {
    const open = restOn(rest.environment, { corsOrigins: [APP] });
    const preflight = (origin: string, more: Record<string, string> = {}) =>
      open.send(
        new Request('http://localhost/api/v1/slos/default.api', {
          method: 'OPTIONS',
          headers: { origin, 'access-control-request-method': 'PATCH', ...more },
        }),
      );
    const { status, headers } = await preflight(APP);
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe(APP);
    expect(headers.get('access-control-allow-methods')).toContain('PATCH');
    expect(headers.get('access-control-allow-headers')).toContain('Authorization');
    expect(
      (await preflight('https://evil.example.com')).headers.get('access-control-allow-methods'),
    ).toBeNull();
    const asked = { 'access-control-request-headers': 'content-type,x-my-jwt, X-Plugin-Secret, a b' };
    const listed = (await preflight(APP, asked)).headers.get('access-control-allow-headers');
    expect(listed).toContain('x-my-jwt');
    expect(listed).not.toMatch(/x-plugin-secret|a b/i);
  });
});

describe('the rate limit', () => {
  test('counts by account, tells what is left, and then when to come again', async () => {
    const limited = restOn(rest.environment, { rateLimit: true });
    const ask = (account: string) => limited.ask('GET', '/api/v1/openapi.json', { account });
    const first = await ask('busy');
    expect(first.status).toBe(200);
    expect(first.headers.get('x-ratelimit-limit')).toBe(String(ACCOUNT_LIMIT.burst));
    expect(first.headers.get('x-ratelimit-remaining')).toBe(String(ACCOUNT_LIMIT.burst - 1));
    // One token of 100 a second comes back within 10 ms.
    expect(first.headers.get('x-ratelimit-reset')).toBe(String(Date.parse(NOW) / 1000 + 1));
    for (let n = 1; n < ACCOUNT_LIMIT.burst; n += 1) await limited.ask('GET', '/slos?x', { account: 'busy' });

    const over = await ask('busy');
    expect(over).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    expect(over.headers.get('retry-after')).toBe('1');
    expect(over.headers.get('x-ratelimit-remaining')).toBe('0');
    expect((await ask('calm')).status).toBe(200);

    rest.environment.clock.advance(1000);
    expect((await ask('busy')).status).toBe(200);
    rest.environment.clock.set(Date.parse(NOW));
  });

  test('is not there when it is off', async () => {
    const { headers } = await rest.ask('GET', '/api/v1/slos');
    expect(headers.get('x-ratelimit-limit')).toBeNull();
  });
});

describe('/metrics', () => {
  test('has both families, by the pattern of the path', async () => {
    const fresh = restOn(rest.environment);
    await fresh.ask('GET', '/api/v1/slos/default.api');
    await fresh.ask('GET', '/api/v1/slos/default.secret-project');
    await fresh.ask('GET', '/some/hidden/path');
    await fresh.ask('BREW', '/health');
    const answer = await fresh.send(new Request('http://localhost/metrics'));
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    for (const line of [
      'http_requests_total{method="GET",route="/api/v1/slos/{id}",status="200"} 1',
      'http_requests_total{method="GET",route="/api/v1/slos/{id}",status="404"} 1',
      'http_requests_total{method="GET",route="unmatched",status="404"} 1',
      'http_requests_total{method="OTHER",route="/health",status="405"} 1',
      'http_request_duration_seconds_count{method="GET",route="/api/v1/slos/{id}",status="200"} 1',
      'nself_plugin_requests_total{method="GET",route="/api/v1/slos/{id}",status="200"} 1',
      'nself_plugin_request_duration_seconds_count{method="GET",route="/api/v1/slos/{id}",status="200"} 1',
      'nself_plugin_in_flight_requests 1',
      'nself_plugin_errors_total{code="not_found"} 2',
      `nself_plugin_build_info{plugin="nself-slo-tracker",version="0.0.0-test",node_version="${process.version}"} 1`,
    ]) {
      expect(answer.text.split('\n')).toContain(line);
    }
    expect(answer.text).toContain('process_cpu_seconds_total');
    expect(answer.text).not.toMatch(/secret-project|hidden|primary|default\.api/);
  });

  test('counts points, and what the workers tell', async () => {
    const metrics = createMetrics('1');
    metrics.countPoints(5);
    metrics.observeTick({ durationMs: 250, objectives: 12 });
    const text = await metrics.expose();
    expect(text).toContain('nself_slo_tracker_points_recorded_total 5');
    expect(text).toContain('nself_slo_tracker_objectives_evaluated_total 12');
    expect(text).toContain('nself_slo_tracker_tick_duration_seconds_sum 0.25');
  });
});
