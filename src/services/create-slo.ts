import type { Slo } from '../slo/definition.ts';
import { parseSloInput } from '../slo/definition-schema.ts';
import { firstPull } from '../slo/pull.ts';
import { announceChanges } from '../storage/changes.ts';
import { insertSlo } from '../storage/slos.ts';
import { assertMayDefine } from './authorize.ts';
import { resolveComposition, saveLevels } from './composition.ts';
import type { ServiceContext } from './context.ts';
import { lockSlo } from './find-slos.ts';
import { refreshComposites } from './refresh-composites.ts';
import { assertSourceIsOpen } from './source-access.ts';

/**
 * Defines an SLO out of its wire form (`POST /api/v1/slos`). Throws `invalid` with a detail per fault, and
 * `conflict` when the project has that name.
 */
export async function createSlo({ ctx, input }: { ctx: ServiceContext; input: unknown }): Promise<Slo> {
  assertMayDefine(ctx);
  const definition = parseSloInput(input);
  assertSourceIsOpen(ctx, definition.sli);
  const nowMs = ctx.clock.now();
  const { timeWindow, objectives } = definition;
  const { accountId } = ctx.actor;
  return ctx.db.tenant(accountId, async (tx) => {
    const composite = await resolveComposition(tx, accountId, definition);
    const body = { timeWindow, objectives, ...(composite === null ? {} : { composite }) };
    const revisions = [{ fromMs: nowMs, ...body }];
    const pull = firstPull(definition, nowMs, ctx.retentionMs);
    const slo = await insertSlo(tx, accountId, definition, revisions, pull, nowMs);
    await announceChanges(tx, [{ accountId, sloIds: [slo.id], kind: 'definition', fromMs: null }]);
    if (composite === null) return slo;
    await saveLevels(tx, accountId, slo);
    // It has the history of its components.
    await refreshComposites(tx, accountId, [slo.id], nowMs);
    return lockSlo(tx, accountId, slo.id);
  });
}
