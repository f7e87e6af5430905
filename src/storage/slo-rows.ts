import type { DefinitionRevision, Slo, SloDefinition } from '../slo/definition.ts';
import { decodeMarks } from '../slo/history-marks.ts';
import type { PullState } from '../slo/pull-state.ts';
import type { npSlos } from './schema.ts';

export type SloRow = typeof npSlos.$inferSelect;

/** A row as the domain knows it. */
export function sloOf(row: SloRow): Slo {
  return {
    id: row.id,
    accountId: row.sourceAccountId,
    project: row.project,
    name: row.name,
    displayName: row.displayName,
    description: row.description,
    service: row.service,
    labels: row.labels,
    budgetingMethod: row.budgetingMethod,
    sliceMs: row.timeSliceSeconds * 1000,
    timeWindow: row.timeWindow,
    sli: row.sli,
    objectives: row.objectives,
    alertPolicy: row.alertPolicy,
    revisions: row.revisions,
    adjustments: row.adjustments,
    alerts: row.alerts,
    alertOutbox: row.alertOutbox,
    level: row.level,
    recomputeFromMs: row.recomputeFrom?.getTime() ?? null,
    createdAtMs: row.createdAt.getTime(),
    updatedAtMs: row.updatedAt.getTime(),
    state: row.state,
    evaluatedAtMs: row.evaluatedAt?.getTime() ?? null,
    lastDataAtMs: row.lastDataAt?.getTime() ?? null,
    snapshotsUntilMs: row.snapshotsUntil?.getTime() ?? null,
    firstDataAtMs: row.firstDataAt?.getTime() ?? null,
    historyMarks: decodeMarks(row.historyMarks),
    pull: pullOf(row),
    backfill: row.backfill,
  };
}

/** How far the source was read; null without one to read. */
export function pullOf(
  row: Pick<SloRow, 'pullFrom' | 'pulledUntil' | 'lastPulledAt' | 'lastError' | 'pulledRecent'>,
): PullState | null {
  if (row.pullFrom === null || row.pulledUntil === null) return null;
  return {
    fromMs: row.pullFrom.getTime(),
    untilMs: row.pulledUntil.getTime(),
    lastPulledAtMs: row.lastPulledAt?.getTime() ?? null,
    lastError: row.lastError,
    recent: row.pulledRecent ?? {},
  };
}

export const instantOrNull = (ms: number | null | undefined): Date | null =>
  ms === null || ms === undefined ? null : new Date(ms);

/** The columns that hold how far the source was read. */
export const pullColumns = (pull: PullState | null) => ({
  pullFrom: instantOrNull(pull?.fromMs),
  pulledUntil: instantOrNull(pull?.untilMs),
  lastPulledAt: instantOrNull(pull?.lastPulledAtMs),
  lastError: pull?.lastError ?? null,
  pulledRecent: pull === null ? null : { ...pull.recent },
});

/** The columns that hold a definition. */
export const definitionColumns = (definition: SloDefinition, revisions: readonly DefinitionRevision[]) => ({
  project: definition.project,
  name: definition.name,
  displayName: definition.displayName,
  description: definition.description,
  service: definition.service,
  labels: { ...definition.labels },
  budgetingMethod: definition.budgetingMethod,
  timeSliceSeconds: definition.sliceMs / 1000,
  timeWindow: definition.timeWindow,
  sli: definition.sli,
  objectives: [...definition.objectives],
  objectiveNames: definition.objectives.map(({ name }) => name),
  shownObjective: definition.objectives.find(({ primary }) => primary)?.name ?? null,
  alertPolicy: definition.alertPolicy,
  revisions: [...revisions],
  componentIds: [
    ...new Set(revisions.flatMap(({ composite }) => composite?.components.map(({ sloId }) => sloId) ?? [])),
  ],
});
