import type { Database, Tx } from '../storage/client.ts';
import type { EventKey, EventTable, KeyColumn } from '../storage/event-tables.ts';
import { databaseFailure } from './database-failure.ts';
import { isReadByRow, readPoints } from './event-points.ts';
import { type SourceAnswer, SourceError, type SourceRequest } from './source-reader.ts';

/** A statement that takes longer fails, and is tried over fewer minutes. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** Where row level security decides, what no policy lets through would look like minutes without data. */
const ANSWERS_NOTHING: SourceAnswer = { points: [], note: null };

/** What a request comes to once its table has been looked up. */
export interface PlannedRequest {
  readonly keyColumns: readonly KeyColumn[];
  /** Alternatives. */
  readonly keys: readonly (readonly string[])[];
}

/** A table as one round of reading finds it. */
export interface ReadPlan {
  readonly table: EventTable;
  /** Then each account is asked for by itself, as that account. */
  readonly isRowSecured: boolean;
  /** By request; an answer where that is known already. */
  readonly requests: readonly (PlannedRequest | SourceAnswer)[];
}

/**
 * Reads what many SLOs ask of one table over the same minutes: one statement for those that pick rows by the
 * same columns. `plan` runs in a transaction like the reading itself.
 */
export async function readEventRequests(
  db: Pick<Database, 'reader'>,
  what: string,
  requests: readonly SourceRequest[],
  signal: AbortSignal,
  plan: (tx: Tx, requests: readonly SourceRequest[]) => Promise<ReadPlan>,
): Promise<readonly SourceAnswer[]> {
  const inTransaction = <T>(accountId: string | null, work: (tx: Tx) => Promise<T>): Promise<T> =>
    db.reader({ accountId, timeoutMs: STATEMENT_TIMEOUT_MS, signal }, work);
  try {
    return await inTransaction(null, async (tx) => {
      const planned = await plan(tx, requests);
      if (planned.isRowSecured) throw new RowSecured();
      return readPlanned(tx, requests, planned);
    }).catch(async (error: unknown) => {
      if (!(error instanceof RowSecured)) throw error;
      return readByAccount(requests, (accountId, own) =>
        inTransaction(accountId, async (tx) => readPlanned(tx, own, await plan(tx, own))),
      );
    });
  } catch (error) {
    throw databaseFailure(what, error);
  }
}

/** Ends a transaction that would see what row level security lets nobody see. */
class RowSecured extends Error {}

async function readByAccount(
  requests: readonly SourceRequest[],
  read: (accountId: string, own: readonly SourceRequest[]) => Promise<readonly SourceAnswer[]>,
): Promise<readonly SourceAnswer[]> {
  const answers: SourceAnswer[] = requests.map(() => ANSWERS_NOTHING);
  for (const accountId of new Set(requests.map((request) => request.accountId))) {
    const own = requests.flatMap((request, i) => (request.accountId === accountId ? [{ request, i }] : []));
    const found = await read(
      accountId,
      own.map(({ request }) => request),
    );
    own.forEach(({ i }, n) => {
      answers[i] = found[n] ?? ANSWERS_NOTHING;
    });
  }
  return answers;
}

async function readPlanned(
  tx: Tx,
  requests: readonly SourceRequest[],
  { table, requests: planned }: ReadPlan,
): Promise<SourceAnswer[]> {
  const answers: SourceAnswer[] = planned.map((one) => ('keys' in one ? ANSWERS_NOTHING : one));
  for (const group of groupsOf(requests, planned)) {
    const { request, keyColumns } = group;
    const { fromMs, toMs } = request;
    const query = { table, keyColumns, keys: group.keys, fromMs, toMs };
    const found = await readPoints(tx, query, isReadByRow(request.sli));
    for (const [asker, { points, refused }] of found) {
      const rows = refused === 1 ? 'row was' : 'rows were';
      answers[asker] = {
        points,
        note: refused === 0 ? null : `${refused} ${rows} not taken: a count below 0 or above its total`,
      };
    }
  }
  return answers;
}

interface Group {
  readonly request: SourceRequest;
  readonly keyColumns: readonly KeyColumn[];
  readonly keys: EventKey[];
}

/** Requests that one statement can answer. */
function groupsOf(
  requests: readonly SourceRequest[],
  planned: readonly (PlannedRequest | SourceAnswer)[],
): Iterable<Group> {
  const groups = new Map<string, Group>();
  requests.forEach((request, asker) => {
    const one = planned[asker];
    if (one === undefined || !('keys' in one)) return;
    const byRow = isReadByRow(request.sli);
    const columns = one.keyColumns.map(({ column }) => column);
    const signature = JSON.stringify([byRow, request.fromMs, request.toMs, columns]);
    const group = groups.get(signature) ?? { request, keyColumns: one.keyColumns, keys: [] };
    groups.set(signature, group);
    for (const keys of one.keys) group.keys.push({ asker, accountId: request.accountId, keys });
  });
  return groups.values();
}

/** The account's column of a table: `source_account_id` where it is there, unless the operator says otherwise. */
export function accountColumn(
  columns: ReadonlyMap<string, string>,
  configured: string | undefined,
): string | null {
  if (configured !== undefined) return configured;
  return columns.has('source_account_id') ? 'source_account_id' : null;
}

/** Throws unless the table exists. */
export function existing<T>(table: T | null | undefined, name: string): T {
  if (table === null || table === undefined) throw new SourceError(`the table ${name} does not exist`);
  return table;
}
