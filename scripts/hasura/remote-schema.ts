import { MapperKind, mapSchema, pruneSchema } from '@graphql-tools/utils';
import { type GraphQLSchema, parse, print, printSchema, visit } from 'graphql';
import { federatedSchema } from '../../src/api/graphql/federated-schema.ts';
import { REMOTE_SCHEMA } from './remote-schema-name.ts';
import { READING_ROLES } from './tracked-tables.ts';

/**
 * What a reading role may ask the service through Hasura, in the SDL that Hasura holds against the schema that
 * it introspected: everything but mutations. Bare of descriptions and directives, since Hasura refuses any
 * directive but `@preset`.
 */
function readerSdl(schema: GraphQLSchema): string {
  const readable = pruneSchema(mapSchema(federatedSchema(schema), { [MapperKind.MUTATION]: () => null }));
  const bare = visit(parse(printSchema(readable)), {
    enter: (node) => {
      if (!('directives' in node) && !('description' in node)) return undefined;
      return { ...node, directives: [], description: undefined };
    },
  });
  return `schema { query: Query }\n\n${print(bare)}`;
}

const toTable = (
  name: string,
  kind: 'array' | 'object',
  table: string,
  mapping: Readonly<Record<string, string>>,
) => ({
  name,
  definition: {
    to_source: {
      relationship_type: kind,
      source: 'default',
      table: { schema: 'public', name: table },
      field_mapping: mapping,
    },
  },
});

// With the account where the type has it: every key of the tables begins with it.
const ROWS_OF_SLO = { sourceAccountId: 'source_account_id', id: 'slo_id' };

/** The service as a remote schema in Hasura's metadata v3. */
export function remoteSchema(schema: GraphQLSchema) {
  const sdl = readerSdl(schema);
  return {
    name: REMOTE_SCHEMA,
    comment: 'nself-slo-tracker',
    definition: {
      url_from_env: 'NP_SLO_URL',
      timeout_seconds: 30,
      forward_client_headers: true,
      headers: [{ name: 'X-Plugin-Secret', value_from_env: 'PLUGIN_INTERNAL_SECRET' }],
    },
    permissions: READING_ROLES.map((role) => ({ role, definition: { schema: sdl } })),
    remote_relationships: [
      {
        type_name: 'NpSlo',
        relationships: [
          toTable('sloRow', 'object', 'np_slos', { sourceAccountId: 'source_account_id', id: 'id' }),
          toTable('snapshotRows', 'array', 'np_slo_snapshots', ROWS_OF_SLO),
          toTable('reportRows', 'array', 'np_slo_reports', ROWS_OF_SLO),
        ],
      },
      {
        type_name: 'NpSloReport',
        relationships: [toTable('sloRow', 'object', 'np_slos', { sloId: 'id' })],
      },
    ],
  };
}
