import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { LIMITS } from '../../../src/api/graphql/limits.ts';
import { createGraphqlClient, type GraphqlClient } from './graphql-client.ts';

const text = readFileSync(join(import.meta.dirname, '../../../docs/graphql.md'), 'utf8');

/** Each document with the variables that may follow it. */
const documents = [...text.matchAll(/```graphql\n([\s\S]*?)```(?:\s*```json\n([\s\S]*?)```)?/g)].map(
  ([, document = '', variables]) => ({ document, variables: variables && JSON.parse(variables) }),
);

let client: GraphqlClient;
beforeAll(async () => {
  client = await createGraphqlClient();
});

describe('docs/graphql.md', () => {
  it('has documents that work when pasted one after the other', async () => {
    expect(documents.length).toBeGreaterThan(7);
    for (const { document, variables } of documents) {
      const { data, errors } = await client.ask(document, variables);
      expect(errors, document).toEqual([]);
      for (const [field, answer] of Object.entries<{ errors?: unknown }>(data)) {
        expect(answer, `${field} in ${document}`).not.toBeNull();
        if (document.startsWith('mutation')) expect(answer.errors, document).toEqual([]);
      }
    }
  });

  it.each([
    ['tokens', 'tokens'],
    ['brackets inside one another', 'nesting'],
    ['fields inside one another', 'depth'],
    ['aliases', 'aliases'],
    ['one name at one place', 'repeats'],
    ['`__schema` and `__type`', 'introspections'],
    ['cost', 'cost'],
  ] as const)('tells the limit of %s', (words, limit) => {
    const row = text.split('\n').find((line) => line.startsWith(`| ${words} |`));
    const numbers = row?.match(/\d[\d,]*/g)?.map((number) => Number(number.replaceAll(',', '')));
    expect(numbers).toEqual([LIMITS.client[limit], LIMITS.gateway[limit]]);
  });
});
