import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { Slo, SloState } from '../slo/definition.ts';
import { type ObjectiveStatus, worstState } from '../slo/status.ts';
import type { Tx } from '../storage/client.ts';
import { type DataSearch, lastDataOf } from '../storage/series-columns.ts';
import { computeStatusesWithData, type StatusWithData } from './compute-statuses.ts';
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
    const computed = await computeStatusesWithData(tx, input.slos, tMs);
    const newestData = await findNewestData(tx, input.slos, computed, atMs);
    return new Map(
      input.slos.map((slo) => {
        const objectives = (computed.get(slo.id) ?? []).map(({ status }) => ({
          ...status,
          lastDataAtMs: newestData(slo, status.objective),
        }));
        return [slo.id, { atMs, state: worstState(objectives.map(({ state }) => state)), objectives }];
      }),
    );
  });
}

/** Looks for the newest data of the objectives whose minute at `atMs` has none. */
async function findNewestData(
  tx: Tx,
  slos: readonly Slo[],
  computed: ReadonlyMap<string, readonly StatusWithData[]>,
  atMs: number,
): Promise<(slo: Slo, objective: string) => number | null> {
  const searches: (DataSearch & { readonly slo: Slo })[] = [];
  for (const slo of slos) {
    const { accountId, id: sloId, lastDataAtMs } = slo;
    if (lastDataAtMs === null) continue;
    const fromMs = Math.min(atMs, lastDataAtMs + MINUTE_MS);
    for (const { status, hasData } of computed.get(sloId) ?? []) {
      if (hasData !== true) searches.push({ accountId, sloId, objective: status.objective, fromMs, slo });
    }
  }
  const rows = await lastDataOf(tx, searches);
  const found = new Map<Slo, Map<string, number | null>>();
  searches.forEach(({ slo, objective }, i) => {
    const own = found.get(slo) ?? new Map<string, number | null>();
    found.set(slo, own.set(objective, rows[i] ?? null));
  });
  return (slo, objective) => {
    if (slo.lastDataAtMs === null) return null;
    const searched = found.get(slo)?.get(objective);
    return searched === undefined ? atMs - MINUTE_MS : searched;
  };
}
