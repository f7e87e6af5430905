import { DAY_MS } from '../lib/duration.ts';
import type { PulledSource } from '../slo/source.ts';
import type { Database, Tx } from '../storage/client.ts';
import { type CatalogueTable, describeTables, type FoundThing, findByName } from '../storage/event-tables.ts';
import { checkColumns, keyColumn, valueFor } from './catalogue-check.ts';
import { accountColumn, type PlannedRequest, type ReadPlan, readEventRequests } from './read-events.ts';
import type { SourceAnswer, SourceReader, SourceRequest } from './source-reader.ts';

/** A monitor's tables in the same database. */
export interface Sibling {
  /** Results, a row each. */
  readonly results: string;
  /** What they are results of: `id` and perhaps `name`. */
  readonly directory: string;
  readonly key: string;
  readonly time: string;
  readonly status: string;
  readonly good: readonly string[];
  readonly bad: readonly string[];
  /** What one row of the directory is called. */
  readonly noun: string;
  /** The one that an SLO names. */
  readonly refOf: (source: PulledSource) => string;
}

export const UPTIME: Sibling = {
  results: 'np_uptime_results',
  directory: 'np_uptime_targets',
  key: 'target_id',
  time: 'checked_at',
  status: 'status',
  good: ['up'],
  bad: ['down'],
  noun: 'target',
  refOf: (source) => (source.type === 'uptime' ? source.target : ''),
};

export const SYNTHETIC: Sibling = {
  results: 'np_synthetic_runs',
  directory: 'np_synthetic_flows',
  key: 'flow_id',
  time: 'finished_at',
  status: 'status',
  good: ['passed'],
  // Pending and running are neither.
  bad: ['failed', 'timed_out', 'error'],
  noun: 'flow',
  refOf: (source) => (source.type === 'synthetic' ? source.flow : ''),
};

const SCHEMA = 'public';
/** Without a column that tells accounts apart, the tables are this account's. */
const ONLY_ACCOUNT = 'primary';

/** Reads the results of a sibling plugin. */
export function createSiblingReader(db: Pick<Database, 'reader'>, sibling: Sibling): SourceReader {
  return {
    maxRequests: 1000,
    concurrency: 1,
    maxRangeMs: () => DAY_MS,
    read: (requests, signal) =>
      readEventRequests(db, `the table ${sibling.results}`, requests, signal, (tx, own) =>
        plan(tx, sibling, own),
      ),
  };
}

async function plan(tx: Tx, sibling: Sibling, requests: readonly SourceRequest[]): Promise<ReadPlan> {
  const { results, directory, key, time, status, good, bad } = sibling;
  const [found = null, listed = null] = await describeTables(tx, [
    { schema: SCHEMA, table: results },
    { schema: SCHEMA, table: directory },
  ]);
  const table = checkColumns(results, found, { time, counts: [], value: null, others: [key, status] });
  const account = accountColumn(table.columns, undefined);
  const names = listed?.columns.has('id') === true ? listed : null;
  return {
    table: {
      schema: SCHEMA,
      table: results,
      time: keyColumn(table, time),
      account,
      measure: { kind: 'status', column: status, good, bad },
    },
    isRowSecured: table.isRowSecured || (names?.isRowSecured ?? false),
    requests: await planRequests(tx, sibling, table, names, requests),
  };
}

async function planRequests(
  tx: Tx,
  { results, directory, key, noun, refOf }: Sibling,
  table: CatalogueTable,
  names: CatalogueTable | null,
  requests: readonly SourceRequest[],
): Promise<(PlannedRequest | SourceAnswer)[]> {
  const directoryAccount = names === null ? null : accountColumn(names.columns, undefined);
  const isShared = accountColumn(table.columns, undefined) === null && directoryAccount === null;
  const column = keyColumn(table, key);
  const things = requests.map(({ accountId, source }, asker) => ({ asker, accountId, name: refOf(source) }));
  const found =
    names === null
      ? things.map(({ asker, name }) => ({ asker, id: name, isById: true }))
      : await findByName(
          tx,
          { schema: SCHEMA, table: directory, account: directoryAccount, hasName: names.columns.has('name') },
          things,
        );
  const byAsker = new Map<number, FoundThing[]>();
  for (const thing of found) byAsker.set(thing.asker, [...(byAsker.get(thing.asker) ?? []), thing]);
  return things.map(({ asker, accountId, name }): PlannedRequest | SourceAnswer => {
    if (isShared && accountId !== ONLY_ACCOUNT) {
      return {
        failure: `the table ${results} has no column source_account_id, so that only the account ${ONLY_ACCOUNT} can use it`,
      };
    }
    const all = byAsker.get(asker) ?? [];
    const byId = all.find(({ isById }) => isById);
    const matches = byId === undefined ? all : [byId];
    const [match, another] = matches;
    if (match === undefined) return { failure: `there is no ${noun} "${name}" in ${directory}` };
    if (another !== undefined)
      return { failure: `${matches.length} ${noun}s are named "${name}"; use the id` };
    const id = valueFor(column, match.id);
    if (id === null) return { failure: `"${name}" cannot be a ${key} of ${results}` };
    return { keyColumns: [column], keys: [[id]] };
  });
}
