import { stringify } from 'yaml';
import { schema } from '../../src/api/graphql/schema.ts';
import { remoteSchema } from './remote-schema.ts';
import { TRACKED, tableMetadata } from './tracked-tables.ts';

/** What the service has no use for. Hasura's command line looks for these files all the same. */
const UNUSED: Readonly<Record<string, unknown>> = {
  'actions.yaml': { actions: [], custom_types: { enums: [], input_objects: [], objects: [], scalars: [] } },
  'allow_list.yaml': [],
  'api_limits.yaml': {},
  'cron_triggers.yaml': [],
  'graphql_schema_introspection.yaml': { disabled_for_roles: [] },
  'inherited_roles.yaml': [],
  'network.yaml': {},
  'opentelemetry.yaml': {},
  'query_collections.yaml': [],
  'rest_endpoints.yaml': [],
};

const TABLES = 'databases/default/tables';

/** The files of `hasura-metadata/`, a whole metadata folder in version 3, by their paths in it. */
export function metadataFiles(): ReadonlyMap<string, string> {
  const tables = TRACKED.map(tableMetadata).map((content) => {
    const { name, schema: databaseSchema } = content.table;
    return { file: `${databaseSchema}_${name}.yaml`, content };
  });
  const contents: Readonly<Record<string, unknown>> = {
    ...UNUSED,
    'version.yaml': { version: 3 },
    'databases/databases.yaml': [
      {
        name: 'default',
        kind: 'postgres',
        configuration: {
          connection_info: {
            database_url: { from_env: 'HASURA_GRAPHQL_DATABASE_URL' },
            isolation_level: 'read-committed',
            use_prepared_statements: true,
          },
        },
        tables: '!include default/tables/tables.yaml',
      },
    ],
    [`${TABLES}/tables.yaml`]: tables.map(({ file }) => `!include ${file}`),
    ...Object.fromEntries(tables.map(({ file, content }) => [`${TABLES}/${file}`, content])),
    'remote_schemas.yaml': [remoteSchema(schema)],
  };
  const options = { aliasDuplicateObjects: false, lineWidth: 0 };
  return new Map([
    // Where actions would be written in GraphQL.
    ['actions.graphql', ''],
    ...Object.entries(contents).map(([path, content]) => [path, stringify(content, options)] as const),
  ]);
}
