import type { BudgetingMethod, DefinitionRevision, Objective, Sli } from '../slo/definition.ts';
import { decodeMarks, type HistoryMark } from '../slo/history-marks.ts';
import type { Database, OnceStatement, Tx } from './client.ts';
import { partitionStart } from './partitions.ts';

/** What of an SLO decides its series, and which of the copies kept of them still stand. */
export interface SeriesDefinition {
  readonly sloId: string;
  /** Another whenever anything of the SLO's row was written. */
  readonly version: string;
  readonly project: string;
  readonly name: string;
  readonly service: string;
  readonly budgetingMethod: BudgetingMethod;
  readonly sliceMs: number;
  readonly sli: Sli;
  readonly objectives: readonly Objective[];
  readonly revisions: readonly DefinitionRevision[];
  /** The first data, or the creation where that came earlier. */
  readonly startMs: number;
  /** Start of the first minute with data; null while there is none. */
  readonly firstDataAtMs: number | null;
  /** Snapshots are complete up to here. */
  readonly snapshotsUntilMs: number | null;
  readonly historyVersion: number;
  readonly historyMarks: readonly HistoryMark[];
}

/** The state of an account's definitions and histories, as the transaction sees it. */
export interface SeriesState {
  /** Other when any definition or history is other. */
  readonly fingerprint: string;
  /** No minutes are kept before. */
  readonly keptFromMs: number;
}

// Every change of a definition or a history writes the SLO's row. Hashed, so that a fleet of which no row was written
// answers with one short row; what the rows hold is not looked at, which would take several times as long.
const STATE = `
  SELECT count(*) || ':' || COALESCE(sum(hash_record_extended(ROW(s.xmin, s.ctid), 0)), 0) AS fingerprint,
    (SELECT min(c.relname) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'np_slo_snapshots'::regclass) AS oldest
  FROM np_slos s WHERE s.source_account_id = $1`;

const ASK_STATE: OnceStatement = { name: 'series_state', types: 'text', text: STATE };

/** Cheap enough to be asked with every query. */
export async function readSeriesState({ client }: Tx, accountId: string): Promise<SeriesState> {
  const { rows } = await client.query<StateRow>({ name: 'series-state', text: STATE, values: [accountId] });
  return stateOf(rows[0]);
}

/** The same in a transaction of its own and one round trip. */
export async function readSeriesStateOnce(db: Database, accountId: string): Promise<SeriesState> {
  const [row] = await db.once(accountId, ASK_STATE, [accountId]);
  return stateOf({ fingerprint: row?.fingerprint ?? '', oldest: row?.oldest ?? null });
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

interface DefinitionRow {
  id: string;
  version: string;
  /** Null where the version is one of those that are known. */
  project: string | null;
  name: string;
  service: string;
  budgeting_method: BudgetingMethod;
  time_slice_seconds: number;
  sli: Sli;
  objectives: Objective[];
  revisions: DefinitionRevision[];
  created_at: Date;
  first_data_at: Date | null;
  snapshots_until: Date | null;
  history_version: string;
  history_marks: number[];
}

const DEFINITION_COLUMNS = [
  'project',
  'name',
  'service',
  'budgeting_method',
  'time_slice_seconds',
  'sli',
  'objectives',
  'revisions',
  'created_at',
  'first_data_at',
  'snapshots_until',
  'history_version',
  'history_marks',
];

/** The account's SLOs by project and name; those that `known` has in the version that stands are taken from there. */
export async function selectSeriesDefinitions(
  { client }: Tx,
  accountId: string,
  known: readonly SeriesDefinition[],
): Promise<SeriesDefinition[]> {
  const { rows } = await client.query<DefinitionRow>({
    name: 'series-definitions',
    text: `SELECT s.id, s.xmin::text || s.ctid::text AS version,
             ${DEFINITION_COLUMNS.map((name) => `CASE WHEN k.id IS NULL THEN s.${name} END AS ${name}`).join(', ')}
           FROM np_slos s LEFT JOIN unnest($2::uuid[], $3::text[]) AS k(id, version)
             ON k.id = s.id AND k.version = s.xmin::text || s.ctid::text
           WHERE s.source_account_id = $1 ORDER BY s.project, s.name`,
    values: [accountId, known.map(({ sloId }) => sloId), known.map(({ version }) => version)],
  });
  const byVersion = new Map(
    known.map((definition) => [`${definition.sloId} ${definition.version}`, definition]),
  );
  return rows.map((row) => byVersion.get(`${row.id} ${row.version}`) ?? definitionOf(row));
}

function definitionOf({ project, ...row }: DefinitionRow): SeriesDefinition {
  if (project === null) throw new Error(`the definition of ${row.id} was not read`);
  const createdAtMs = row.created_at.getTime();
  const firstDataAtMs = row.first_data_at?.getTime() ?? null;
  return {
    sloId: row.id,
    version: row.version,
    project,
    name: row.name,
    service: row.service,
    budgetingMethod: row.budgeting_method,
    sliceMs: row.time_slice_seconds * 1000,
    sli: row.sli,
    objectives: row.objectives,
    revisions: row.revisions,
    startMs: Math.min(createdAtMs, firstDataAtMs ?? createdAtMs),
    firstDataAtMs,
    snapshotsUntilMs: row.snapshots_until?.getTime() ?? null,
    historyVersion: Number(row.history_version),
    historyMarks: decodeMarks(row.history_marks),
  };
}
