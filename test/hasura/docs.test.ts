import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Hasura } from './simulator/hasura.ts';
import { addSlo, clientOf, METADATA, startStack } from './stack.ts';

const DOC = readFileSync(join(import.meta.dirname, '../../docs/hasura.md'), 'utf8');
const documents = [...DOC.matchAll(/^```graphql\n(.*?)^```$/gms)].map((match) => match[1] ?? '');

let hasura: Hasura;
beforeAll(async () => {
  const stack = await startStack();
  // Half of the error budget is spent; of the second one all of it.
  await addSlo(stack, 'acme', 'fine', 95);
  await addSlo(stack, 'acme', 'spent', 50);
  hasura = await stack.hasura();
});

describe('docs/hasura.md', () => {
  it('has documents that work when pasted, and bring what they promise', async () => {
    expect(documents).toHaveLength(2);
    const user = clientOf(hasura, 'acme', 'user');
    const [joined, live] = await Promise.all(documents.map((document) => user.ask(document)));
    expect(joined?.errors).toBeUndefined();
    expect(joined?.data.np_slos).toMatchObject([
      { name: 'spent', live_status: { status: { objectives: [{ timeToExhaustionSeconds: 0 }] } } },
    ]);
    expect(live?.errors).toBeUndefined();
    expect(live?.data.np_slos).toHaveLength(2);
  });

  it('names the variables and relationships of the metadata', () => {
    const { tables, remoteSchemas } = METADATA;
    const names = [
      'HASURA_GRAPHQL_ENABLE_REMOTE_SCHEMA_PERMISSIONS',
      'HASURA_GRAPHQL_DATABASE_URL',
      ...remoteSchemas.flatMap(({ name, definition, remote_relationships }) => [
        name,
        definition.url_from_env,
        ...definition.headers.map((header) => header.value_from_env),
        ...remote_relationships.flatMap(({ relationships }) => relationships.map((one) => one.name)),
      ]),
      ...tables.flatMap((table) => [
        ...(table.remote_relationships ?? []).map((one) => one.name),
        ...(table.array_relationships ?? []).map((one) => one.name),
      ]),
    ];
    expect(names.filter((name) => !DOC.includes(`\`${name}\``))).toEqual([]);
  });
});
