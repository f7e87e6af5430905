import { randomUUID } from 'node:crypto';
import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import { ServiceError } from '../lib/errors.ts';
import { adjustedStretches, type BudgetAdjustment } from '../slo/adjustment.ts';
import { parseAdjustment } from '../slo/adjustment-schema.ts';
import type { Slo } from '../slo/definition.ts';
import { reportTimeZone } from '../slo/window.ts';
import { announceChanges } from '../storage/changes.ts';
import type { Tx } from '../storage/client.ts';
import { markRecompute } from '../storage/composite-places.ts';
import { updateAdjustments } from '../storage/slos.ts';
import { assertMayDefine } from './authorize.ts';
import { saveStatuses } from './bring-up-to-date.ts';
import type { ServiceContext } from './context.ts';
import { lockSlo } from './find-slos.ts';
import { passOn } from './pass-on.ts';
import { refreshComposites } from './refresh-composites.ts';
import { rewriteSnapshots } from './rewrite-snapshots.ts';

const MAX_ADJUSTMENTS = 200;

/** Keeps the adjustments that an SLO is to have, and computes anew what `changed` touches. */
async function replaceAdjustments(
  tx: Tx,
  slo: Slo,
  adjustments: readonly BudgetAdjustment[],
  changed: BudgetAdjustment,
  nowMs: number,
): Promise<Slo> {
  const updated = await updateAdjustments(tx, slo, adjustments, nowMs);
  const { firstDataAtMs, lastDataAtMs, snapshotsUntilMs } = updated;
  const stretches =
    firstDataAtMs === null || lastDataAtMs === null
      ? []
      : adjustedStretches([changed], firstDataAtMs, lastDataAtMs + MINUTE_MS);
  const [first, last] = [stretches[0], stretches.at(-1)];
  if (first !== undefined && last !== undefined) {
    const resettle = { fromMs: first.fromMs, untilMs: last.toMs - MINUTE_MS };
    if (updated.sli.type === 'composite') {
      await markRecompute(tx, slo.accountId, new Map([[slo.id, first.fromMs]]));
      await refreshComposites(tx, slo.accountId, [slo.id], nowMs);
      return announceDefinition(tx, slo);
    }
    const atMs = floorTo(nowMs, MINUTE_MS);
    const rewritten = await rewriteSnapshots(
      tx,
      updated.objectives.map(({ name }) => ({
        slo: updated,
        objective: name,
        changes: [],
        resettle,
        // Where the window was empty without the minutes, no rows may stand yet.
        extendToMs: snapshotsUntilMs,
      })),
      atMs,
    );
    const historyFromMs = rewritten.touchedFrom.get(updated.id) ?? null;
    const data = { lastDataAtMs, snapshotsUntilMs, firstDataAtMs, historyFromMs };
    await saveStatuses(tx, [{ slo: updated, ...data }], nowMs, rewritten);
    await announceChanges(tx, [
      { accountId: slo.accountId, sloIds: [slo.id], kind: 'history', fromMs: first.fromMs },
    ]);
    await passOn(tx, [{ slo, fromMs: first.fromMs }], nowMs, { complete: true });
  }
  return announceDefinition(tx, slo);
}

async function announceDefinition(tx: Tx, { accountId, id }: Slo): Promise<Slo> {
  await announceChanges(tx, [{ accountId, sloIds: [id], kind: 'definition', fromMs: null }]);
  return lockSlo(tx, accountId, id);
}

/** What became of an adjustment, and the SLO as it is now. */
export interface AdjustedSlo {
  readonly adjustment: BudgetAdjustment;
  readonly slo: Slo;
}

/**
 * Takes minutes out of an SLO's budget, past or future, as if they never were, and computes anew every snapshot
 * that they touch. `not_found` for an unknown SLO, `invalid` with a detail per fault.
 */
export async function addBudgetAdjustment({
  ctx,
  input,
}: {
  ctx: ServiceContext;
  input: { readonly id: string; readonly body: unknown };
}): Promise<AdjustedSlo> {
  assertMayDefine(ctx);
  const { accountId } = ctx.actor;
  return ctx.db.tenant(accountId, async (tx) => {
    const slo = await lockSlo(tx, accountId, input.id);
    const nowMs = ctx.clock.now();
    const timeZone = reportTimeZone(slo.timeWindow);
    const adjustment = parseAdjustment(input.body, { id: randomUUID(), timeZone, nowMs });
    if (slo.adjustments.length >= MAX_ADJUSTMENTS) {
      throw new ServiceError('invalid', `An SLO has at most ${MAX_ADJUSTMENTS} adjustments.`);
    }
    const adjustments = [...slo.adjustments, adjustment];
    return { adjustment, slo: await replaceAdjustments(tx, slo, adjustments, adjustment, nowMs) };
  });
}

/** Puts back what an adjustment has taken out. `not_found` when the SLO has none of that id. */
export async function removeBudgetAdjustment({
  ctx,
  input,
}: {
  ctx: ServiceContext;
  input: { readonly id: string; readonly adjustmentId: string };
}): Promise<AdjustedSlo> {
  assertMayDefine(ctx);
  const { accountId } = ctx.actor;
  return ctx.db.tenant(accountId, async (tx) => {
    const slo = await lockSlo(tx, accountId, input.id);
    const adjustment = slo.adjustments.find(({ id }) => id === input.adjustmentId.toLowerCase());
    if (adjustment === undefined) {
      throw new ServiceError('not_found', 'The SLO has no such adjustment.');
    }
    const adjustments = slo.adjustments.filter((one) => one !== adjustment);
    return { adjustment, slo: await replaceAdjustments(tx, slo, adjustments, adjustment, ctx.clock.now()) };
  });
}
