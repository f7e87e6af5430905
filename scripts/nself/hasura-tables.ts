import { getTableConfig, type PgTable } from 'drizzle-orm/pg-core';
import { npSloReports, npSloSnapshots, npSlos } from '../../src/storage/schema.ts';

/** `admin` needs no permission of its own: Hasura gives it everything. */
const READING_ROLES = ['user', 'viewer'];

const OWN_ACCOUNT = { source_account_id: { _eq: 'X-Hasura-Source-Account-Id' } };

interface TrackedTable {
  readonly table: PgTable;
  /** Bookkeeping that means nothing to a reader. */
  readonly internal: readonly string[];
  /** Rows that a reader may see, beside those of the own account. */
  readonly alsoOnly?: object;
}

export const TRACKED: readonly TrackedTable[] = [
  { table: npSlos, internal: ['revisions', 'snapshots_until'] },
  {
    table: npSloSnapshots,
    internal: [
      ...['run_good', 'run_total', 'base_good', 'base_total'],
      ...['received_good', 'received_bad', 'received_total'],
    ],
    // A row without a state carries a day's running totals and is no snapshot.
    alsoOnly: { state: { _is_null: false } },
  },
  { table: npSloReports, internal: [] },
];

export interface TableMetadata {
  readonly table: { readonly name: string; readonly schema: string };
  readonly select_permissions: readonly {
    readonly role: string;
    readonly permission: { readonly columns: readonly string[]; readonly filter: object };
  }[];
}

/** The tracked tables as Hasura metadata v3: what each reading role sees of its own account. */
export function hasuraTables(): TableMetadata[] {
  return TRACKED.map(({ table, internal, alsoOnly }) => {
    const { name, schema, columns } = getTableConfig(table);
    const permission = {
      columns: columns.map((column) => column.name).filter((column) => !internal.includes(column)),
      filter: { ...OWN_ACCOUNT, ...alsoOnly },
    };
    return {
      table: { name, schema: schema ?? 'public' },
      select_permissions: READING_ROLES.map((role) => ({ role, permission })),
    };
  });
}
