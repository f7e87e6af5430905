import { SignJWT } from 'jose';
import { pino } from 'pino';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { AuthenticatedActor } from '../../../src/api/auth/credential.ts';
import { createActorResolver } from '../../../src/api/auth/resolve-actor.ts';
import { createGraphql } from '../../../src/api/graphql/create-graphql.ts';
import { parseJwtSecret } from '../../../src/config-jwt.ts';
import { ServiceError } from '../../../src/lib/errors.ts';
import { authConfig, PLUGIN_SECRET } from '../../support/auth-config.ts';
import { answerOf, createGraphqlClient, type GraphqlClient, NOW } from './graphql-client.ts';

let client: GraphqlClient;
beforeAll(async () => {
  client = await createGraphqlClient();
});

const URL_OF_IT = 'http://localhost/graphql';

function post(body: BodyInit, headers: Record<string, string> = {}): Request {
  // A body that is a stream needs `duplex`, which the types do not know.
  const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body };
  return new Request(URL_OF_IT, Object.assign(init, { duplex: 'half' }));
}

describe('a request that is not GraphQL gets its own status', () => {
  it.each([
    ['a body cut off half-way', 400, post('{"query": "{ __typename')],
    ['no body', 400, post('')],
    ['a body that is no object', 400, post('null')],
    ['a list of operations', 400, post('[{"query": "{ __typename }"}]')],
    ['JSON nested 100,000 deep', 400, post('['.repeat(100_000) + ']'.repeat(100_000))],
    ['a query that is no text', 400, post('{"query": 5}')],
    ['an unknown member', 400, post('{"query": "{ __typename }", "surprise": 1}')],
    ['a form', 415, post('query={__typename}', { 'content-type': 'application/x-www-form-urlencoded' })],
    ['plain text, as a foreign page may send it', 415, post('{}', { 'content-type': 'text/plain' })],
    ['a body of 3 MB', 413, post(JSON.stringify({ query: 'x'.repeat(3_000_000) }))],
    ['DELETE', 405, new Request(URL_OF_IT, { method: 'DELETE' })],
  ])('%s: %i', async (_name, status, request) => {
    const answer = await answerOf(await client.graphql.fetch(request));
    expect(answer.status).toBe(status);
    expect(answer.errors).toHaveLength(1);
    expect(answer.errors[0]?.message).toMatch(/\w+ \w+/);
    expect(answer.errors[0]?.extensions.code).toMatch(/^[A-Z_]+$/);
  });

  it('a body without end: 413, and it is not read on', async () => {
    let sent = 0;
    const endless = new ReadableStream({
      pull(controller) {
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536).fill(0x20));
      },
    });
    expect((await client.graphql.fetch(post(endless))).status).toBe(413);
    expect(sent).toBeLessThan(4_000_000);
  });
});

describe('GET', () => {
  const get = (document: string, accept = 'application/json') =>
    new Request(`${URL_OF_IT}?query=${encodeURIComponent(document)}`, { headers: { accept } });

  it('takes queries', async () => {
    const answer = await answerOf(await client.graphql.fetch(get('{ slos { total } }')));
    expect(answer.data).toEqual({ slos: { total: 0 } });
  });

  it('takes no mutations', async () => {
    const request = get('mutation { createSlo(input: { name: "by-get", target: 0.9 }) { slo { id } } }');
    const answer = await answerOf(await client.graphql.fetch(request));
    expect(answer.status).toBe(405);
    const found = await client.ask('{ slo(id: "default.by-get") { id } }');
    expect(found.data.slo).toBeNull();
  });

  it('shows GraphiQL in development, to anyone, with nothing from elsewhere', async () => {
    const development = createGraphql({
      environment: client.environment,
      resolveActor: () => Promise.reject(new ServiceError('unauthorized', 'Not asked.')),
      production: false,
      logger: client.environment.logger,
    });
    const response = await development.fetch(
      new Request(URL_OF_IT, { headers: { accept: 'text/html,*/*' } }),
    );
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('text/html');
    const page = await response.text();
    expect(page).toContain('renderYogaGraphiQL');
    expect(page).not.toMatch(/<(script|link|img)[^>]+(src|href)=["']?https?:/);
  });

  it('shows no GraphiQL in production', async () => {
    const response = await client.graphql.fetch(get('', 'text/html'));
    expect(await response.text()).not.toContain('<html');
  });
});

const ADMIN: AuthenticatedActor = {
  accountId: 'primary',
  role: 'admin',
  canWrite: true,
  via: 'plugin-bearer',
};

describe('who asks', () => {
  const KEY = 'a key of at least thirty-two characters';
  const NOW_S = Date.parse(NOW) / 1000;

  function real() {
    const jwt = parseJwtSecret(JSON.stringify({ type: 'HS256', key: KEY }));
    if (typeof jwt === 'string') throw new TypeError(jwt);
    const config = authConfig({ jwt, trustedProxies: [] });
    return createGraphql({
      environment: client.environment,
      resolveActor: createActorResolver({ config, clock: client.clock }),
      production: true,
      logger: client.environment.logger,
    });
  }

  function token(claims: Record<string, unknown>, expiresInSeconds = 60): Promise<string> {
    const namespace = { 'x-hasura-default-role': 'user', 'x-hasura-allowed-roles': ['user'], ...claims };
    return new SignJWT({ 'https://hasura.io/jwt/claims': namespace })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime(NOW_S + expiresInSeconds)
      .sign(new TextEncoder().encode(KEY));
  }

  const QUERY = '{"query": "{ slos { total } }"}';
  const ACCOUNT = { 'x-hasura-source-account-id': 'primary' };

  it('may be the bearer of the secret or of a JWT', async () => {
    for (const bearer of [PLUGIN_SECRET, await token(ACCOUNT)]) {
      const response = await real().fetch(post(QUERY, { authorization: `Bearer ${bearer}` }));
      expect(await answerOf(response)).toEqual({ status: 200, data: { slos: { total: 0 } }, errors: [] });
    }
  });

  it('is told of a JWT that is out of date in the words of Hasura, which clients look for', async () => {
    const response = await real().fetch(
      post(QUERY, { authorization: `Bearer ${await token(ACCOUNT, -60)}` }),
    );
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toContain('Bearer');
    expect(await response.json()).toEqual({
      errors: [
        { message: 'Could not verify JWT: JWTExpired', extensions: { path: '$', code: 'invalid-jwt' } },
      ],
    });
  });

  it('gets 401 without credentials, 403 without an account, 400 with two kinds', async () => {
    const bearer = { authorization: `Bearer ${await token({})}` };
    const cases: [number, string, Record<string, string>][] = [
      [401, 'UNAUTHORIZED', {}],
      [403, 'FORBIDDEN', bearer],
      [
        400,
        'MALFORMED',
        { ...bearer, 'x-plugin-secret': 'sixteen characters and more', authorization: 'Basic eA==' },
      ],
    ];
    for (const [status, code, headers] of cases) {
      const answer = await answerOf(await real().fetch(post(QUERY, headers)));
      expect(answer).toMatchObject({ status, errors: [{ extensions: { code } }] });
    }
  });

  it('is slowed down after many bad guesses', async () => {
    const graphql = real();
    const guess = () =>
      graphql.fetch(post(QUERY, { authorization: 'Bearer a wrong guess' }), { peerAddress: '192.0.2.7' });
    let last = await guess();
    for (let i = 0; i < 30 && last.status === 401; i += 1) last = await guess();
    expect(last.status).toBe(429);
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('is resolved once for each request', async () => {
    const resolveActor = vi.fn(async () => ADMIN);
    const one = createGraphql({
      environment: client.environment,
      resolveActor,
      production: true,
      logger: client.environment.logger,
    });
    await one.fetch(post(JSON.stringify({ query: '{ a: slos { total } b: slos { total } }' })), {
      peerAddress: '192.0.2.1',
    });
    expect(resolveActor).toHaveBeenCalledTimes(1);
    expect(resolveActor).toHaveBeenCalledWith(expect.any(Request), {
      peerAddress: '192.0.2.1',
      allowSchemaOnly: true,
    });
  });
});

describe('a fault of ours', () => {
  it('is masked with the id of the request, and logged once with its cause', async () => {
    const lines: string[] = [];
    const logger = pino({ level: 'error' }, { write: (line) => lines.push(line) });
    const cause = new TypeError('secret detail');
    const broken = createGraphql({
      environment: {
        ...client.environment,
        db: { ...client.environment.db, tenant: () => Promise.reject(cause) },
      },
      resolveActor: async () => ADMIN,
      production: true,
      logger,
    });
    const query = '{ a: slo(id: "a.b") { id } b: slo(id: "c.d") { id } }';
    const answer = await answerOf(await broken.fetch(post(JSON.stringify({ query })), { requestId: 'r-17' }));
    expect(answer.data).toEqual({ a: null, b: null });
    expect(answer.errors).toHaveLength(2);
    expect(answer.errors[0]).toMatchObject({
      message: expect.stringContaining('r-17'),
      path: ['a'],
      extensions: { code: 'INTERNAL', requestId: 'r-17' },
    });
    expect(JSON.stringify(answer)).not.toContain('secret detail');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      requestId: 'r-17',
      err: { message: 'secret detail' },
    });
  });

  it('is the database away: a code that says so, and data for mutations', async () => {
    const away = new ServiceError('unavailable', 'The database cannot be reached; try again.');
    const lost = createGraphql({
      environment: {
        ...client.environment,
        db: { ...client.environment.db, tenant: () => Promise.reject(away) },
      },
      resolveActor: async () => ADMIN,
      production: true,
      logger: client.environment.logger,
    });
    const read = await answerOf(await lost.fetch(post('{"query": "{ slo(id: \\"a.b\\") { id } }"}')));
    expect(read.errors).toMatchObject([{ message: away.message, extensions: { code: 'UNAVAILABLE' } }]);
    const query = 'mutation { deleteSlo(id: "a.b") { errors { code message } } }';
    const write = await answerOf(await lost.fetch(post(JSON.stringify({ query }))));
    expect(write.data.deleteSlo.errors).toEqual([{ code: 'UNAVAILABLE', message: away.message }]);
  });
});
