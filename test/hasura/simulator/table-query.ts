import pg from 'pg';
import { HasuraError } from './hasura-error.ts';
import type { TableMetadata } from './metadata-schema.ts';
import type { Session } from './session.ts';

/** Types of the columns of the tracked tables, as the database has them, by `table.column`. */
export type ColumnTypes = ReadonlyMap<string, string>;
export type Row = Readonly<Record<string, unknown>>;

/** Rows by the values of some of their columns. */
export interface Keys {
  readonly columns: readonly string[];
  readonly values: readonly (readonly unknown[])[];
}

export interface RowArguments {
  readonly where?: unknown;
  readonly order_by?: unknown;
  readonly limit?: unknown;
  readonly offset?: unknown;
}

const OPERATORS: Readonly<Record<string, string>> = {
  _eq: '=',
  _neq: '<>',
  _gt: '>',
  _gte: '>=',
  _lt: '<',
  _lte: '<=',
};

type TablePermission = TableMetadata['select_permissions'][number]['permission'];

/** What the role may see of the table; null: everything, as the admin. Throws where it has no permission. */
export function permissionOf(
  { table, select_permissions }: TableMetadata,
  role: string,
): TablePermission | null {
  if (role === 'admin') return null;
  const found = select_permissions.find((permission) => permission.role === role);
  if (found !== undefined) return found.permission;
  throw new HasuraError('validation-failed', `field '${table.name}' not found in type: 'query_root'`);
}

export async function columnTypes(client: pg.Client, tables: readonly TableMetadata[]): Promise<ColumnTypes> {
  const { rows } = await client.query<{ name: string; type: string }>(
    `SELECT c.relname || '.' || a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY($1) AND a.attnum > 0 AND NOT a.attisdropped`,
    [tables.map(({ table }) => table.name)],
  );
  return new Map(rows.map(({ name, type }) => [name, type]));
}

/** A table as a role asks for it. */
export interface TableView {
  readonly table: TableMetadata;
  readonly types: ColumnTypes;
  readonly session: Session;
}

export function seesColumn({ table, types, session }: TableView, column: string): boolean {
  if (!types.has(`${table.table.name}.${column}`)) return false;
  const permission = permissionOf(table, session.role);
  return permission === null || permission.columns.includes(column);
}

/** Throws for a column that the role does not see. */
function assertSees(view: TableView, column: string): void {
  if (seesColumn(view, column)) return;
  throw new HasuraError(
    'validation-failed',
    `field '${column}' not found in type: '${view.table.table.name}'`,
  );
}

export interface RowsWanted {
  /** `count` for their number alone. */
  readonly columns: readonly string[] | 'count';
  readonly args: RowArguments;
  /** Joins compare as text, since the other side is often the JSON of a remote. */
  readonly keys?: Keys | undefined;
}

/** The statement for rows as a role sees them, each as JSON: the permission's filter, then what is asked. */
export function rowsStatement(view: TableView, { columns, args, keys }: RowsWanted): pg.QueryConfig {
  const { table, types, session } = view;
  const permission = permissionOf(table, session.role);
  const values: unknown[] = [];
  const parameter = (value: unknown): string => `$${values.push(value)}`;

  function comparison(column: string, operator: string, operand: unknown): string {
    const type = types.get(`${table.table.name}.${column}`);
    if (type === undefined) throw new HasuraError('validation-failed', `no column ${column}`);
    const name = pg.escapeIdentifier(column);
    if (operator === '_is_null') return `${name} IS ${operand === true ? '' : 'NOT '}NULL`;
    // A null in a comparison is an error, not an open door.
    if (operand === null || operand === undefined) {
      throw new HasuraError('validation-failed', `unexpected null value for type '${type}'`);
    }
    if (operator === '_in' && Array.isArray(operand)) {
      return `${name} = ANY(${parameter(operand.map(String))}::text[]::${type}[])`;
    }
    const sql = OPERATORS[operator];
    if (sql === undefined) throw new HasuraError('validation-failed', `no operator ${operator}`);
    return `${name} ${sql} ${parameter(String(operand))}::${type}`;
  }

  function condition(expression: unknown, resolve: (value: unknown, column: string) => unknown): string {
    const parts = asEntries(expression).map(([key, value]) => {
      if (key === '_and' || key === '_or') {
        const list = (Array.isArray(value) ? value : [value]).map((one) => condition(one, resolve));
        return `(${list.join(key === '_and' ? ' AND ' : ' OR ') || String(key === '_and')})`;
      }
      if (key === '_not') return `NOT (${condition(value, resolve)})`;
      return asEntries(value)
        .map(([operator, operand]) => comparison(key, operator, resolve(operand, key)))
        .join(' AND ');
    });
    return parts.length === 0 ? 'true' : `(${parts.join(' AND ')})`;
  }

  // The permission's own columns are not looked up: a filter may use what the role does not see.
  const conditions = [condition(permission?.filter, (value) => ofSession(value, session))];
  conditions.push(
    condition(args.where, (value, column) => {
      assertSees(view, column);
      return value;
    }),
  );
  if (keys !== undefined) {
    const theirs = keys.columns.map((column) => `${pg.escapeIdentifier(column)}::text`);
    const lists = keys.columns.map(
      (_, i) => `${parameter(keys.values.map((key) => String(key[i])))}::text[]`,
    );
    conditions.push(`(${theirs.join(', ')}) IN (SELECT * FROM unnest(${lists.join(', ')}))`);
  }
  const order = asEntries(args.order_by).map(([column, direction]) => {
    assertSees(view, column);
    if (direction !== 'asc' && direction !== 'desc') throw new HasuraError('validation-failed', 'order_by');
    return `${pg.escapeIdentifier(column)} ${direction}`;
  });
  const limits = [args.limit, permission?.limit].filter((one) => typeof one === 'number');
  const from = [
    `FROM ${pg.escapeIdentifier(table.table.schema)}.${pg.escapeIdentifier(table.table.name)}`,
    `WHERE ${conditions.join(' AND ')}`,
    order.length > 0 ? `ORDER BY ${order.join(', ')}` : '',
    limits.length > 0 ? `LIMIT ${parameter(Math.min(...limits))}` : '',
    typeof args.offset === 'number' ? `OFFSET ${parameter(args.offset)}` : '',
  ].join(' ');
  if (columns === 'count') {
    return { text: `SELECT json_build_object('count', count(*)) AS row FROM (SELECT 1 ${from}) t`, values };
  }
  const list = columns.length === 0 ? '1 AS one' : columns.map(pg.escapeIdentifier).join(', ');
  return { text: `SELECT row_to_json(t) AS row FROM (SELECT ${list} ${from}) t`, values };
}

/** A variable of the session by its name; anything else is a value as it stands. */
function ofSession(value: unknown, { variables }: Session): unknown {
  if (typeof value !== 'string' || !/^x-hasura-/i.test(value)) return value;
  const found = variables.get(value.toLowerCase());
  if (found !== undefined) return found;
  throw new HasuraError('not-found', `missing session variable: "${value.toLowerCase()}"`);
}

function asEntries(value: unknown): [string, unknown][] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap(asEntries);
  if (typeof value === 'object') return Object.entries(value);
  throw new HasuraError('validation-failed', 'expected an object');
}
