import { beforeAll, describe, expect, it } from 'vitest';
import { createGraphqlClient, type GraphqlClient } from './graphql-client.ts';

let client: GraphqlClient;
beforeAll(async () => {
  client = await createGraphqlClient();
});

const many = (count: number, part: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => part(i)).join(' ');

/** Each fragment spreads the next one twice: 2^n fields out of a few lines. */
const doubling = (n: number) =>
  `query { ...F0 } ${many(n, (i) => `fragment F${i} on Query { ...F${i + 1} a: __typename ...F${i + 1} }`)}
   fragment F${n} on Query { __typename }`;

describe('a document past a limit gets a clear error', () => {
  it.each([
    [
      'selections 5,000 deep',
      `${'{ a '.repeat(5000)}${'}'.repeat(5000)}`,
      'nests brackets more than 40 deep',
    ],
    [
      'a list literal 5,000 deep',
      `{ slo(id: ${'['.repeat(5000)}${']'.repeat(5000)}) { id } }`,
      'more than 40 deep',
    ],
    ['unclosed brackets', '{'.repeat(100_000), 'more than 40 deep'],
    ['200 aliases', `{ ${many(200, (i) => `a${i}: __typename`)} }`, 'more than 100 aliases'],
    ['20,000 names', `{ ${many(20_000, (i) => `a${i}`)} }`, 'more than 10000 tokens'],
    ['one name 9,000 times', `{ ${many(9000, () => '__typename')} }`, 'more than 20 times at one place'],
    ['the same in inline fragments', `{ ${many(900, () => '... { __typename }')} }`, 'more than 20 times'],
    [
      'the schema 50 times',
      `{ ${many(50, (i) => `a${i}: __schema { types { name } }`)} }`,
      'schema more than 5 times',
    ],
    ['fragments that double 100 times', doubling(100), 'would cost'],
    ['a list of lists', '{ slos(limit: 1000) { items { snapshots(limit: 1000) { at } } } }', 'would cost'],
    ['100 reports', `{ ${many(100, (i) => `a${i}: sloReports { good }`)} }`, 'would cost'],
  ])('%s', async (_name, document, sentence) => {
    const { data, errors } = await client.ask(document);
    expect(data).toBeUndefined();
    expect(errors).toHaveLength(1);
    expect(errors[0]?.message).toContain(sentence);
    expect(errors[0]?.extensions).toEqual({ code: 'DOCUMENT_TOO_LARGE' });
  });

  it('by its variables too', async () => {
    const document = 'query ($n: Int) { slos(limit: $n) { items { snapshots(limit: $n) { at } } } }';
    expect((await client.ask(document, { n: 10 })).errors).toEqual([]);
    const { errors } = await client.ask(document, { n: 1000 });
    expect(errors).toMatchObject([{ extensions: { code: 'DOCUMENT_TOO_LARGE' } }]);
  });

  it('from a client also after the gateway was allowed the same', async () => {
    const document = `{ ${many(150, (i) => `a${i}: __typename`)} }`;
    expect((await client.ask(document, undefined, { limits: 'gateway' })).errors).toEqual([]);
    expect((await client.ask(document)).errors).toHaveLength(1);
  });
});

describe('a broken document gets a clear error', () => {
  it.each([
    ['no document', '', 'Unexpected <EOF>'],
    ['an open brace', '{ slo(id: "a") { id }', 'Expected Name, found <EOF>'],
    ['an unknown field', '{ slo(id: "a") { colour } }', 'Cannot query field "colour"'],
    ['a missing argument', '{ slo { id } }', 'required'],
    ['a fragment inside itself', '{ ...F } fragment F on Query { ...F }', 'within itself'],
    ['a character that is none', '{ \u0000 }', 'Unexpected character'],
    ['an unknown enum value', '{ sloReports(period: FORTNIGHT) { good } }', 'FORTNIGHT'],
    [
      'two subscriptions in one',
      'subscription { a: sloStatusChanged { id } b: sloStatusChanged { id } }',
      'one',
    ],
  ])('%s', async (_name, document, sentence) => {
    const { data, errors } = await client.ask(document);
    expect(data).toBeUndefined();
    expect(errors[0]?.message).toContain(sentence);
    expect(errors[0]?.extensions.code).toMatch(/^(GRAPHQL_|BAD_REQUEST)/);
  });

  it('which quotes a long one only in part', async () => {
    const { errors } = await client.ask('x'.repeat(1_000_000));
    expect(errors[0]?.message.length).toBeLessThan(600);
  });

  it('a null for an argument that must be given', async () => {
    const { errors } = await client.ask('query ($id: ID!) { slo(id: $id) { id } }', { id: null });
    expect(errors[0]).toMatchObject({
      message: expect.stringContaining('$id'),
      extensions: { code: 'BAD_REQUEST' },
    });
  });
});

describe('what is allowed', () => {
  it('a fleet of 1,000 with its statuses', async () => {
    const { errors } = await client.ask(
      '{ slos(limit: 1000) { total items { id project name state status { at objectives { objective state budget } } } } }',
    );
    expect(errors).toEqual([]);
  });

  it('a document that was refused does not spoil the next one', async () => {
    await client.ask('{'.repeat(100_000));
    expect((await client.ask('{ slos { total } }')).data).toEqual({ slos: { total: 0 } });
  });
});
