import pg from 'pg';
import type { Tx } from './client.ts';

/** A table as the catalogue has it. */
export interface CatalogueTable {
  /** Types by column, as PostgreSQL writes them: `timestamp with time zone`. */
  readonly columns: ReadonlyMap<string, string>;
  /** Whether row level security decides what this user sees of it. */
  readonly isRowSecured: boolean;
}

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** The tables and views of these names that exist; null for the others, in their order. */
export async function describeTables(
  { client }: Tx,
  names: readonly TableName[],
): Promise<(CatalogueTable | null)[]> {
  const { rows } = await client.query<{ secured: boolean; columns: [string, string][] }>(
    `SELECT COALESCE(row_security_active(c.oid), false) AS secured,
       (SELECT json_agg(json_build_array(a.attname, format_type(a.atttypid, NULL)))
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
     FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k(schema, name, n)
     LEFT JOIN pg_namespace s ON s.nspname = k.schema
     LEFT JOIN pg_class c ON c.relnamespace = s.oid AND c.relname = k.name AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
     ORDER BY k.n`,
    [names.map(({ schema }) => schema), names.map(({ table }) => table)],
  );
  return rows.map(({ secured, columns }) =>
    columns === null ? null : { columns: new Map(columns), isRowSecured: secured },
  );
}

/** A column whose values rows are picked by. `type` is the catalogue's. */
export interface KeyColumn {
  readonly column: string;
  readonly type: string;
}

/** What the rows of a table measure, in columns of it. */
export type EventMeasure =
  /** A row is an event. Null `bad`: any value that is not good. */
  | {
      readonly kind: 'status';
      readonly column: string;
      readonly good: readonly string[];
      readonly bad: readonly string[] | null;
    }
  /** Two of the three; null for the other. */
  | {
      readonly kind: 'counts';
      readonly good: string | null;
      readonly bad: string | null;
      readonly total: string | null;
    }
  | { readonly kind: 'value'; readonly column: string };

/** A table whose columns have been found in the catalogue. */
export interface EventTable extends TableName {
  readonly time: KeyColumn;
  /** The column that holds a row's account; null where rows belong to all who may ask. */
  readonly account: string | null;
  readonly measure: EventMeasure;
}

/** Rows of one asker: those that have the keys, in the order of the query's key columns. */
export interface EventKey {
  /** The asker's number. One that has several keys asks for the rows of any. */
  readonly asker: number;
  readonly accountId: string;
  readonly keys: readonly string[];
}

export interface EventQuery {
  readonly table: EventTable;
  readonly keyColumns: readonly KeyColumn[];
  readonly keys: readonly EventKey[];
  /** `[fromMs, toMs)`. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** One asker's events of a minute, summed. Null for a count that the table does not have. */
export interface CountedMinute {
  readonly asker: number;
  readonly minuteMs: number;
  readonly good: number | null;
  readonly bad: number | null;
  readonly total: number | null;
  /** Rows that say nothing possible, such as more good than total. */
  readonly refused: number;
}

/** One row. Null for what the table does not have. */
export interface EventRow {
  readonly asker: number;
  readonly atMs: number;
  readonly good: number | null;
  readonly bad: number | null;
  readonly total: number | null;
  readonly value: number | null;
}

const MAX_COUNT = Number.MAX_SAFE_INTEGER;
const quoted = (name: string): string => pg.escapeIdentifier(name);
const own = (column: string): string => `t.${quoted(column)}`;

/** Compared by their own type, so that an index serves; anything else by its text. */
const CASTS: ReadonlyMap<string, string> = new Map([
  ['text', ''],
  ['character varying', ''],
  ['uuid', '::uuid'],
  ['smallint', '::bigint'],
  ['integer', '::bigint'],
  ['bigint', '::bigint'],
  ['numeric', '::numeric'],
  ['real', '::float8'],
  ['double precision', '::float8'],
  ['boolean', '::boolean'],
]);

function keyCondition({ column, type }: KeyColumn, i: number): string {
  const cast = CASTS.get(type);
  return cast === undefined ? `${own(column)}::text = k.k${i}` : `${own(column)} = k.k${i}${cast}`;
}

interface Built {
  readonly from: string;
  readonly epoch: string;
  readonly parameters: readonly unknown[];
}

function build({ table, keyColumns, keys, fromMs, toMs }: EventQuery): Built {
  const keyNames = keyColumns.map((_, i) => `k${i}`);
  const unnested = ['$3::int[]', '$4::text[]', ...keyColumns.map((_, i) => `$${i + 5}::text[]`)];
  const instant = (parameter: string): string =>
    table.time.type === 'timestamp without time zone'
      ? `(${parameter}::timestamptz AT TIME ZONE 'UTC')`
      : `${parameter}::timestamptz`;
  const time = own(table.time.column);
  const conditions = [
    `${time} >= ${instant('$1')} AND ${time} < ${instant('$2')}`,
    ...(table.account === null ? [] : [`${own(table.account)}::text = k.account`]),
    ...keyColumns.map(keyCondition),
  ];
  return {
    from: `FROM unnest(${unnested.join(', ')}) AS k(${['asker', 'account', ...keyNames].join(', ')})
      JOIN ${quoted(table.schema)}.${quoted(table.table)} t ON ${conditions.join(' AND ')}`,
    epoch: `extract(epoch FROM ${time})`,
    parameters: [
      new Date(fromMs),
      new Date(toMs),
      keys.map(({ asker }) => asker),
      keys.map(({ accountId }) => accountId),
      ...keyColumns.map((_, i) => keys.map((key) => key.keys[i] ?? null)),
    ],
  };
}

interface CountColumns {
  readonly good: string;
  readonly bad: string;
  readonly total: string;
  readonly refused: string;
  readonly where: string;
  readonly parameters: readonly unknown[];
}

function countColumns(measure: EventMeasure, firstParameter: number): CountColumns {
  switch (measure.kind) {
    case 'status': {
      const status = `${own(measure.column)}::text`;
      const isGood = `${status} = ANY($${firstParameter}::text[])`;
      return {
        good: `count(*) FILTER (WHERE ${isGood})`,
        bad: 'NULL',
        total: 'count(*)',
        refused: '0',
        where:
          measure.bad === null
            ? `${status} IS NOT NULL`
            : `(${isGood} OR ${status} = ANY($${firstParameter + 1}::text[]))`,
        parameters: [measure.good, ...(measure.bad === null ? [] : [measure.bad])],
      };
    }
    case 'counts': {
      const { good, bad, total } = measure;
      const given = [good, bad, total].flatMap((column) => (column === null ? [] : [own(column)]));
      // NaN is above every number to PostgreSQL.
      const possible = [
        ...given.map((column) => `${column} >= 0 AND ${column} <= ${MAX_COUNT}`),
        ...(total === null
          ? []
          : [good, bad].flatMap((part) => (part === null ? [] : [`${own(part)} <= ${own(total)}`]))),
      ].join(' AND ');
      const sum = (column: string | null): string =>
        column === null ? 'NULL' : `sum(${own(column)}) FILTER (WHERE ${possible})`;
      return {
        good: sum(good),
        bad: sum(bad),
        total: sum(total),
        refused: `count(*) FILTER (WHERE NOT (${possible}))`,
        where: given.map((column) => `${column} IS NOT NULL`).join(' AND '),
        parameters: [],
      };
    }
    case 'value':
      throw new TypeError('Values are not counted here: each objective has its own bound.');
  }
}

/** The askers' events by minute, in one statement. Throws TypeError for a table of values. */
export async function countEvents({ client }: Tx, query: EventQuery): Promise<CountedMinute[]> {
  const { from, epoch, parameters } = build(query);
  const columns = countColumns(query.table.measure, parameters.length + 1);
  const { rows } = await client.query<Omit<CountedMinute, 'minuteMs'> & { minute: number }>(
    `SELECT k.asker, floor(${epoch} / 60)::float8 AS minute, (${columns.good})::float8 AS good,
       (${columns.bad})::float8 AS bad, (${columns.total})::float8 AS total, (${columns.refused})::int AS refused
     ${from} WHERE ${columns.where} GROUP BY 1, 2 ORDER BY 1, 2`,
    [...parameters, ...columns.parameters],
  );
  return rows.map(({ minute, ...counted }) => ({ ...counted, minuteMs: minute * 60_000 }));
}

/** The askers' rows one by one, ascending by time; at most `limit`. */
export async function readEvents({ client }: Tx, query: EventQuery, limit: number): Promise<EventRow[]> {
  const { from, epoch, parameters } = build(query);
  const { measure } = query.table;
  const numbers = measure.kind === 'counts' ? measure : { good: null, bad: null, total: null };
  const value = measure.kind === 'value' ? measure.column : null;
  const given = [numbers.good, numbers.bad, numbers.total, value].filter((column) => column !== null);
  // By its text, since 0.1 as a real is another number as a double.
  const number = (column: string | null): string =>
    column === null ? 'NULL::float8' : `${own(column)}::text::float8`;
  const { rows } = await client.query<Omit<EventRow, 'atMs'> & { at: number }>(
    `SELECT k.asker, floor(${epoch} * 1000)::float8 AS at, ${number(numbers.good)} AS good,
       ${number(numbers.bad)} AS bad, ${number(numbers.total)} AS total,
       ${value === null ? 'NULL::float8' : numberOrFlag(value)} AS value
     ${from} WHERE ${given.map((column) => `${own(column)} IS NOT NULL`).join(' AND ')}
     ORDER BY k.asker, ${epoch} LIMIT $${parameters.length + 1}`,
    [...parameters, limit],
  );
  return rows.map(({ at, ...row }) => ({ ...row, atMs: at }));
}

/** A number as it is, a boolean as 1 or 0. */
const numberOrFlag = (column: string): string =>
  `CASE ${own(column)}::text WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE ${own(column)}::text::float8 END`;

/** A name or id that an asker knows something by. */
export interface NamedThing {
  readonly asker: number;
  readonly accountId: string;
  readonly name: string;
}

export interface FoundThing {
  readonly asker: number;
  /** As text. */
  readonly id: string;
  readonly isById: boolean;
}

/** What the names stand for in a table with `id` and perhaps `name`. */
export async function findByName(
  { client }: Tx,
  directory: TableName & { readonly account: string | null; readonly hasName: boolean },
  things: readonly NamedThing[],
): Promise<FoundThing[]> {
  const account = directory.account === null ? '' : `AND ${own(directory.account)}::text = k.account`;
  const table = `${quoted(directory.schema)}.${quoted(directory.table)} t`;
  const { rows } = await client.query<{ asker: number; id: string; by_id: boolean }>(
    `WITH k AS (SELECT * FROM unnest($1::int[], $2::text[], $3::text[]) AS k(asker, account, name))
     SELECT k.asker, t.id::text AS id, true AS by_id FROM k JOIN ${table} ON t.id::text = k.name ${account}
     ${directory.hasName ? `UNION ALL SELECT k.asker, t.id::text, false FROM k JOIN ${table} ON t.name::text = k.name ${account}` : ''}`,
    [
      things.map(({ asker }) => asker),
      things.map(({ accountId }) => accountId),
      things.map(({ name }) => name),
    ],
  );
  return rows.map((row) => ({ asker: row.asker, id: row.id, isById: row.by_id }));
}
