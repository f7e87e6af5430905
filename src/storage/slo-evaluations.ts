import { and, asc, type SQL, sql } from 'drizzle-orm';
import { type AlertMessage, nextDueMs } from '../slo/alert-message.ts';
import type { AlertStates } from '../slo/alert-state.ts';
import type { Slo, SloState } from '../slo/definition.ts';
import { encodeMarks, markChange } from '../slo/history-marks.ts';
import { behindSql } from './behind.ts';
import type { Tx } from './client.ts';
import { inShards } from './in-shards.ts';
import { npSlos } from './schema.ts';
import { instantOrNull, sloOf } from './slo-rows.ts';

/** Those that a stream is filling up are left to it. */
const isBehind = (atMs: number): SQL => sql.raw(behindSql(`'${new Date(atMs).toISOString()}'::timestamptz`));

/** An SLO that is behind, and how many rows it may take to bring it up to date. */
export interface SloBehind {
  readonly accountId: string;
  readonly id: string;
  readonly rows: number;
}

/** The next SLOs that are behind the instant: of all accounts, or of those in the given virtual shards. Locks none. */
export async function selectSlosBehind(
  { orm }: Tx,
  atMs: number,
  limit: number,
  shards: readonly number[] | null = null,
): Promise<SloBehind[]> {
  const { sourceAccountId, id, snapshotsUntil, recomputeFrom, objectiveNames } = npSlos;
  // LEAST leaves out what is null.
  const minutes = sql`extract(epoch FROM ${new Date(atMs)}::timestamptz - LEAST(${snapshotsUntil}, ${recomputeFrom})) / 60`;
  return orm
    .select({
      accountId: sourceAccountId,
      id,
      rows: sql<number>`(cardinality(${objectiveNames}) * GREATEST(1, COALESCE(${minutes}, 1)))::float8`,
    })
    .from(npSlos)
    .where(and(inShards(shards), isBehind(atMs)))
    .orderBy(asc(sourceAccountId), asc(npSlos.level), asc(id))
    .limit(limit);
}

/** Of some SLOs those that are still behind the instant, and in the shards, locked against writers. */
export async function lockSlosBehind(
  { orm }: Tx,
  atMs: number,
  some: readonly Pick<SloBehind, 'accountId' | 'id'>[],
  shards: readonly number[] | null = null,
): Promise<Slo[]> {
  const accounts = some.map(({ accountId }) => accountId);
  const ids = some.map(({ id }) => id);
  const rows = await orm
    .select()
    .from(npSlos)
    .where(
      and(
        inShards(shards),
        sql`(${npSlos.sourceAccountId}, ${npSlos.id}) IN
          (SELECT * FROM unnest(${sql.param(accounts)}::text[], ${sql.param(ids)}::uuid[]))`,
        isBehind(atMs),
      ),
    )
    .orderBy(asc(npSlos.sourceAccountId), asc(npSlos.level), asc(npSlos.id))
    .for('no key update', { of: npSlos });
  return rows.map(sloOf);
}

/** What an evaluation found out about an SLO. */
export interface SloEvaluation {
  readonly slo: Slo;
  readonly state: SloState;
  readonly reliability: number | null;
  readonly budget: number | null;
  readonly burnRate: number | null;
  readonly evaluatedAtMs: number;
  readonly lastDataAtMs: number | null;
  readonly snapshotsUntilMs: number | null;
  readonly firstDataAtMs: number | null;
  /** The earliest snapshot up to the SLO's old `snapshotsUntilMs` that was touched; null for none. */
  readonly historyFromMs: number | null;
  readonly alerts: EvaluatedAlerts;
}

/** What is to be kept of the alerts; null for what stays as it is. */
export interface EvaluatedAlerts {
  readonly states: AlertStates | null;
  readonly outbox: readonly AlertMessage[] | null;
  /** When they may change next by the mere passing of time; null for never. */
  readonly changeAtMs: number | null;
}

/** Brings the status columns and the alerts up to date, in one statement. */
export async function saveEvaluations({ client }: Tx, evaluations: readonly SloEvaluation[]): Promise<void> {
  if (evaluations.length === 0) return;
  await client.query(
    `UPDATE np_slos s SET state = n.state, reliability = n.reliability, budget = n.budget,
       burn_rate = n.burn_rate, evaluated_at = n.evaluated_at, last_data_at = n.last_data_at,
       snapshots_until = n.snapshots_until, first_data_at = n.first_data_at,
       history_version = s.history_version + (n.history_marks IS NOT NULL)::int,
       history_marks = COALESCE(n.history_marks::int[], s.history_marks),
       alerts = COALESCE(n.alerts, s.alerts), alert_outbox = COALESCE(n.outbox, s.alert_outbox),
       alert_due_at = CASE WHEN n.outbox IS NULL THEN s.alert_due_at ELSE n.outbox_due_at END,
       alerts_change_at = n.alerts_change_at
     FROM unnest($1::text[], $2::uuid[], $3::np_slo_state[], $4::float8[], $5::float8[], $6::float8[],
       $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::text[],
       $12::jsonb[], $13::jsonb[], $14::timestamptz[], $15::timestamptz[])
       AS n(account, id, state, reliability, budget, burn_rate, evaluated_at, last_data_at, snapshots_until,
         first_data_at, history_marks, alerts, outbox, outbox_due_at, alerts_change_at)
     WHERE s.source_account_id = n.account AND s.id = n.id`,
    [
      evaluations.map(({ slo }) => slo.accountId),
      evaluations.map(({ slo }) => slo.id),
      evaluations.map((evaluation) => evaluation.state),
      evaluations.map((evaluation) => evaluation.reliability),
      evaluations.map((evaluation) => evaluation.budget),
      evaluations.map((evaluation) => evaluation.burnRate),
      evaluations.map((evaluation) => new Date(evaluation.evaluatedAtMs)),
      evaluations.map((evaluation) => instantOrNull(evaluation.lastDataAtMs)),
      evaluations.map((evaluation) => instantOrNull(evaluation.snapshotsUntilMs)),
      evaluations.map((evaluation) => instantOrNull(evaluation.firstDataAtMs)),
      // Nobody else marks meanwhile: the SLO's row is locked.
      evaluations.map(({ slo, historyFromMs }) =>
        historyFromMs === null
          ? null
          : `{${encodeMarks(markChange(slo.historyMarks, historyFromMs)).join(',')}}`,
      ),
      evaluations.map(({ alerts }) => (alerts.states === null ? null : JSON.stringify(alerts.states))),
      evaluations.map(({ alerts }) => (alerts.outbox === null ? null : JSON.stringify(alerts.outbox))),
      evaluations.map(({ alerts }) => instantOrNull(nextDueMs(alerts.outbox ?? []))),
      evaluations.map(({ alerts }) => instantOrNull(alerts.changeAtMs)),
    ],
  );
}
