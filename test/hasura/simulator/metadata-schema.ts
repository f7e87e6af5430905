import { z } from 'zod';

// Hasura's metadata v3 as far as a project of ours may use it. Strict: a misspelt key, which Hasura would refuse
// or pass over, is a fault.

const name = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/);
const names = z.array(name).min(1);
const qualifiedTable = z.strictObject({ schema: z.literal('public'), name });
const mapping = z.record(name, name).refine((columns) => Object.keys(columns).length > 0);

const comparison = z
  .strictObject({ _eq: z.unknown(), _in: z.array(z.unknown()), _is_null: z.boolean() })
  .partial()
  .refine((operators) => Object.keys(operators).length > 0);
const filter = z.record(name, comparison);

const relationship = z.strictObject({
  name,
  using: z.strictObject({
    manual_configuration: z.strictObject({ remote_table: qualifiedTable, column_mapping: mapping }),
  }),
});

const rootFields = z.array(z.enum(['select', 'select_by_pk', 'select_aggregate', 'select_stream']));
const selectPermission = z.strictObject({
  columns: names,
  filter,
  limit: z.int().positive().optional(),
  allow_aggregations: z.boolean().optional(),
  query_root_fields: rootFields.optional(),
  subscription_root_fields: rootFields.optional(),
});

/** A query with its arguments, one key a level from the root on; `$column` stands for the row's value. */
const remoteField = z.record(
  name,
  z.strictObject({ arguments: z.record(name, z.string().regex(/^\$[A-Za-z_][A-Za-z0-9_]*$/)) }),
);

export const tableSchema = z.strictObject({
  table: qualifiedTable,
  object_relationships: z.array(relationship).optional(),
  array_relationships: z.array(relationship).optional(),
  remote_relationships: z
    .array(
      z.strictObject({
        name,
        definition: z.strictObject({
          to_remote_schema: z.strictObject({
            remote_schema: z.string().min(1),
            lhs_fields: names,
            remote_field: remoteField,
          }),
        }),
      }),
    )
    .optional(),
  // Writes go through the service: there is no key for any other permission.
  select_permissions: z.array(z.strictObject({ role: name, permission: selectPermission })),
});

const environmentVariable = z.string().regex(/^[A-Z][A-Z0-9_]*$/);
const remoteSchemaSchema = z.strictObject({
  name: z.string().min(1),
  comment: z.string().optional(),
  definition: z.strictObject({
    url_from_env: environmentVariable,
    timeout_seconds: z.int().positive(),
    forward_client_headers: z.boolean(),
    headers: z.array(
      z.strictObject({ name: z.string().regex(/^[A-Za-z0-9-]+$/), value_from_env: environmentVariable }),
    ),
  }),
  permissions: z.array(z.strictObject({ role: name, definition: z.strictObject({ schema: z.string() }) })),
  remote_relationships: z.array(
    z.strictObject({
      type_name: name,
      relationships: z.array(
        z.strictObject({
          name,
          definition: z.strictObject({
            to_source: z.strictObject({
              relationship_type: z.enum(['array', 'object']),
              source: z.string().min(1),
              table: qualifiedTable,
              field_mapping: mapping,
            }),
          }),
        }),
      ),
    }),
  ),
});

const sourceSchema = z.strictObject({
  name: z.string().min(1),
  kind: z.literal('postgres'),
  configuration: z.strictObject({
    connection_info: z.strictObject({
      database_url: z.strictObject({ from_env: environmentVariable }),
      isolation_level: z.enum(['read-committed', 'repeatable-read', 'serializable']),
      use_prepared_statements: z.boolean(),
    }),
  }),
  tables: z.array(tableSchema).min(1),
});

const empty = z.strictObject({});
const none = z.tuple([]);

/** All files of the folder, by their paths. The tables arrive through their `!include`s. */
export const metadataSchema = z.strictObject({
  'version.yaml': z.strictObject({ version: z.literal(3) }),
  'databases/databases.yaml': z.array(sourceSchema).length(1),
  'remote_schemas.yaml': z.array(remoteSchemaSchema),
  'actions.yaml': z.strictObject({
    actions: none,
    custom_types: z.strictObject({ enums: none, input_objects: none, objects: none, scalars: none }),
  }),
  'allow_list.yaml': none,
  'api_limits.yaml': empty,
  'cron_triggers.yaml': none,
  'graphql_schema_introspection.yaml': z.strictObject({ disabled_for_roles: none }),
  'inherited_roles.yaml': none,
  'network.yaml': empty,
  'opentelemetry.yaml': empty,
  'query_collections.yaml': none,
  'rest_endpoints.yaml': none,
});

export type TableMetadata = z.infer<typeof tableSchema>;
export type RemoteSchemaMetadata = z.infer<typeof remoteSchemaSchema>;

export interface HasuraMetadata {
  readonly tables: readonly TableMetadata[];
  readonly remoteSchemas: readonly RemoteSchemaMetadata[];
}
