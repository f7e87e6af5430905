import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { Slo, SloState } from '../slo/definition.ts';
import { type ObjectiveStatus, worstState } from '../slo/status.ts';
import { lastDataOf } from '../storage/series-columns.ts';
import { computeStatuses } from './compute-statuses.ts';
import type { ServiceContext } from './context.ts';

export interface SloStatus {
  /** The instant of the status: the end of the last minute that is complete. */
  readonly atMs: number;
  readonly state: SloState;
  readonly objectives: readonly (ObjectiveStatus & {
    /** Start of the newest minute with data that is complete at the instant. */
    readonly lastDataAtMs: number | null;
  })[];
}

/** The statuses of SLOs of the account, now or at a past instant, by the id of the SLO. */
export async function readStatuses({
  ctx,
  input,
}: {
  ctx: ServiceContext;
  input: { readonly slos: readonly Slo[]; readonly atMs?: number | undefined };
}): Promise<Map<string, SloStatus>> {
  // Targets are those in force at the very instant, sums those of the minutes complete by then.
  const tMs = input.atMs ?? ctx.clock.now();
  const atMs = floorTo(tMs, MINUTE_MS);
  const { accountId } = ctx.actor;
  return ctx.db.tenant(accountId, async (tx) => {
    const computed = await computeStatuses(tx, input.slos, tMs);
    const searches = input.slos.flatMap((slo) =>
      slo.lastDataAtMs === null
        ? []
        : (computed.get(slo.id) ?? []).map(({ objective }) => ({
            accountId,
            sloId: slo.id,
            objective,
            fromMs: Math.min(atMs, (slo.lastDataAtMs ?? 0) + MINUTE_MS),
          })),
    );
    const newest = await lastDataOf(tx, searches);
    let next = 0;
    return new Map(
      input.slos.map((slo) => {
        const objectives = (computed.get(slo.id) ?? []).map((status) => {
          if (slo.lastDataAtMs === null) return { ...status, lastDataAtMs: null };
          const lastDataAtMs = newest[next] ?? null;
          next += 1;
          return { ...status, lastDataAtMs };
        });
        return [slo.id, { atMs, state: worstState(objectives.map(({ state }) => state)), objectives }];
      }),
    );
  });
}
