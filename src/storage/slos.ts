import { and, asc, count, desc, eq, ilike, inArray, or, type SQL, sql } from 'drizzle-orm';
import { HOUR_MS, MINUTE_MS } from '../lib/duration.ts';
import { ServiceError } from '../lib/errors.ts';
import type { BudgetAdjustment } from '../slo/adjustment.ts';
import { type AlertMessage, nextDueMs } from '../slo/alert-message.ts';
import type { AlertStates } from '../slo/alert-state.ts';
import type { DefinitionRevision, Slo, SloDefinition, SloState, TimeWindow } from '../slo/definition.ts';
import { encodeMarks, markChange } from '../slo/history-marks.ts';
import type { PullState } from '../slo/pull-state.ts';
import type { Tx } from './client.ts';
import type { SloVersion } from './kept-slos.ts';
import { npSlos } from './schema.ts';
import { shardSql } from './shard-share.ts';
import { parseReference, referenceKey, type SloReference } from './slo-reference.ts';
import { definitionColumns, instantOrNull, pullColumns, sloOf } from './slo-rows.ts';
import { ROW_VERSION, slosOfVersions } from './slo-versions.ts';
import { removeSnapshots } from './snapshot-rows.ts';

/** First half of an advisory lock's key; nothing else in the database uses it. */
const COMPOSITION_LOCK = 383_500_103;

/** Keeps a new SLO. `conflict` when its project has that name. */
export async function insertSlo(
  { orm }: Tx,
  accountId: string,
  definition: SloDefinition,
  revisions: readonly DefinitionRevision[],
  pull: PullState | null,
  nowMs: number,
): Promise<Slo> {
  const now = new Date(nowMs);
  const [row] = await orm
    .insert(npSlos)
    .values({
      sourceAccountId: accountId,
      ...definitionColumns(definition, revisions),
      ...pullColumns(pull),
      // Missing data counts from now on; whatever else is asked for has to wait for data.
      alertsChangeAt: definition.alertPolicy.conditions === 'default' ? null : now,
      createdAt: now,
      updatedAt: now,
    })
    .onConflictDoNothing({ target: [npSlos.sourceAccountId, npSlos.project, npSlos.name] })
    .returning();
  if (row === undefined) {
    throw new ServiceError(
      'conflict',
      `The project ${definition.project} already has an SLO named ${definition.name}.`,
      { details: [{ path: 'name', message: 'is taken in this project' }] },
    );
  }
  return sloOf(row);
}

/** Keeps where the reading of the SLO's source begins anew; a backfill of the old one ends. */
export async function restartPull({ orm }: Tx, slo: Slo, pull: PullState | null): Promise<void> {
  await orm
    .update(npSlos)
    .set({ ...pullColumns(pull), backfill: null })
    .where(and(eq(npSlos.sourceAccountId, slo.accountId), eq(npSlos.id, slo.id)));
}

/** Keeps a changed definition with its history. */
export async function updateSloDefinition(
  { orm }: Tx,
  slo: Slo,
  definition: SloDefinition,
  revisions: readonly DefinitionRevision[],
  nowMs: number,
): Promise<Slo> {
  const [row] = await orm
    .update(npSlos)
    .set({ ...definitionColumns(definition, revisions), updatedAt: new Date(nowMs) })
    .where(and(eq(npSlos.sourceAccountId, slo.accountId), eq(npSlos.id, slo.id)))
    .returning();
  if (row === undefined) throw new ServiceError('not_found', 'There is no such SLO.');
  return sloOf(row);
}

/** Keeps the adjustments of an SLO. Its row must be locked. */
export async function updateAdjustments(
  { orm }: Tx,
  slo: Slo,
  adjustments: readonly BudgetAdjustment[],
  nowMs: number,
): Promise<Slo> {
  const [row] = await orm
    .update(npSlos)
    .set({ adjustments: [...adjustments], updatedAt: new Date(nowMs) })
    .where(and(eq(npSlos.sourceAccountId, slo.accountId), eq(npSlos.id, slo.id)))
    .returning();
  if (row === undefined) throw new ServiceError('not_found', 'There is no such SLO.');
  return sloOf(row);
}

/** Where composites stand in the order of locks, and what they are or were made of. */
export interface CompositePlace {
  readonly id: string;
  readonly level: number;
  readonly componentIds: readonly string[];
}

/** The account's composites, those of components first. */
export async function selectComposites({ orm }: Tx, accountId: string): Promise<CompositePlace[]> {
  return orm
    .select({ id: npSlos.id, level: npSlos.level, componentIds: npSlos.componentIds })
    .from(npSlos)
    .where(and(eq(npSlos.sourceAccountId, accountId), sql`${npSlos.level} > 0`))
    .orderBy(asc(npSlos.level), asc(npSlos.id));
}

/** Keeps a composite's place in the order of locks. */
export async function saveLevel({ orm }: Tx, accountId: string, id: string, level: number): Promise<void> {
  await orm
    .update(npSlos)
    .set({ level })
    .where(and(eq(npSlos.sourceAccountId, accountId), eq(npSlos.id, id)));
}

/**
 * Marks, from when on the minutes of composites are to be computed anew, in the order of locks. The mark lasts
 * until `clearRecompute`, so that the work is not lost with the one who had to do it.
 */
export async function markRecompute(
  { orm, client }: Tx,
  accountId: string,
  marks: ReadonlyMap<string, number>,
): Promise<void> {
  if (marks.size === 0) return;
  const ids = [...marks.keys()];
  await orm
    .select({ id: npSlos.id })
    .from(npSlos)
    .where(and(eq(npSlos.sourceAccountId, accountId), inArray(npSlos.id, ids)))
    .orderBy(asc(npSlos.level), asc(npSlos.id))
    .for('no key update');
  await client.query(
    `UPDATE np_slos s SET recompute_from = LEAST(s.recompute_from, n.from_at)
     FROM unnest($2::uuid[], $3::timestamptz[]) AS n(id, from_at)
     WHERE s.source_account_id = $1 AND s.id = n.id`,
    [accountId, ids, [...marks.values()].map((ms) => new Date(ms))],
  );
}

/** Takes the mark off an SLO whose row is locked. */
export async function clearRecompute({ orm }: Tx, accountId: string, id: string): Promise<void> {
  await orm
    .update(npSlos)
    .set({ recomputeFrom: null })
    .where(and(eq(npSlos.sourceAccountId, accountId), eq(npSlos.id, id)));
}

/** The account's composites that are marked, by the order of locks. */
export async function selectMarked({ orm }: Tx, accountId: string): Promise<string[]> {
  const rows = await orm
    .select({ id: npSlos.id })
    .from(npSlos)
    .where(
      and(
        eq(npSlos.sourceAccountId, accountId),
        sql`${npSlos.level} > 0`,
        sql`${npSlos.recomputeFrom} IS NOT NULL`,
      ),
    )
    .orderBy(asc(npSlos.level), asc(npSlos.id));
  return rows.map(({ id }) => id);
}

/** Definitions that name each other change one at a time in an account. */
export async function lockComposition({ client }: Tx, accountId: string): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [COMPOSITION_LOCK, accountId]);
}

/** Removes an SLO with its snapshots and reports. Its row must be locked. */
export async function removeSlo(tx: Tx, slo: Slo): Promise<void> {
  await removeSnapshots(tx, slo.accountId, slo.id);
  await tx.orm.delete(npSlos).where(and(eq(npSlos.sourceAccountId, slo.accountId), eq(npSlos.id, slo.id)));
}

/** The account's SLOs that the references name, each a UUID or `project.name`; null where there is none. */
export async function slosByReference(
  tx: Tx,
  accountId: string,
  texts: readonly string[],
  { lock = false }: { lock?: boolean } = {},
): Promise<(Slo | null)[]> {
  const refs = texts.map(parseReference);
  const wanted = partsOf(refs);
  const slos = lock
    ? await lockReferredTo(tx, accountId, wanted)
    : await slosOfVersions(tx, accountId, await versionsReferredTo(tx, accountId, wanted));
  const byRef = new Map<string, Slo>();
  for (const slo of slos) {
    byRef.set(slo.id, slo);
    byRef.set(referenceKey({ project: slo.project, name: slo.name }), slo);
  }
  return refs.map((ref) => (ref === null ? null : (byRef.get(referenceKey(ref)) ?? null)));
}

interface ReferenceParts {
  readonly ids: string[];
  readonly projects: string[];
  readonly names: string[];
}

function partsOf(refs: readonly (SloReference | null)[]): ReferenceParts {
  const parts: ReferenceParts = { ids: [], projects: [], names: [] };
  for (const ref of refs) {
    if (ref === null) continue;
    if ('id' in ref) {
      parts.ids.push(ref.id);
    } else {
      parts.projects.push(ref.project);
      parts.names.push(ref.name);
    }
  }
  return parts;
}

async function lockReferredTo(
  { orm }: Tx,
  accountId: string,
  { ids, projects, names }: ReferenceParts,
): Promise<Slo[]> {
  const byName = sql`(${npSlos.project}, ${npSlos.name}) IN (SELECT * FROM unnest(${sql.param(projects)}::text[], ${sql.param(names)}::text[]))`;
  const rows = await orm
    .select()
    .from(npSlos)
    .where(
      and(
        eq(npSlos.sourceAccountId, accountId),
        or(sql`${npSlos.id} = ANY(${sql.param(ids)}::uuid[])`, names.length > 0 ? byName : undefined),
      ),
    )
    // Whoever locks several rows does it in this order, components before what they are part of.
    .orderBy(asc(npSlos.level), asc(npSlos.id))
    .for('no key update');
  return rows.map(sloOf);
}

/** Two statements and not one: an OR of two keys would be looked for in the whole account. */
async function versionsReferredTo(
  { client }: Tx,
  accountId: string,
  { ids, projects, names }: ReferenceParts,
): Promise<SloVersion[]> {
  const versions: SloVersion[] = [];
  if (ids.length > 0) {
    const byId = await client.query<SloVersion>({
      name: 'slo-versions-by-id',
      text: `SELECT id, ${ROW_VERSION} AS version FROM np_slos WHERE source_account_id = $1 AND id = ANY ($2::uuid[])`,
      values: [accountId, ids],
    });
    versions.push(...byId.rows);
  }
  if (names.length > 0) {
    const byName = await client.query<SloVersion>({
      name: 'slo-versions-by-name',
      text: `SELECT np_slos.id, ${ROW_VERSION} AS version
             FROM (SELECT DISTINCT * FROM unnest($2::text[], $3::text[]) AS n(project, name)) n
             JOIN np_slos ON np_slos.source_account_id = $1 AND np_slos.project = n.project AND np_slos.name = n.name`,
      values: [accountId, projects, names],
    });
    versions.push(...byName.rows);
  }
  return versions;
}

const SORTS = {
  name: [npSlos.name, npSlos.project],
  project: [npSlos.project, npSlos.name],
  created_at: [npSlos.createdAt],
  updated_at: [npSlos.updatedAt],
  budget: [npSlos.budget],
  state: [npSlos.state],
} as const;

export type SloSort = keyof typeof SORTS;

export interface SloFilter {
  readonly project?: string | undefined;
  readonly service?: string | undefined;
  readonly state?: SloState | undefined;
  /** All of them must be there. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Part of the name or the display name. */
  readonly q?: string | undefined;
  readonly ids?: readonly string[] | undefined;
}

export interface SloPage {
  readonly limit: number;
  readonly offset: number;
  readonly sort: SloSort;
  readonly descending: boolean;
}

const matching = (text: string): string => `%${text.replaceAll(/[\\%_]/g, (wild) => `\\${wild}`)}%`;

function filtered(accountId: string, filter: SloFilter): SQL | undefined {
  const { project, service, state, labels, q, ids } = filter;
  return and(
    eq(npSlos.sourceAccountId, accountId),
    project === undefined ? undefined : eq(npSlos.project, project),
    service === undefined ? undefined : eq(npSlos.service, service),
    state === undefined ? undefined : eq(npSlos.state, state),
    labels === undefined ? undefined : sql`${npSlos.labels} @> ${JSON.stringify(labels)}::jsonb`,
    q === undefined ? undefined : or(ilike(npSlos.name, matching(q)), ilike(npSlos.displayName, matching(q))),
    ids === undefined ? undefined : inArray(npSlos.id, [...ids]),
  );
}

/** One page of the account's SLOs, and how many match in all. */
export async function selectSlos(
  tx: Tx,
  accountId: string,
  filter: SloFilter,
  page: SloPage,
): Promise<{ items: Slo[]; total: number }> {
  const where = filtered(accountId, filter);
  const order = SORTS[page.sort].map((column) => (page.descending ? desc(column) : asc(column)));
  const listed = tx.orm
    .select({ row: sql<string>`${npSlos.id} || ${sql.raw(ROW_VERSION)}`.as('row') })
    .from(npSlos)
    .where(where)
    .orderBy(...order, asc(npSlos.id))
    .limit(page.limit)
    .offset(page.offset)
    .as('listed');
  const counted = tx.orm.select({ total: count() }).from(npSlos).where(where);
  // All in one text: a thousand rows of two values took the driver five times as long.
  const [found] = await tx.orm
    .select({
      rows: sql<string | null>`string_agg(${listed.row}, ' ')`,
      total: sql<number>`(${counted})`.mapWith(Number),
    })
    .from(listed);
  const versions = found?.rows?.split(' ').map(versionOf) ?? [];
  return { items: await slosOfVersions(tx, accountId, versions), total: found?.total ?? 0 };
}

const UUID_LENGTH = 36;

const versionOf = (row: string): SloVersion => ({
  id: row.slice(0, UUID_LENGTH),
  version: row.slice(UUID_LENGTH),
});

/** All of the account's SLOs that match, by project and name. */
export async function selectAllSlos({ orm }: Tx, accountId: string, filter: SloFilter): Promise<Slo[]> {
  const rows = await orm
    .select()
    .from(npSlos)
    .where(filtered(accountId, filter))
    .orderBy(asc(npSlos.project), asc(npSlos.name));
  return rows.map(sloOf);
}

/** A stream whose newest data is older than this fills up the past. */
const FILLING_BEHIND_MS = HOUR_MS;

/**
 * Whether a stream is filling up the SLO's past: its status was written in this minute or the one before, and
 * neither its data nor its snapshots reach to near there. Completed now, its snapshots up to the present would be
 * written anew with every later part of the stream. The stream completes them at its end; where it was killed they
 * are due in the second minute after.
 */
const isBeingFilled = (atMs: number): SQL =>
  sql`(${npSlos.evaluatedAt} >= ${new Date(atMs - MINUTE_MS)}
    AND ${npSlos.snapshotsUntil} < ${npSlos.evaluatedAt}
    AND ${npSlos.lastDataAt} < ${new Date(atMs - FILLING_BEHIND_MS)}
    AND ${npSlos.recomputeFrom} IS NULL)`;

/**
 * The next SLOs whose status is older than the instant, locked against writers: of all accounts, or of those in
 * the given virtual shards. Those that a stream is filling up are left to it.
 */
export async function lockSlosBehind(
  { orm }: Tx,
  atMs: number,
  limit: number,
  shards: readonly number[] | null = null,
): Promise<Slo[]> {
  const rows = await orm
    .select()
    .from(npSlos)
    .where(
      and(
        shards === null
          ? undefined
          : sql`${sql.raw(shardSql('np_slos.source_account_id'))} = ANY(${sql.param([...shards])}::int[])`,
        or(
          sql`${npSlos.evaluatedAt} IS NULL`,
          sql`${npSlos.evaluatedAt} < ${new Date(atMs)}`,
          sql`${npSlos.snapshotsUntil} < ${new Date(atMs)}`,
          sql`${npSlos.recomputeFrom} IS NOT NULL`,
        ),
        sql`${isBeingFilled(atMs)} IS NOT TRUE`,
      ),
    )
    .orderBy(asc(npSlos.sourceAccountId), asc(npSlos.level), asc(npSlos.id))
    .limit(limit)
    .for('no key update');
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

/** The time windows in use, over all accounts: those of each account once. */
export async function selectWindows({ orm }: Tx): Promise<TimeWindow[]> {
  const rows = await orm
    .selectDistinct({ accountId: npSlos.sourceAccountId, timeWindow: npSlos.timeWindow })
    .from(npSlos);
  return rows.map(({ timeWindow }) => timeWindow);
}
