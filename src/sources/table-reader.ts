import type { TableColumns, TableSource } from '../config-sources.ts';
import { DAY_MS, HOUR_MS } from '../lib/duration.ts';
import type { FilterValue } from '../slo/source.ts';
import type { Database, Tx } from '../storage/client.ts';
import { type CatalogueTable, describeTables, type EventMeasure } from '../storage/event-tables.ts';
import { checkColumns, keyColumn, valueFor } from './catalogue-check.ts';
import { isReadByRow } from './event-points.ts';
import {
  accountColumn,
  existing,
  type PlannedRequest,
  type ReadPlan,
  readEventRequests,
} from './read-events.ts';
import type { SourceAnswer, SourceReader, SourceRequest } from './source-reader.ts';

/** Reads a table that the operator mapped. */
export function createTableReader(db: Pick<Database, 'reader'>, mapping: TableSource): SourceReader {
  return {
    maxRequests: 1000,
    concurrency: 1,
    maxRangeMs: (sli) => (isReadByRow(sli) ? HOUR_MS : DAY_MS),
    read: (requests, signal) =>
      readEventRequests(db, `the table ${mapping.table}`, requests, signal, (tx, own) =>
        plan(tx, mapping, own),
      ),
  };
}

function measureOf({ status, good, bad, total, value }: TableColumns): EventMeasure {
  if (status !== undefined) {
    return { kind: 'status', column: status.column, good: status.good, bad: status.bad ?? null };
  }
  if (value !== undefined) return { kind: 'value', column: value };
  return { kind: 'counts', good: good ?? null, bad: bad ?? null, total: total ?? null };
}

async function plan(tx: Tx, mapping: TableSource, requests: readonly SourceRequest[]): Promise<ReadPlan> {
  const { columns } = mapping;
  const dot = mapping.table.indexOf('.');
  const schema = dot < 0 ? 'public' : mapping.table.slice(0, dot);
  const name = mapping.table.slice(dot + 1);
  const [found] = await describeTables(tx, [{ schema, table: name }]);
  const account = accountColumn(existing(found, mapping.table).columns, columns.account);
  const table = checkColumns(mapping.table, found ?? null, {
    time: columns.time,
    counts: [columns.good, columns.bad, columns.total].filter((column) => column !== undefined),
    value: columns.value ?? null,
    others: [columns.status?.column, account, ...(columns.filters ?? [])].filter(
      (column) => column !== undefined && column !== null,
    ),
  });
  return {
    table: {
      schema,
      table: name,
      time: keyColumn(table, columns.time),
      account,
      measure: measureOf(columns),
    },
    isRowSecured: table.isRowSecured,
    requests: requests.map((request) => planRequest(table, columns.filters ?? [], request)),
  };
}

function planRequest(
  table: CatalogueTable,
  allowed: readonly string[],
  { source }: SourceRequest,
): PlannedRequest | SourceAnswer {
  const where = source.type === 'table' ? source.where : {};
  const filters = Object.entries(where).sort(([a], [b]) => (a < b ? -1 : 1));
  let keys: string[][] = [[]];
  for (const [column, wanted] of filters) {
    if (!allowed.includes(column)) return { failure: `where.${column} is not a filter of this source` };
    // Each once: a row must not count twice because a filter names its value twice.
    const values = new Set<string>();
    for (const text of textsOf(wanted)) {
      const value = valueFor(keyColumn(table, column), text);
      if (value === null) {
        const type = table.columns.get(column) ?? 'unknown';
        return { failure: `where.${column}: ${JSON.stringify(text)} cannot be a value of type ${type}` };
      }
      values.add(value);
    }
    keys = keys.flatMap((key) => [...values].map((value) => [...key, value]));
  }
  return { keyColumns: filters.map(([column]) => keyColumn(table, column)), keys };
}

const textsOf = (wanted: FilterValue | readonly FilterValue[]): string[] =>
  (typeof wanted === 'object' ? wanted : [wanted]).map(String);
