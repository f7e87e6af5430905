import { isDeepStrictEqual } from 'node:util';
import { floorTo, HOUR_MS, MINUTE_MS } from '../lib/duration.ts';
import { type ErrorDetail, ServiceError } from '../lib/errors.ts';
import type { DefinitionRevision, Sli, Slo, SloDefinition } from '../slo/definition.ts';
import { applySloPatch } from '../slo/definition-schema.ts';
import { pullOfNewSource } from '../slo/pull.ts';
import { revisionAt } from '../slo/revision.ts';
import { announceChanges } from '../storage/changes.ts';
import { lockComposition, markRecompute } from '../storage/composite-places.ts';
import { restartPull, updateSloDefinition } from '../storage/slos.ts';
import { slosByReference } from '../storage/slos-by-reference.ts';
import { removeSnapshots } from '../storage/snapshot-rows.ts';
import { assertMayDefine } from './authorize.ts';
import { saveStatuses } from './bring-up-to-date.ts';
import { assertNoComponent, type RevisionBody, resolveComposition, saveLevels } from './composition.ts';
import type { ServiceContext } from './context.ts';
import { lockSlo } from './find-slos.ts';
import { passOn } from './pass-on.ts';
import { refreshComposites } from './refresh-composites.ts';
import { rewriteSnapshots } from './rewrite-snapshots.ts';
import { assertSourceIsOpen } from './source-access.ts';

/** What must stay once there is data, since it decides how the totals were counted. */
function assertCountsTheSame(slo: Slo, next: SloDefinition): void {
  if (slo.lastDataAtMs === null) return;
  const details: ErrorDetail[] = [];
  if (next.budgetingMethod !== slo.budgetingMethod) {
    details.push({ path: 'budgeting_method', message: 'cannot change once there is data' });
  } else if (next.sliceMs !== slo.sliceMs) {
    details.push({ path: 'time_slice_window', message: 'cannot change once there is data' });
  }
  if (next.sli.type === 'ratio' && slo.sli.type === 'ratio') {
    for (const field of ['incremental', 'alignment'] as const) {
      if (next.sli[field] !== slo.sli[field]) {
        details.push({ path: `sli.${field}`, message: 'cannot change once there is data' });
      }
    }
  }
  if (details.length > 0)
    throw new ServiceError('invalid', 'The change is not possible any more.', { details });
}

const sourceOf = (sli: Sli) => (sli.type === 'composite' ? null : sli.source);

/** The history with what is now in force; the past keeps its targets and windows. */
function revised(slo: Slo, body: RevisionBody, nowMs: number): readonly DefinitionRevision[] {
  const { fromMs: _, ...inForce } = revisionAt(slo.revisions, Number.POSITIVE_INFINITY);
  if (isDeepStrictEqual(body, inForce)) return slo.revisions;
  const revision = { fromMs: nowMs, ...body };
  // Nothing was ever judged by what an SLO without data said before.
  if (slo.lastDataAtMs === null) return [{ ...revision, fromMs: slo.createdAtMs }];
  return [...slo.revisions.filter(({ fromMs }) => fromMs < nowMs), revision];
}

/**
 * Changes a definition by a JSON merge patch in wire form. Statuses from now on use it; those of the past
 * keep the targets and windows that were in force. An objective that is removed takes its snapshots along.
 */
export async function updateSlo({
  ctx,
  input,
}: {
  ctx: ServiceContext;
  input: { readonly id: string; readonly patch: unknown };
}): Promise<Slo> {
  assertMayDefine(ctx);
  const { accountId } = ctx.actor;
  return ctx.db.tenant(accountId, async (tx) => {
    await lockComposition(tx, accountId);
    const [known] = await slosByReference(tx, accountId, [input.id]);
    // Components are locked before what they are part of.
    const composite =
      known?.sli.type === 'composite'
        ? await resolveComposition(tx, accountId, applySloPatch(known, input.patch))
        : null;
    const slo = await lockSlo(tx, accountId, input.id);
    const next = applySloPatch(slo, input.patch);
    assertCountsTheSame(slo, next);
    const nowMs = ctx.clock.now();
    const isNewSource = !isDeepStrictEqual(sourceOf(next.sli), sourceOf(slo.sli));
    // A source that the operator has withdrawn since must not stand in the way of other changes.
    if (isNewSource) assertSourceIsOpen(ctx, next.sli);
    const removed = slo.objectives
      .map(({ name }) => name)
      .filter((name) => !next.objectives.some((kept) => kept.name === name));
    if (removed.length > 0) {
      await assertNoComponent(tx, slo, removed);
      await removeSnapshots(tx, accountId, slo.id, removed);
    }
    if (isNewSource) await restartPull(tx, slo, pullOfNewSource(slo.pull, next, nowMs));
    const { timeWindow, objectives } = next;
    const body = { timeWindow, objectives, ...(composite === null ? {} : { composite }) };
    const updated = await updateSloDefinition(tx, slo, next, revised(slo, body, nowMs), nowMs);
    // What composites make of its budgets and slices may change from now on.
    const fromMs = floorTo(nowMs, HOUR_MS);
    if (composite !== null) {
      await saveLevels(tx, accountId, updated);
      await markRecompute(tx, accountId, new Map([[updated.id, fromMs]]));
      await refreshComposites(tx, accountId, [updated.id], nowMs);
      await announceChanges(tx, [{ accountId, sloIds: [slo.id], kind: 'definition', fromMs: null }]);
      return await lockSlo(tx, accountId, updated.id);
    }
    const { judged, touchedFrom } = await rewriteSnapshots(
      tx,
      // Points of the next minutes may have come in already, and were judged by the old rules.
      updated.objectives.map(({ name }) => ({
        slo: updated,
        objective: name,
        changes: [],
        extendToMs: null,
        anewFromMs: Math.ceil(nowMs / MINUTE_MS) * MINUTE_MS,
      })),
      nowMs,
    );
    const { lastDataAtMs, snapshotsUntilMs, firstDataAtMs } = updated;
    // The snapshots of an objective that is removed go, however old they are.
    const historyFromMs = removed.length > 0 ? 0 : (touchedFrom.get(updated.id) ?? null);
    await saveStatuses(
      tx,
      [{ slo: updated, lastDataAtMs, snapshotsUntilMs, firstDataAtMs, historyFromMs }],
      nowMs,
      // By the targets of now, which those of the minutes to come need not be.
      { statuses: new Map(), judged },
    );
    await announceChanges(tx, [{ accountId, sloIds: [slo.id], kind: 'definition', fromMs: null }]);
    await passOn(tx, [{ slo: updated, fromMs }], nowMs, { complete: true });
    return await lockSlo(tx, accountId, updated.id);
  });
}
