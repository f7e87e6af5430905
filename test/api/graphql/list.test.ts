import { beforeAll, describe, expect, it } from 'vitest';
import type { GraphqlClient } from './graphql-client.ts';
import { createSample } from './sample.ts';

let client: GraphqlClient;
beforeAll(async () => {
  client = await createSample();
});

describe('slos', () => {
  const LIST = /* GraphQL */ `
    query List($filter: NpSloFilter, $limit: Int, $offset: Int, $sort: NpSloSort) {
      slos(filter: $filter, limit: $limit, offset: $offset, sort: $sort) { total items { name } }
    }
  `;
  const list = async (variables: Record<string, unknown>) => {
    const { data, errors } = await client.ask(LIST, variables);
    expect(errors).toEqual([]);
    return { total: data.slos.total, names: data.slos.items.map(({ name }: { name: string }) => name) };
  };

  it('lists all of the account', async () => {
    expect(await list({ sort: 'NAME' })).toEqual({ total: 3, names: ['api', 'idle', 'latency'] });
    const nulls = { filter: null, limit: null, offset: null, sort: null };
    expect((await list(nulls)).total).toBe(3);
    expect((await client.ask(LIST, {}, { account: 'other' })).data.slos).toEqual({ total: 0, items: [] });
  });

  it('pages', async () => {
    expect(await list({ sort: 'NAME_DESC', limit: 1, offset: 1 })).toEqual({ total: 3, names: ['idle'] });
  });

  it.each([
    [{ project: 'web' }, ['latency']],
    [{ service: 'api' }, ['api']],
    // No value of latency is below 100.
    [{ state: 'EXHAUSTED' }, ['api', 'latency']],
    [{ state: 'NO_DATA' }, ['idle']],
    [{ label: 'team=payments' }, ['api']],
    [{ label: ['team=payments', 'tier=1'] }, []],
    [{ q: 'aten' }, ['latency']],
    [{ project: null, service: null, state: null, label: null, q: null }, ['api', 'idle', 'latency']],
  ])('filters by %j', async (filter, names) => {
    expect((await list({ filter, sort: 'NAME' })).names).toEqual(names);
  });

  it.each([
    [{ limit: 0 }, 'limit'],
    [{ limit: 1001 }, 'limit'],
    [{ offset: -1 }, 'offset'],
    [{ filter: { label: 'team' } }, 'label[0]'],
    [{ filter: { project: 'NOT A NAME' } }, 'project'],
    [{ filter: { project: '' } }, 'project'],
  ])('refuses %j as an error with its place', async (variables, path) => {
    const { errors } = await client.ask(LIST, variables);
    expect(errors[0]?.extensions).toMatchObject({ code: 'INVALID', details: [{ path }] });
  });
});
