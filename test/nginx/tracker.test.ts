import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../src/lib/free-port.ts';
import { createAccessKeys } from '../../src/services/access-keys.ts';
import { authConfig, PLUGIN_SECRET } from '../support/auth-config.ts';
import { createTestDatabase } from '../support/database.ts';
import { JWT_KEY, signJwt } from '../support/jwt.ts';
import { sendRaw } from '../support/raw-http.ts';
import { startTracker, type Tracker } from '../support/tracker.ts';
import { HAS_NGINX, type Nginx, startNginx } from './nginx.ts';

const PUBLIC = 'https://api.example.com/nself-slo-tracker';
const APP = 'https://app.example.com';
const JSON_TYPE = { 'content-type': 'application/json' };

describe.runIf(HAS_NGINX)('the tracker behind nginx', async () => {
  const database = await createTestDatabase();
  let tracker: Tracker;
  let nginx: Nginx;
  beforeAll(async () => {
    tracker = await startTracker(database, {
      environment: {
        PUBLIC_URL: PUBLIC,
        CORS_ORIGINS: APP,
        RATE_LIMIT: 'off',
        HASURA_GRAPHQL_JWT_SECRET: JSON.stringify({ type: 'HS256', key: JWT_KEY }),
      },
    });
    nginx = await startNginx({ upstream: tracker.url, bearer: PLUGIN_SECRET });
    await make('acme', 'of-acme');
    await make('primary', 'of-primary');
  });
  afterAll(() => nginx.stop());

  async function make(account: string, name: string): Promise<void> {
    const answer = await fetch(`${tracker.url}/api/v1/slos`, {
      method: 'POST',
      headers: { ...JSON_TYPE, authorization: `Bearer ${PLUGIN_SECRET}`, 'x-source-account-id': account },
      body: JSON.stringify({ name, target: 0.9 }),
    });
    expect(answer.status).toBe(201);
  }

  const at = (path: string) => `${nginx.url}/nself-slo-tracker${path}`;
  const ask = (path: string, headers: Record<string, string> = {}, init: RequestInit = {}) =>
    fetch(at(path), { ...init, headers });
  const jwt = async (role: string, account = 'acme') => ({
    authorization: `Bearer ${await signJwt({ role, account })}`,
  });
  const names = async (answer: Response): Promise<string[]> =>
    (await answer.json()).data.map(({ name }: { name: string }) => name);

  describe('takes the credentials of a client', () => {
    test('a JWT, for the account and the role of its claims alone', async () => {
      const viewer = await jwt('viewer');
      expect(await names(await ask('/api/v1/slos', viewer))).toEqual(['of-acme']);
      for (const forged of [
        { 'x-source-account-id': 'primary' },
        { 'x-hasura-source-account-id': 'primary' },
        { 'x-source-account': 'primary', 'x-plugin-secret': PLUGIN_SECRET },
      ]) {
        expect(await names(await ask('/api/v1/slos', { ...viewer, ...forged }))).toEqual(['of-acme']);
      }
    });

    test.each([{}, { 'x-hasura-role': 'admin' }, { 'x-plugin-secret': PLUGIN_SECRET }])(
      'and a viewer stays a viewer, with %j',
      async (forged) => {
        const headers = { ...(await jwt('viewer')), ...JSON_TYPE, ...forged };
        const body = JSON.stringify({ name: 'mine', target: 0.9 });
        const answer = await ask('/api/v1/slos', headers, { method: 'POST', body });
        expect(answer.status).toBe(403);
        expect(await answer.json()).toMatchObject({ code: 'forbidden', details: [] });
        const graphql = await ask('/graphql', headers, {
          method: 'POST',
          body: JSON.stringify({
            query: 'mutation { createSlo(input: {name: "mine", target: 0.9}) { slo { id } } }',
          }),
        });
        expect((await graphql.json()).data?.createSlo?.slo ?? null).toBeNull();
        expect(await names(await ask('/api/v1/slos', await jwt('viewer')))).toEqual(['of-acme']);
      },
    );

    test('a JWT on GraphQL, for its account alone', async () => {
      const headers = { ...(await jwt('user')), ...JSON_TYPE, 'x-source-account-id': 'primary' };
      const body = JSON.stringify({ query: '{ slos { items { name sourceAccountId } } }' });
      const answer = await ask('/graphql', headers, { method: 'POST', body });
      expect((await answer.json()).data.slos.items).toEqual([{ name: 'of-acme', sourceAccountId: 'acme' }]);
    });

    test('the bearer of the plugin, for the account primary alone', async () => {
      const headers = { authorization: `Bearer ${PLUGIN_SECRET}`, 'x-source-account-id': 'acme' };
      const answer = await ask('/api/v1/slos', headers);
      if (answer.status === 200) expect(await names(answer)).toEqual(['of-primary']);
      else expect(answer.status).toBe(403);
      const { authorization } = headers;
      expect(await names(await ask('/api/v1/slos', { authorization }))).toEqual(['of-primary']);
    });

    test('an access key, for its account and role', async () => {
      const { username, password } = createAccessKeys(authConfig())?.issue({
        accountId: 'acme',
        role: 'viewer',
      }) ?? { username: '', password: '' };
      const authorization = `Basic ${btoa(`${username}:${password}`)}`;
      expect(await names(await ask('/api/v1/slos', { authorization }))).toEqual(['of-acme']);
      const refused = await ask('/api/v1/slos/default.of-acme', { authorization }, { method: 'DELETE' });
      expect(refused.status).toBe(403);
    });
  });

  describe('answers in JSON', () => {
    test.each([
      ['no credentials', {}],
      ['bad ones', { authorization: 'Bearer wrong' }],
      ['the secret of the gateway', { 'x-plugin-secret': PLUGIN_SECRET, 'x-hasura-role': 'admin' }],
      ['only an account', { 'x-source-account-id': 'acme', 'x-hasura-role': 'admin' }],
    ])('401 to %s', async (_name, headers) => {
      for (const path of ['/api/v1/slos', '/api/v1/openapi.json', '/nothing', '/api/v1/measurements']) {
        const answer = await ask(path, headers);
        expect(answer.status, path).toBe(401);
        expect(answer.headers.get('content-type')).toBe('application/json');
        expect(answer.headers.get('www-authenticate')).toContain('nself-slo-tracker');
        expect(await answer.json()).toMatchObject({ code: 'unauthorized', details: [] });
      }
      expect((await ask('/graphql?query={__typename}', headers)).status).toBe(401);
    });

    test('403 to a role without any right', async () => {
      const answer = await ask('/api/v1/slos', await jwt('public'));
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ code: 'forbidden', details: [] });
    });

    test('404 to what is not there, by the tracker and by nginx', async () => {
      const headers = await jwt('viewer');
      for (const path of [
        '/nothing',
        '/metrics',
        '/slos',
        '/auth/verify',
        '/api/v1/slos/default.of-primary',
      ]) {
        const answer = await ask(path, headers);
        expect(answer.status, path).toBe(404);
        expect(await answer.json()).toMatchObject({ code: 'not_found', details: [] });
      }
    });

    test('413 to a body that is too large, with and without a length', async () => {
      const headers = { ...(await jwt('admin')), ...JSON_TYPE };
      const size = 20 * 1024 * 1024;
      const path = '/api/v1/slos/default.of-acme/measurements';
      const stream = (bytes: number) =>
        new ReadableStream({
          pull(controller) {
            controller.enqueue(new Uint8Array(65_536).fill(0x20));
            sent += 65_536;
            if (sent >= bytes) controller.close();
          },
        });
      let sent = 0;
      const answers = [
        // By the head alone: nginx answers before the body comes.
        await sendRaw(
          nginx.port,
          `POST /nself-slo-tracker${path} HTTP/1.1\r\nHost: a\r\nAuthorization: ${headers.authorization}\r\n` +
            `Content-Type: application/json\r\nContent-Length: ${size}\r\n\r\n`,
          5000,
        ),
        // 2 MiB is the tracker's limit here, 17 MiB that of nginx.
        await ask('/api/v1/slos', headers, { method: 'POST', body: ' '.repeat(2 * 1024 * 1024) }).then(
          async (answer) => `HTTP/1.1 ${answer.status} \r\n\r\n${await answer.text()}`,
        ),
        await ask('/graphql', headers, { method: 'POST', body: ' '.repeat(2.5 * 1024 * 1024) }).then(
          async (answer) => `HTTP/1.1 ${answer.status} \r\n\r\n${await answer.text()}`,
        ),
        await ask('/api/v1/slos', headers, {
          method: 'POST',
          body: stream(size),
          duplex: 'half',
        } as RequestInit)
          .then(async (answer) => `HTTP/1.1 ${answer.status} \r\n\r\n${await answer.text()}`)
          // The answer may come, and the connection close, while the client still sends.
          .catch(() => 'cut'),
      ];
      for (const answer of answers) {
        if (answer === 'cut') continue;
        expect(answer).toMatch(/^HTTP\/1\.1 413 /);
        expect(JSON.stringify(JSON.parse(answer.split('\r\n\r\n')[1] ?? ''))).toMatch(/too_large/i);
      }
      expect(answers.filter((answer) => answer === 'cut').length).toBeLessThan(2);
    });
  });

  test('takes a stream of measurements of any length', async () => {
    const line = `${JSON.stringify({ slo: 'default.of-acme', at: '2026-03-10T11:58:00Z', good: 1, total: 2 })}\n`;
    const headers = { ...(await jwt('admin')), 'content-type': 'application/x-ndjson' };
    // Blank lines count for the size and cost nothing: 20 MiB are above the limit of any other path.
    const blank = new Uint8Array(1024 * 1024).fill(0x0a);
    let sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        sent += 1;
        controller.enqueue(sent === 1 ? new TextEncoder().encode(line) : blank);
        if (sent === 21) controller.close();
      },
    });
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
    const answer = await ask('/api/v1/measurements', headers, init);
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ accepted: 1, rejected: 0 });
  });

  test('serves whether it lives without credentials', async () => {
    for (const path of ['/health', '/ready', '/live']) {
      expect(await (await ask(path)).json()).toMatchObject({ status: 'ok' });
    }
  });

  test('names its outside address in links', async () => {
    const headers = await jwt('admin');
    const document = await (await ask('/api/v1/openapi.json', headers)).json();
    expect(document.servers).toEqual([{ url: PUBLIC }]);
    const body = JSON.stringify({ name: 'linked', target: 0.9 });
    const made = await ask('/api/v1/slos', { ...headers, ...JSON_TYPE }, { method: 'POST', body });
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`${PUBLIC}/api/v1/slos/${(await made.json()).id}`);
    await ask('/api/v1/slos/default.linked', headers, { method: 'DELETE' });
  });

  test('lets the browsers of listed origins call, and read why they may not', async () => {
    const preflight = await ask(
      '/api/v1/slos/default.of-acme',
      { origin: APP, 'access-control-request-method': 'PATCH' },
      { method: 'OPTIONS' },
    );
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe(APP);
    expect(preflight.headers.get('access-control-allow-methods')).toContain('PATCH');
    for (const headers of [{}, await jwt('public'), await jwt('viewer')]) {
      const mine = await ask('/api/v1/slos', { ...headers, origin: APP });
      expect(mine.headers.get('access-control-allow-origin')).toBe(APP);
      const foreign = await ask('/api/v1/slos', { ...headers, origin: 'https://evil.example.com' });
      expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  test('that is down gives 502, and is back by itself', async () => {
    const port = await freePort();
    const proxy = await startNginx({ upstream: `http://127.0.0.1:${port}`, bearer: PLUGIN_SECRET });
    const headers = await jwt('viewer');
    const statuses = async () => {
      const answers = await Promise.all(
        ['/api/v1/slos', '/api/v1/measurements', '/graphql?query={__typename}', '/health'].map((path) =>
          fetch(`${proxy.url}/nself-slo-tracker${path}`, { headers }),
        ),
      );
      return Promise.all(answers.map(async (answer) => [answer.status, await answer.json()]));
    };
    try {
      const down = [502, { error: 'The tracker does not answer.', code: 'unavailable', details: [] }];
      expect(await statuses()).toEqual([down, down, down, down]);
      const late = await startTracker(database, {
        port,
        environment: { HASURA_GRAPHQL_JWT_SECRET: JSON.stringify({ type: 'HS256', key: JWT_KEY }) },
      });
      expect((await statuses()).map(([status]) => status)).toEqual([200, 405, 200, 200]);
      await late.stop();
      expect(await statuses()).toEqual([down, down, down, down]);
    } finally {
      await proxy.stop();
    }
  });
});
