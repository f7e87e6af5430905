import { and, asc, count, desc, eq, ilike, inArray, or, type SQL, sql } from 'drizzle-orm';
import { ServiceError } from '../lib/errors.ts';
import type { BudgetAdjustment } from '../slo/adjustment.ts';
import type { DefinitionRevision, Slo, SloDefinition, SloState, TimeWindow } from '../slo/definition.ts';
import type { PullState } from '../slo/pull-state.ts';
import type { Tx } from './client.ts';
import type { SloVersion } from './kept-slos.ts';
import { npSlos } from './schema.ts';
import { definitionColumns, pullColumns, sloOf } from './slo-rows.ts';
import { ROW_VERSION, slosOfVersions } from './slo-versions.ts';
import { removeSnapshots } from './snapshot-rows.ts';

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

/** Removes an SLO with its snapshots and reports. Its row must be locked. */
export async function removeSlo(tx: Tx, slo: Slo): Promise<void> {
  await removeSnapshots(tx, slo.accountId, slo.id);
  await tx.orm.delete(npSlos).where(and(eq(npSlos.sourceAccountId, slo.accountId), eq(npSlos.id, slo.id)));
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

/** The time windows in use, over all accounts: those of each account once. */
export async function selectWindows({ orm }: Tx): Promise<TimeWindow[]> {
  const rows = await orm
    .selectDistinct({ accountId: npSlos.sourceAccountId, timeWindow: npSlos.timeWindow })
    .from(npSlos);
  return rows.map(({ timeWindow }) => timeWindow);
}
