import { beforeAll, describe, expect, it } from 'vitest';
import { createActorResolver } from '../../../src/api/auth/resolve-actor.ts';
import { createGraphql } from '../../../src/api/graphql/create-graphql.ts';
import { authConfig, PLUGIN_SECRET } from '../../support/auth-config.ts';
import { answerOf, createGraphqlClient, type GraphqlClient } from './graphql-client.ts';

let client: GraphqlClient;
beforeAll(async () => {
  client = await createGraphqlClient();
});

const CREATE = `mutation ($role: String) {
  createAccessKey(role: $role) { accessKey { id role username password } errors { path code message } }
}`;

describe('createAccessKey', () => {
  it('makes a key of the own account, viewer unless told otherwise, that lets in', async () => {
    const resolve = createActorResolver({ config: authConfig(), clock: client.clock });
    for (const [role, expected] of [
      [undefined, 'viewer'],
      [null, 'viewer'],
      ['nself_admin', 'nself_admin'],
    ]) {
      const { data, errors } = await client.ask(CREATE, { role }, { account: 'acme' });
      expect(errors).toEqual([]);
      const { accessKey } = data.createAccessKey;
      expect(accessKey).toMatchObject({ role: expected, username: 'acme' });
      const authorization = `Basic ${btoa(`${accessKey.username}:${accessKey.password}`)}`;
      const actor = await resolve(new Request('http://localhost/', { headers: { authorization } }));
      expect(actor).toMatchObject({ accountId: 'acme', role: expected });
    }
  });

  it('is for roles that write', async () => {
    const { data } = await client.ask(CREATE, {}, { role: 'viewer' });
    expect(data.createAccessKey).toEqual({
      accessKey: null,
      errors: [{ path: '', code: 'FORBIDDEN', message: expect.any(String) }],
    });
  });

  it('makes no key of a role without rights', async () => {
    const { data } = await client.ask(CREATE, { role: 'public' });
    expect(data.createAccessKey).toMatchObject({
      accessKey: null,
      errors: [{ path: 'role', code: 'INVALID' }],
    });
  });

  it('says so where access keys are off', async () => {
    const graphql = createGraphql({
      environment: { ...client.environment, accessKeys: null },
      resolveActor: createActorResolver({ config: authConfig(), clock: client.clock }),
      production: true,
      logger: client.environment.logger,
    });
    const request = new Request('http://localhost/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${PLUGIN_SECRET}` },
      body: JSON.stringify({ query: CREATE }),
    });
    const { data } = await answerOf(await graphql.fetch(request));
    expect(data.createAccessKey.errors).toMatchObject([{ code: 'FORBIDDEN', message: /ACCESS_KEY_SECRET/ }]);
  });
});

describe('the gateway without an account', () => {
  const ask = async (query: string, headers: Record<string, string> = {}) => {
    const graphql = createGraphql({
      environment: client.environment,
      resolveActor: createActorResolver({ config: authConfig(), clock: client.clock }),
      production: true,
      logger: client.environment.logger,
    });
    const request = new Request('http://localhost/graphql', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-plugin-secret': PLUGIN_SECRET,
        'x-hasura-role': 'admin',
        ...headers,
      },
      body: JSON.stringify({ query }),
    });
    return answerOf(await graphql.fetch(request));
  };

  it('reads the schema', async () => {
    const { data, errors } = await ask(
      'query IntrospectionQuery { __schema { queryType { name } } __typename }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({ __schema: { queryType: { name: 'Query' } }, __typename: 'Query' });
  });

  it.each([
    '{ slos { total } }',
    '{ __schema { queryType { name } } slos { total } }',
    'query A { __typename } fragment F on Query { slos { total } }',
    '{ ...F } fragment F on Query { slos { total } }',
    '{ ... on Query { slos { total } } }',
    '{ __typename: slos { total } }',
    'mutation { createAccessKey { accessKey { password } } }',
  ])('gets nothing else: %s', async (query) => {
    const { data, errors } = await ask(query);
    expect(data ?? null).toBeNull();
    expect(errors.length).toBeGreaterThan(0);
  });

  it('gets everything with one', async () => {
    const { data } = await ask('{ slos { total } }', { 'x-hasura-source-account-id': 'acme' });
    expect(data).toEqual({ slos: { total: 0 } });
  });
});
