import { beforeAll, describe, expect, it } from 'vitest';
import { createGraphqlClient, type GraphqlClient } from './graphql-client.ts';

let client: GraphqlClient;
beforeAll(async () => {
  client = await createGraphqlClient();
  await client.ask('mutation { createSlo(input: { name: "plain", target: 0.9 }) { slo { id } } }');
});

async function ask(body: object, headers: Record<string, string> = {}) {
  const response = await client.graphql.fetch(
    new Request('http://localhost/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': 'the-same', ...headers },
      body: JSON.stringify(body),
    }),
  );
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    text: await response.text(),
  };
}

/** A member that is not looked at, and yet makes a request one that Yoga reads and writes. */
const byYoga = (body: object) => ({ ...body, extensions: {} });

const SLO =
  'query ($id: ID! = "default.plain") { slo(id: $id) { name labels objectives { target } status { state } } }';
const TWO = 'query one { slos { total } } query two { slo(id: "default.plain") { name } }';

describe('an answer is the same whoever writes it', () => {
  it.each([
    ['a query', { query: SLO }],
    ['nothing found', { query: SLO, variables: { id: 'default.nowhere' } }],
    ['variables and a name that are null', { query: SLO, variables: null, operationName: null }],
    ['a variable that is not asked for', { query: SLO, variables: { other: 1 } }],
    ['one of two operations', { query: TWO, operationName: 'two' }],
    ['two operations and no name', { query: TWO }],
    ['the name of no operation', { query: TWO, operationName: 'three' }],
    ['an empty name', { query: SLO, operationName: '' }],
    ['a name that is no text', { query: SLO, operationName: 5 }],
    ['variables that are a list', { query: SLO, variables: [1] }],
    ['variables that are text', { query: SLO, variables: '{"id": "default.plain"}' }],
    ['a variable of another type', { query: SLO, variables: { id: { a: 1 } } }],
    ['a variable that is missing', { query: 'query ($id: ID!) { slo(id: $id) { name } }' }],
    ['no query', { variables: {} }],
    ['an empty query', { query: '' }],
    ['a query of comments', { query: '# nothing' }],
    ['fragments alone', { query: 'fragment f on NpSlo { name }' }],
    ['a fault of syntax', { query: '{ slos { total }' }],
    ['a field that is not there', { query: '{ slos { totals } }' }],
    ['a mutation', { query: 'mutation { deleteSlo(id: "default.nowhere") { deletedId errors { code } } }' }],
    ['a field that fails', { query: '{ slos(limit: 5000) { total } slo(id: "default.plain") { name } }' }],
    ['part of the data', { query: '{ slo(id: "default.plain") { name snapshots(step: "x") { at } } }' }],
    ['a document that costs too much', { query: '{ slos(limit: 100000) { items { status { at } } } }' }],
    ['the schema', { query: '{ __type(name: "NpSlo") { name fields { name } } }' }],
    ['a subscription', { query: 'subscription { sloStatusChanged(ids: []) { name } }' }],
  ])('%s', async (_name, body) => {
    // Twice: what is known by then is answered as what was new.
    for (let time = 0; time < 2; time += 1) expect(await ask(body)).toEqual(await ask(byYoga(body)));
  });

  it.each([
    'application/json',
    'application/graphql-response+json',
    'application/graphql-response+json, application/json;q=0.9',
    'application/json, application/graphql-response+json',
    'text/html, application/json',
    'text/html,application/xhtml+xml,*/*;q=0.8',
    'application/*',
    '*/json',
    '*',
    '',
    ',',
    ' Application/JSON ',
    'application/json; charset=utf-8',
    'application/json; charset=latin1',
    'application/json; charset=latin1, */*',
    'application/json;charset=UTF-8;q=1',
    'text/event-stream',
    'text/event-stream, */*',
    'multipart/mixed, application/json',
    'multipart/mixed',
    'image/png',
  ])('to a client that accepts "%s"', async (accept) => {
    for (const query of [SLO, '{ slos(limit: 5000) { total } }', '{ none }']) {
      const [plain, yoga] = [await ask({ query }, { accept }), await ask(byYoga({ query }), { accept })];
      expect(plain).toEqual(yoga);
    }
  });
});

it('a mutation of which a part fails runs once', async () => {
  const query = `mutation { createSlo(input: { name: "once", target: 0.9 }) {
    slo { name snapshots(step: "x") { at } } errors { code }
  } }`;
  const { text } = await ask({ query });
  const { data, errors } = JSON.parse(text);
  expect(errors).toHaveLength(1);
  // Run twice, it would say that the name is taken.
  expect(data.createSlo?.errors ?? []).toEqual([]);
  const found = await client.ask('{ slos(filter: { q: "once" }) { total } }');
  expect(found.data.slos.total).toBe(1);
});
