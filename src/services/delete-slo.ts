import { announceChanges } from '../storage/changes.ts';
import { lockComposition } from '../storage/composite-places.ts';
import { removeSlo } from '../storage/slos.ts';
import { assertMayDefine } from './authorize.ts';
import { assertNoComponent } from './composition.ts';
import type { ServiceContext } from './context.ts';
import { lockSlo } from './find-slos.ts';

/**
 * Removes an SLO with its snapshots and reports; whoever was told that an alert of it fires is told of its end.
 * `not_found` when there is none, `conflict` when a composite is
 * made of it.
 */
export async function deleteSlo({
  ctx,
  input,
}: {
  ctx: ServiceContext;
  input: { readonly id: string };
}): Promise<{ id: string }> {
  assertMayDefine(ctx);
  const { accountId } = ctx.actor;
  const removed = await ctx.db.tenant(accountId, async (tx) => {
    await lockComposition(tx, accountId);
    const slo = await lockSlo(tx, accountId, input.id);
    await assertNoComponent(tx, slo, null);
    await removeSlo(tx, slo);
    await announceChanges(tx, [{ accountId, sloIds: [slo.id], kind: 'definition', fromMs: null }]);
    return slo;
  });
  ctx.onSloRemoved(removed);
  return { id: removed.id };
}
