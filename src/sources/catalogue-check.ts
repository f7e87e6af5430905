import type { CatalogueTable, KeyColumn } from '../storage/event-tables.ts';
import { SourceError } from './source-reader.ts';

const TIMES: readonly string[] = ['timestamp with time zone', 'timestamp without time zone'];
const NUMBERS: readonly string[] = ['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision'];

/** What a mapping wants of a table's columns. */
export interface WantedColumns {
  readonly time: string;
  readonly counts: readonly string[];
  readonly value: string | null;
  /** Of any type. */
  readonly others: readonly string[];
}

/** Holds a mapping against the catalogue. Throws SourceError naming all that is missing or of a wrong type. */
export function checkColumns(
  name: string,
  table: CatalogueTable | null,
  { time, counts, value, others }: WantedColumns,
): CatalogueTable {
  if (table === null) throw new SourceError(`the table ${name} does not exist`);
  const { columns } = table;
  const wanted = [time, ...counts, ...(value === null ? [] : [value]), ...others];
  const missing = [...new Set(wanted)].filter((column) => !columns.has(column));
  if (missing.length > 0) {
    throw new SourceError(
      `the table ${name} has no ${missing.length === 1 ? 'column' : 'columns'} ${missing.join(', ')}`,
    );
  }
  const faults = [
    ...(TIMES.includes(columns.get(time) ?? '') ? [] : [`${time} must be a timestamp`]),
    ...counts.flatMap((column) =>
      NUMBERS.includes(columns.get(column) ?? '') ? [] : [`${column} must be a number`],
    ),
    ...(value === null || [...NUMBERS, 'boolean'].includes(columns.get(value) ?? '')
      ? []
      : [`${value} must be a number or a boolean`]),
  ];
  if (faults.length > 0) throw new SourceError(`in the table ${name} ${faults.join(', ')}`);
  return table;
}

/** A column that is known to exist. */
export function keyColumn({ columns }: CatalogueTable, column: string): KeyColumn {
  return { column, type: columns.get(column) ?? 'text' };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DECIMAL = /^[+-]?[0-9]{1,30}(\.[0-9]{1,30})?(e[+-]?[0-9]{1,2})?$/i;
/** bigint goes from -2^63 to 2^63 - 1. */
const MAX_BIGINT = 2n ** 63n - 1n;

/**
 * A text as a value of the column's type, written the one way; null when it cannot be one. One that cannot would
 * fail the statement, for everyone who shares it.
 */
export function valueFor({ type }: KeyColumn, text: string): string | null {
  switch (type) {
    case 'uuid':
      return UUID.test(text) ? text.toLowerCase() : null;
    case 'smallint':
    case 'integer':
    case 'bigint': {
      if (!/^-?[0-9]{1,19}$/.test(text)) return null;
      const value = BigInt(text);
      return value <= MAX_BIGINT && value >= -MAX_BIGINT ? value.toString() : null;
    }
    case 'numeric':
    case 'real':
    case 'double precision':
      return DECIMAL.test(text) ? String(Number(text)) : null;
    case 'boolean':
      return text === 'true' || text === 'false' ? text : null;
    default:
      return text;
  }
}
