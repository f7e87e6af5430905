import type { BudgetingMethod, DefinitionRevision, Objective, Sli } from '../slo/definition.ts';
import { decodeMarks, type HistoryMark } from '../slo/history-marks.ts';
import type { Database, OnceStatement, ReadTx } from './client.ts';
import { partitionStart } from './partitions.ts';

/** What of an SLO decides its series. */
export interface SeriesDefinition {
  readonly sloId: string;
  /** Another whenever anything of the definition is. */
  readonly version: string;
  readonly project: string;
  readonly name: string;
  readonly service: string;
  readonly budgetingMethod: BudgetingMethod;
  readonly sli: Sli;
  readonly objectives: readonly Objective[];
  readonly revisions: readonly DefinitionRevision[];
}

/** How far an SLO's samples go, and which of the copies kept of them still stand. */
export interface SeriesHistory {
  readonly sloId: string;
  /** Of the definition. */
  readonly version: string;
  /** The first data, or the creation where that came earlier. */
  readonly startMs: number;
  /** Start of the first minute with data; null while there is none. */
  readonly firstDataAtMs: number | null;
  /** Snapshots are complete up to here. */
  readonly snapshotsUntilMs: number | null;
  readonly historyVersion: number;
  /** As text, since few are ever looked at: see `historyMarksOf`. */
  readonly marks: string;
}

export const historyMarksOf = ({ marks }: SeriesHistory): HistoryMark[] =>
  decodeMarks(marks === '' ? [] : marks.split(',').map(Number));

/** The state of an account's definitions and histories, as the transaction sees it. */
export interface SeriesState {
  /** Other when any definition or history is other. */
  readonly fingerprint: string;
  /** No minutes are kept before. */
  readonly keptFromMs: number;
}

// Every change of a definition or a history writes the SLO's row. Hashed, so that a fleet of which no row was written
// answers with one short row; what the rows hold is not looked at, which would take several times as long.
const FINGERPRINT = `count(*) || ':' || COALESCE(sum(hash_record_extended(ROW(s.xmin, s.ctid), 0)), 0)`;
const OLDEST = `
  (SELECT min(c.relname) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
   WHERE i.inhparent = 'np_slo_snapshots'::regclass)`;
const OWN = 'FROM np_slos s WHERE s.source_account_id = $1';

const STATE = `SELECT ${FINGERPRINT} AS fingerprint, ${OLDEST} AS oldest ${OWN}`;
const ASK_STATE: OnceStatement = { name: 'series_state', types: 'text', text: STATE };

/** The state in a transaction of its own and one round trip: cheap enough to be asked with every query. */
export async function readSeriesState(db: Pick<Database, 'once'>, accountId: string): Promise<SeriesState> {
  const [row] = await db.once(accountId, ASK_STATE, [accountId]);
  return stateOf({ fingerprint: row?.fingerprint ?? '', oldest: row?.oldest ?? null });
}

/** The state as the transaction sees it: a tenth of what the histories take, where they may be known. */
export async function readSeriesStateIn({ client }: ReadTx, accountId: string): Promise<SeriesState> {
  const { rows } = await client.query<StateRow>({ name: 'series-state', text: STATE, values: [accountId] });
  return stateOf(rows[0]);
}

interface StateRow {
  readonly fingerprint: string;
  readonly oldest: string | null;
}

function stateOf(row: StateRow | undefined): SeriesState {
  const keptFromMs = row?.oldest == null ? null : partitionStart(row.oldest);
  return {
    fingerprint: `${row?.fingerprint} ${row?.oldest}`,
    keptFromMs: keptFromMs ?? Number.NEGATIVE_INFINITY,
  };
}

const EPOCH_MS = (instant: string): string =>
  `COALESCE((extract(epoch FROM ${instant}) * 1000)::bigint::text, '')`;

/** What a definition is made of. */
const DEFINITION = ['project', 'name', 'service', 'budgeting_method', 'sli', 'objectives', 'revisions'];

/** A line an SLO, its fields apart by a space each. A tick writes every row, and changes no definition. */
const HISTORIES = `
  SELECT ${FINGERPRINT} AS fingerprint, ${OLDEST} AS oldest,
    string_agg(concat_ws(' ', s.id, hash_record_extended(ROW(${DEFINITION.map((name) => `s.${name}`).join(', ')}), 0),
      ${EPOCH_MS('LEAST(s.created_at, s.first_data_at)')}, ${EPOCH_MS('s.first_data_at')}, ${EPOCH_MS('s.snapshots_until')},
      s.history_version, array_to_string(s.history_marks, ',')), E'\\n') AS slos
  ${OWN}`;

/** The state, and with it the histories of the account's SLOs, in the order of their ids. */
export async function readSeriesHistories(
  { client }: ReadTx,
  accountId: string,
): Promise<SeriesState & { readonly histories: readonly SeriesHistory[] }> {
  const { rows } = await client.query<StateRow & { readonly slos: string | null }>({
    name: 'series-histories',
    text: HISTORIES,
    values: [accountId],
  });
  const lines = rows[0]?.slos?.split('\n') ?? [];
  return {
    ...stateOf(rows[0]),
    histories: lines.map(historyOf).sort((a, b) => (a.sloId < b.sloId ? -1 : 1)),
  };
}

function historyOf(line: string): SeriesHistory {
  const [sloId = '', version = '', startMs, firstDataAt = '', until = '', changes, marks = ''] =
    line.split(' ');
  return {
    sloId,
    version,
    startMs: Number(startMs),
    firstDataAtMs: firstDataAt === '' ? null : Number(firstDataAt),
    snapshotsUntilMs: until === '' ? null : Number(until),
    historyVersion: Number(changes),
    marks,
  };
}

interface DefinitionRow {
  id: string;
  project: string;
  name: string;
  service: string;
  budgeting_method: BudgetingMethod;
  sli: Sli;
  objectives: Objective[];
  revisions: DefinitionRevision[];
}

/** The definitions of those histories, in any order; in the same transaction, which sees them as it saw those. */
export async function selectSeriesDefinitions(
  { client }: ReadTx,
  accountId: string,
  histories: readonly SeriesHistory[],
): Promise<SeriesDefinition[]> {
  const { rows } = await client.query<DefinitionRow>({
    name: 'series-definitions',
    text: `SELECT s.id, ${DEFINITION.map((name) => `s.${name}`).join(', ')} ${OWN} AND s.id = ANY($2)`,
    values: [accountId, histories.map(({ sloId }) => sloId)],
  });
  const versions = new Map(histories.map(({ sloId, version }) => [sloId, version]));
  return rows.map(({ id, budgeting_method, ...row }) => ({
    ...row,
    sloId: id,
    version: versions.get(id) ?? '',
    budgetingMethod: budgeting_method,
  }));
}
