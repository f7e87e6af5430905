import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { metadataFiles } from '../../scripts/hasura/metadata-files.ts';
import { federatedSchema } from '../../src/api/graphql/federated-schema.ts';
import { schema } from '../../src/api/graphql/schema.ts';
import * as storage from '../../src/storage/schema.ts';
import { loadMetadata } from './simulator/load-metadata.ts';
import { roleSchemaOf } from './simulator/permission-schema.ts';

const FOLDER = join(import.meta.dirname, '../../hasura-metadata');
const READERS = ['user', 'nself_user', 'viewer'];

const columnsOf = new Map(
  Object.values(storage)
    .filter((value) => value instanceof PgTable)
    .map((table) => getTableConfig(table))
    .map(({ name, columns }) => [name, columns.map((column) => column.name)] as const),
);
const federated = federatedSchema(schema);
const { tables, remoteSchemas } = loadMetadata(FOLDER);

describe('hasura-metadata/', () => {
  it('holds exactly what is generated from the schemas (npm run metadata:hasura)', () => {
    const files = readdirSync(FOLDER, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    const inTree = files.map(({ parentPath, name }) => join(parentPath, name).slice(FOLDER.length + 1));
    const generated = metadataFiles();
    expect(inTree.sort()).toEqual([...generated.keys()].sort());
    for (const [path, content] of generated) {
      expect(readFileSync(join(FOLDER, path), 'utf8'), path).toBe(content);
    }
  });

  it('tracks every table of ours, in public', () => {
    expect(tables.map(({ table }) => table.name).sort()).toEqual([...columnsOf.keys()].sort());
  });
});

describe.each(tables)('the table $table.name', ({ table, ...metadata }) => {
  const columns = columnsOf.get(table.name) ?? [];

  it('is read by the reading roles, filtered by the account of the session', () => {
    expect(metadata.select_permissions.map(({ role }) => role)).toEqual(READERS);
    for (const { permission } of metadata.select_permissions) {
      expect(permission.filter).toMatchObject({
        source_account_id: { _eq: 'X-Hasura-Source-Account-Id' },
      });
    }
  });

  it('names columns that exist, all of its primary key among them', () => {
    for (const { permission } of metadata.select_permissions) {
      expect(permission.columns.filter((column) => !columns.includes(column))).toEqual([]);
      expect(Object.keys(permission.filter).filter((column) => !columns.includes(column))).toEqual([]);
      const keys = Object.values(storage)
        .filter((value) => value instanceof PgTable)
        .map((one) => getTableConfig(one))
        .filter(({ name }) => name === table.name)
        .flatMap(({ primaryKeys }) => primaryKeys.flatMap((key) => key.columns.map(({ name }) => name)));
      expect(keys.length).toBeGreaterThan(1);
      expect(permission.columns).toEqual(expect.arrayContaining(keys));
    }
  });

  it('keeps running totals and revisions to itself', () => {
    const inside = /^(run_|base_|received_|revisions$|snapshots_until$|objective_names$)/;
    for (const { permission } of metadata.select_permissions) {
      expect(permission.columns.filter((column) => inside.test(column))).toEqual([]);
    }
  });

  it('has relationships over columns that exist on both sides, the account among them', () => {
    const relationships = [...(metadata.object_relationships ?? []), ...(metadata.array_relationships ?? [])];
    expect(relationships.length).toBeGreaterThan(0);
    for (const { using } of relationships) {
      const { column_mapping, remote_table } = using.manual_configuration;
      expect(column_mapping).toMatchObject({ source_account_id: 'source_account_id' });
      expect(columns).toEqual(expect.arrayContaining(Object.keys(column_mapping)));
      expect(columnsOf.get(remote_table.name)).toEqual(expect.arrayContaining(Object.values(column_mapping)));
    }
  });

  it('reaches the service by queries and arguments that exist, from columns that its readers see', () => {
    for (const { definition } of metadata.remote_relationships ?? []) {
      const { remote_schema, lhs_fields, remote_field } = definition.to_remote_schema;
      expect(remoteSchemas.map(({ name }) => name)).toContain(remote_schema);
      const [[query, { arguments: args }] = ['', { arguments: {} }], ...more] = Object.entries(remote_field);
      expect(more).toEqual([]);
      const field = federated.getQueryType()?.getFields()[query];
      // Null is the answer for what is not found: anything else would take all other joins along.
      expect(String(field?.type)).not.toMatch(/!$/);
      for (const [name, value] of Object.entries(args)) {
        expect(String(field?.args.find((arg) => arg.name === name)?.type)).toBe('ID!');
        expect(lhs_fields.map((column) => `$${column}`)).toContain(value);
      }
      for (const { permission } of metadata.select_permissions) {
        expect(permission.columns).toEqual(expect.arrayContaining(lhs_fields));
      }
    }
  });
});

it('rows and service lead to each other', () => {
  expect(tables.find(({ table }) => table.name === 'np_slos')?.remote_relationships?.length).toBeGreaterThan(
    0,
  );
  expect(remoteSchemas[0]?.remote_relationships.map(({ type_name }) => type_name)).toContain('NpSlo');
});

describe('the remote schema', () => {
  const [remote, ...others] = remoteSchemas;
  if (remote === undefined) throw new Error('there is none');

  it('is one, asked with the secret, with the headers of the client forwarded', () => {
    expect(others).toEqual([]);
    expect(remote.definition).toMatchObject({
      forward_client_headers: true,
      headers: [{ name: 'X-Plugin-Secret', value_from_env: 'PLUGIN_INTERNAL_SECRET' }],
    });
  });

  it.each(READERS)('lets the role %s read, by a schema that Hasura takes for a part of ours', (role) => {
    const sdl = remote.permissions.find((permission) => permission.role === role)?.definition.schema ?? '';
    const found = roleSchemaOf(sdl, federated);
    if (!('schema' in found)) throw new Error(found.join('\n'));
    expect(found.schema.getMutationType()).toBeUndefined();
    expect(found.schema.getSubscriptionType()).toBeUndefined();
    const queries = (one: typeof schema) => Object.keys(one.getQueryType()?.getFields() ?? {}).sort();
    expect(queries(found.schema)).toEqual(queries(federated));
  });

  it('gives nobody else a permission', () => {
    expect(remote.permissions.map(({ role }) => role)).toEqual(READERS);
  });

  it('leads to columns that exist, from fields that exist, under names that are free', () => {
    for (const { type_name, relationships } of remote.remote_relationships) {
      const type = federated.getType(type_name);
      const fields = type !== undefined && 'getFields' in type ? Object.keys(type.getFields()) : [];
      for (const { name, definition } of relationships) {
        const { table, field_mapping } = definition.to_source;
        expect(fields).not.toContain(name);
        expect(fields).toEqual(expect.arrayContaining(Object.keys(field_mapping)));
        expect(columnsOf.get(table.name)).toEqual(expect.arrayContaining(Object.values(field_mapping)));
      }
    }
  });
});
