import { beforeAll, describe, expect, it } from 'vitest';
import type { Hasura } from './simulator/hasura.ts';
import { INTROSPECTION_QUERY, schemaFromAnswer } from './simulator/introspect.ts';
import { postJson } from './simulator/post-json.ts';
import { type Stack, startStack, withSdl } from './stack.ts';

let stack: Stack;
let hasura: Hasura;
beforeAll(async () => {
  stack = await startStack();
  hasura = await stack.hasura();
});

describe('introspection', () => {
  it('is taken at the first try, without a Subscription root', async () => {
    const [asked] = hasura.sent;
    expect(asked?.headers).toEqual({
      'content-type': 'application/json',
      'user-agent': 'hasura-graphql-engine/v2',
      'x-hasura-role': 'admin',
      'x-plugin-secret': expect.any(String),
    });
    const schema = schemaFromAnswer(await postJson(stack.url, asked?.headers ?? {}, asked?.body));
    expect(schema.getSubscriptionType() ?? null).toBeNull();
    expect(Object.keys(schema.getQueryType()?.getFields() ?? {})).toContain('slo');
    expect(Object.keys(schema.getMutationType()?.getFields() ?? {})).toContain('createSlo');
  });

  it('ends with an error, and not with a schema, where the secret is wrong', async () => {
    await expect(stack.hasura({ secretOfHasura: 'not-the-secret-at-all' })).rejects.toThrow('no data');
  });

  it('asks for nothing that our limits refuse, ten times over', async () => {
    const { headers = {}, body } = hasura.sent[0] ?? {};
    expect(body?.query).toBe(INTROSPECTION_QUERY);
    for (let i = 0; i < 10; i += 1) {
      expect(await postJson(stack.url, headers, body)).not.toHaveProperty('errors');
    }
  });
});

describe('permissions that are no part of our schema keep Hasura from starting', () => {
  it.each([
    [
      'another type',
      'slo(id: ID!): NpSlo',
      'slo(id: String!): NpSlo',
      'is of type String!, in the remote ID!',
    ],
    ['a required argument left out', 'slo(id: ID!): NpSlo', 'slo: NpSlo', 'Query.slo(id) must be given'],
    ['an unknown field', 'slo(id: ID!): NpSlo', 'slo(id: ID!): NpSlo\n  all: NpSlo', 'no field Query.all'],
    ['a directive', 'slo(id: ID!): NpSlo', 'slo(id: ID!): NpSlo @deprecated', '@deprecated is not allowed'],
    ['a default', 'limit: Int, offset', 'limit: Int = 5, offset', 'has a default value'],
    ['an unknown enum value', 'EXHAUSTED', 'EXHAUSTED\n  SAD', 'no value NpSloState.SAD'],
    [
      'a preset of a list',
      'label: [String!]',
      'label: [String!] @preset(value: "x-hasura-labels")',
      'where no scalar or enum is',
    ],
  ])('%s', async (_name, before, after, fault) => {
    await expect(stack.hasura({ metadata: withSdl((sdl) => sdl.replace(before, after)) })).rejects.toThrow(
      fault,
    );
  });
});
