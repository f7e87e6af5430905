import type { BudgetingMethod, DefinitionRevision, Objective, Sli } from '../slo/definition.ts';
import { decodeMarks, type HistoryMark } from '../slo/history-marks.ts';
import type { Database, OnceStatement, Tx } from './client.ts';
import { partitionStart } from './partitions.ts';

/** What of an SLO decides its series, and which of the copies kept of them still stand. */
export interface SeriesDefinition {
  readonly sloId: string;
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

// Hashed, so that a fleet whose past did not change answers with one short row.
const STATE = `
  SELECT count(*) || ':' || COALESCE(sum(hash_record_extended(ROW(s.id, s.service, s.sli, s.objectives, s.revisions,
      s.snapshots_until, s.first_data_at, s.history_version), 0)), 0) AS fingerprint,
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
  project: string;
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

/** The account's SLOs by project and name. */
export async function selectSeriesDefinitions(
  { client }: Tx,
  accountId: string,
): Promise<SeriesDefinition[]> {
  const { rows } = await client.query<DefinitionRow>({
    name: 'series-definitions',
    text: `SELECT s.id, s.project, s.name, s.service, s.budgeting_method, s.time_slice_seconds, s.sli, s.objectives,
             s.revisions, s.created_at, s.first_data_at, s.snapshots_until, s.history_version, s.history_marks
           FROM np_slos s WHERE s.source_account_id = $1 ORDER BY s.project, s.name`,
    values: [accountId],
  });
  return rows.map((row) => {
    const createdAtMs = row.created_at.getTime();
    const firstDataAtMs = row.first_data_at?.getTime() ?? null;
    return {
      sloId: row.id,
      project: row.project,
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
  });
}
