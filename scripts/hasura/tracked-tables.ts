import { getTableConfig, type PgTable } from 'drizzle-orm/pg-core';
import { npSloReports, npSloSnapshots, npSlos } from '../../src/storage/schema.ts';
import { REMOTE_SCHEMA } from './remote-schema-name.ts';

/**
 * They read. `admin` needs no permission of its own: Hasura gives it everything. Writes go through the service,
 * so that nobody has a permission to insert, update or delete.
 */
export const READING_ROLES = ['user', 'nself_user', 'viewer'] as const;

const OWN_ACCOUNT = { source_account_id: { _eq: 'X-Hasura-Source-Account-Id' } };

/** Rows that one query of a reader brings at most. */
const MOST_ROWS = 10_000;

type Mapping = Readonly<Record<string, string>>;

interface TrackedTable {
  readonly table: PgTable;
  /** What a reader sees; a column that is added stays hidden until it stands here. */
  readonly columns: readonly string[];
  /** Rows that a reader may see, beside those of the own account. */
  readonly alsoOnly?: object;
  /** Whether a reader may count and sum. Not over minutes: a look would read months of them. */
  readonly aggregates: boolean;
  readonly toOne: readonly Relationship[];
  readonly toMany: readonly Relationship[];
  /** Fields that the service answers, by the name of the query and the column behind its `id`. */
  readonly remote: readonly { readonly name: string; readonly query: string; readonly id: string }[];
}

interface Relationship {
  readonly name: string;
  readonly table: PgTable;
  /** Own column to theirs. */
  readonly mapping: Mapping;
}

const SLO_OF_ROW = { source_account_id: 'source_account_id', slo_id: 'id' };
const ROWS_OF_SLO = { source_account_id: 'source_account_id', id: 'slo_id' };
const SAME_OBJECTIVE = { source_account_id: 'source_account_id', slo_id: 'slo_id', objective: 'objective' };

export const TRACKED: readonly TrackedTable[] = [
  {
    table: npSlos,
    columns: [
      ...['source_account_id', 'id', 'project', 'name', 'display_name', 'description', 'service', 'labels'],
      ...['budgeting_method', 'time_slice_seconds', 'time_window', 'sli', 'objectives', 'shown_objective'],
      ...['alert_policy', 'created_at', 'updated_at'],
      ...['state', 'reliability', 'budget', 'burn_rate', 'evaluated_at', 'last_data_at'],
      ...['last_pulled_at', 'last_error'],
    ],
    aggregates: true,
    toOne: [],
    toMany: [
      { name: 'snapshots', table: npSloSnapshots, mapping: ROWS_OF_SLO },
      { name: 'reports', table: npSloReports, mapping: ROWS_OF_SLO },
    ],
    remote: [
      { name: 'live_status', query: 'slo', id: 'id' },
      { name: 'live_burn_rate', query: 'sloBurnRate', id: 'id' },
    ],
  },
  {
    table: npSloSnapshots,
    columns: [
      ...['source_account_id', 'slo_id', 'objective', 'at', 'state', 'reliability', 'budget', 'burn_rate'],
      ...['count_good', 'count_total', 'used_good', 'used_total', 'value', 'slice_reliability'],
    ],
    // A row without a state carries a day's running totals and is no snapshot.
    alsoOnly: { state: { _is_null: false } },
    aggregates: false,
    toOne: [{ name: 'slo', table: npSlos, mapping: SLO_OF_ROW }],
    toMany: [{ name: 'reports', table: npSloReports, mapping: SAME_OBJECTIVE }],
    remote: [],
  },
  {
    table: npSloReports,
    columns: [
      ...['source_account_id', 'slo_id', 'objective', 'period', 'starts_at', 'ends_at', 'target'],
      ...['reliability', 'met', 'good', 'total', 'bad', 'budget_used', 'minutes_observed', 'minutes_bad'],
      ...['longest_bad_minutes', 'alerts_fired', 'revision', 'created_at', 'revised_at'],
    ],
    aggregates: true,
    toOne: [{ name: 'slo', table: npSlos, mapping: SLO_OF_ROW }],
    toMany: [{ name: 'snapshots', table: npSloSnapshots, mapping: SAME_OBJECTIVE }],
    remote: [],
  },
];

const qualified = (table: PgTable) => {
  const { name, schema = 'public' } = getTableConfig(table);
  return { name, schema };
};

// Snapshots have no foreign key that Hasura could find, so all of them are spelt out.
const relationship = ({ name, table, mapping }: Relationship) => ({
  name,
  using: { manual_configuration: { column_mapping: mapping, remote_table: qualified(table) } },
});

/** One table as Hasura's metadata v3 has it: relationships, and what each reading role sees of its account. */
export function tableMetadata(tracked: TrackedTable) {
  const { table, columns, alsoOnly, aggregates, toOne, toMany, remote } = tracked;
  const permission = {
    columns,
    filter: { ...OWN_ACCOUNT, ...alsoOnly },
    limit: MOST_ROWS,
    ...(aggregates && { allow_aggregations: true }),
    subscription_root_fields: ['select', 'select_by_pk', 'select_stream'],
  };
  return {
    table: qualified(table),
    ...(toOne.length > 0 && { object_relationships: toOne.map(relationship) }),
    ...(toMany.length > 0 && { array_relationships: toMany.map(relationship) }),
    ...(remote.length > 0 && {
      remote_relationships: remote.map(({ name, query, id }) => ({
        name,
        definition: {
          to_remote_schema: {
            remote_schema: REMOTE_SCHEMA,
            lhs_fields: [id],
            remote_field: { [query]: { arguments: { id: `$${id}` } } },
          },
        },
      })),
    }),
    select_permissions: READING_ROLES.map((role) => ({ role, permission })),
  };
}
