import { beforeAll, describe, expect, test } from 'vitest';
import { createRestClient, type RestClient, restOn, SECRET } from './rest-client.ts';

const MINE = 'mine';
const NOBODYS_ID = 'e58ed763-928c-4155-bee9-fdbaaadc15f3';

let rest: RestClient;
let id: string;
beforeAll(async () => {
  rest = await createRestClient();
  const json = { name: 'api', target: 0.9 };
  ({ id } = (await rest.ask('POST', '/api/v1/slos', { account: MINE, json })).body);
});

const POINTS = { points: [{ at: '2026-03-10T11:00:00Z', good: 1, total: 1 }] };

/** Every endpoint that needs credentials; `{id}` is the SLO. */
const READS = [
  'GET /api/v1/slos',
  'GET /api/v1/slos/{id}',
  'GET /api/v1/slos/{id}/alerts',
  'GET /api/v1/slos/{id}/burn-rate',
  'GET /api/v1/slos/{id}/snapshots',
  'GET /api/v1/reports',
  'GET /api/v1/reports?slo_id={id}',
  'GET /api/v1/openapi.json',
  'GET /slos',
];
const WRITES: readonly [endpoint: string, json?: unknown][] = [
  ['POST /api/v1/slos', { name: 'new', target: 0.9 }],
  ['PATCH /api/v1/slos/{id}', { display_name: 'changed' }],
  ['POST /api/v1/slos/{id}/measurements', POINTS],
  ['POST /api/v1/measurements'],
  ['DELETE /api/v1/slos/{id}'],
];

function parts(endpoint: string, slo: string): [method: string, path: string] {
  const [method = '', path = ''] = endpoint.split(' ');
  return [method, path.replace('{id}', slo)];
}

function bodyOf(
  endpoint: string,
  json: unknown,
): { json?: unknown; raw?: string; headers?: Record<string, string> } {
  if (json !== undefined) return { json };
  return endpoint.startsWith('POST')
    ? { raw: '\n', headers: { 'content-type': 'application/x-ndjson' } }
    : {};
}

describe('without credentials', () => {
  test.each([...READS, ...WRITES.map(([endpoint]) => endpoint)])('%s: 401', async (endpoint) => {
    const [method, path] = parts(endpoint, id);
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { cookie: `token=${SECRET}` }]) {
      const answer = await rest.send(new Request(`http://localhost${path}`, { method, headers }));
      expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized', details: [] } });
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="nself-slo-tracker"');
    }
  });

  test('credentials are asked for before anything else is said', async () => {
    const paths = ['/api/v1/slos?nonsense=1', '/api/v1/slos/default.none', '/api/v1/slos/default.api?at=x'];
    for (const path of paths) {
      expect((await rest.send(new Request(`http://localhost${path}`))).status).toBe(401);
    }
  });

  test.each(['/health', '/ready', '/live', '/metrics'])('%s is open', async (path) => {
    expect((await rest.send(new Request(`http://localhost${path}`))).status).toBe(200);
  });
});

describe('roles', () => {
  test.each(['user', 'nself_user', 'viewer'])('%s reads and does not write', async (role) => {
    for (const endpoint of READS) {
      const [method, path] = parts(endpoint, id);
      expect(await rest.ask(method, path, { account: MINE, role })).toMatchObject({ status: 200 });
    }
    for (const [endpoint, json] of WRITES) {
      const [method, path] = parts(endpoint, id);
      const answer = await rest.ask(method, path, { account: MINE, role, ...bodyOf(endpoint, json) });
      expect(answer, endpoint).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    }
  });

  test.each(['public', 'anonymous', 'editor'])('%s gets nothing', async (role) => {
    for (const endpoint of [...READS, ...WRITES.map(([one]) => one)]) {
      const [method, path] = parts(endpoint, id);
      const answer = await rest.ask(method, path, { account: MINE, role });
      expect(answer, endpoint).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    }
  });

  test('WRITE_ROLES says who writes', async () => {
    const other = restOn(rest.environment, { writeRoles: ['editor'] });
    const json = { name: 'by-editor', target: 0.9 };
    expect(await other.ask('POST', '/api/v1/slos', { role: 'editor', json })).toMatchObject({ status: 201 });
    expect(await other.ask('GET', '/api/v1/slos', { role: 'admin' })).toMatchObject({ status: 403 });
  });
});

describe("another account's things", () => {
  test.each([...READS, ...WRITES.map(([endpoint]) => endpoint)].filter((one) => one.includes('{id}')))(
    '%s answers as for what does not exist, byte by byte',
    async (endpoint) => {
      const json = WRITES.find(([one]) => one === endpoint)?.[1];
      const ask = (slo: string) => {
        const [method, path] = parts(endpoint, slo);
        const headers = { 'x-request-id': 'same' };
        return rest.ask(method, path, { account: 'other', headers, ...(json === undefined ? {} : { json }) });
      };
      const [theirs, theirsByName, nobodys, nobodysByName, nonsense] = await Promise.all(
        [id, 'default.api', NOBODYS_ID, 'default.none', 'no%20such%20thing'].map(ask),
      );
      expect(theirs).toMatchObject({ status: 404, body: { code: 'not_found', details: [] } });
      for (const same of [theirsByName, nobodys, nobodysByName, nonsense]) {
        expect(same).toMatchObject({ status: 404, text: theirs?.text });
        expect([...(same?.headers ?? [])]).toEqual([...(theirs?.headers ?? [])]);
      }
    },
  );

  test('are in no list and in no report', async () => {
    expect((await rest.ask('GET', '/api/v1/slos', { account: 'other' })).body).toMatchObject({
      data: [],
      total: 0,
    });
    expect((await rest.ask('GET', '/api/v1/reports', { account: 'other' })).body).toEqual({ data: [] });
    expect((await rest.ask('GET', '/slos', { account: 'other' })).body).toMatchObject({ slos: [] });
  });

  test('do not take their names', async () => {
    const json = { name: 'api', target: 0.9 };
    expect(await rest.ask('POST', '/api/v1/slos', { account: 'third', json })).toMatchObject({ status: 201 });
  });

  test('are still there after all that', async () => {
    expect((await rest.ask('GET', `/api/v1/slos/${id}`, { account: MINE })).body).toMatchObject({
      display_name: '',
    });
  });
});

test.each(['%00', '..', '%2e%2e', '%', '%ff', "'", 'a'.repeat(5000), 'default.api.api', '%F0%9F%98%80'])(
  'an SLO named %s is not found',
  async (name) => {
    const answer = await rest.ask('GET', `/api/v1/slos/${name}/burn-rate`);
    expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
  },
);

describe('/slos with NSELF_ADMIN_OPEN_READ', () => {
  const env = (remoteAddress: string) => ({ incoming: { socket: { remoteAddress } } });
  const LOCAL = env('127.0.0.1');
  const page = (headers: Record<string, string> = {}) =>
    new Request('http://localhost:3835/slos', { headers: { host: 'localhost:3835', ...headers } });

  test('is open to this machine, for the account primary', async () => {
    const open = restOn(rest.environment, { nselfAdminOpenRead: true });
    for (const [request, from] of [
      [page(), LOCAL],
      [page({ host: '127.0.0.1:3835' }), LOCAL],
      [page({ host: '[::1]:3835' }), env('::1')],
      [page({ host: 'LOCALHOST' }), env('::ffff:127.0.0.1')],
      [page({ 'x-source-account-id': MINE, 'x-hasura-role': 'admin' }), LOCAL],
    ] as const) {
      const answer = await open.send(request, from);
      expect(answer.status).toBe(200);
      expect(answer.body.slos.map((slo: { name: string }) => slo.name)).not.toContain('api');
    }
  });

  test.each([
    ['a peer elsewhere', {}, env('10.0.0.7')],
    ['no peer', {}, {}],
    ['a Host elsewhere', { host: 'slo.example.com' }, LOCAL],
    ['a Host that only looks local', { host: 'localhost.example.com' }, LOCAL],
    ['a proxy: X-Forwarded-For', { 'x-forwarded-for': '127.0.0.1' }, LOCAL],
    ['a proxy: Forwarded', { forwarded: 'for=127.0.0.1' }, LOCAL],
    ['a proxy: X-Real-IP', { 'x-real-ip': '127.0.0.1' }, LOCAL],
    ['a proxy: Via', { via: '1.1 nginx' }, LOCAL],
    ['bad credentials', { authorization: 'Bearer wrong' }, LOCAL],
  ])('is closed to %s', async (_name, headers, from) => {
    const open = restOn(rest.environment, { nselfAdminOpenRead: true });
    expect((await open.send(page(headers), from)).status).toBe(401);
  });

  test('opens nothing else, and nothing where it is off', async () => {
    const open = restOn(rest.environment, { nselfAdminOpenRead: true });
    const list = new Request('http://localhost/api/v1/slos', { headers: { host: 'localhost' } });
    expect((await open.send(list, LOCAL)).status).toBe(401);
    expect((await rest.send(page(), LOCAL)).status).toBe(401);
  });
});
