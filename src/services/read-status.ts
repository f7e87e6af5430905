import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { Slo, SloState } from '../slo/definition.ts';
import { type ObjectiveStatus, worstState } from '../slo/status.ts';
import type { Tx } from '../storage/client.ts';
import { type DataSearch, lastDataOf } from '../storage/series-columns.ts';
import type { ComponentStatus } from './composite-at.ts';
import { computeStatusesWithData, type StatusWithData } from './compute-statuses.ts';
import type { ServiceContext } from './context.ts';

export interface SloStatus {
  /** The instant of the status: the end of the last minute that is complete. */
  readonly atMs: number;
  readonly state: SloState;
  readonly objectives: readonly (ObjectiveStatus & {
    /** Start of the newest minute with data that is complete at the instant. */
    readonly lastDataAtMs: number | null;
    /** Of a composite; else null. */
    readonly components: readonly ComponentStatus[] | null;
  })[];
}

/**
 * The statuses of SLOs of the account, now or at a past instant, by the id of the SLO. They are true to the data
 * that the SLOs were read with: read the SLOs anew to see newer data.
 */
export async function readStatuses({
  ctx,
  input,
}: {
  ctx: ServiceContext;
  input: { readonly slos: readonly Slo[]; readonly atMs?: number | undefined };
}): Promise<Map<string, SloStatus>> {
  const nowMs = ctx.clock.now();
  const statuses = new Map<string, SloStatus>();
  const unknown = input.slos.filter((slo) => {
    const latest = input.atMs === undefined ? latestStatuses.get(slo) : undefined;
    if (latest?.atMs !== floorTo(nowMs, MINUTE_MS)) return true;
    statuses.set(slo.id, latest);
    return false;
  });
  if (unknown.length === 0) return statuses;
  for (const [slo, status] of await compute(ctx, unknown, input.atMs ?? nowMs)) {
    statuses.set(slo.id, status);
    // A replica whose clock is ahead may have revised it in what is the future here.
    const isInForce = (slo.revisions.at(-1)?.fromMs ?? 0) <= nowMs;
    if (input.atMs === undefined && isInForce) latestStatuses.set(slo, status);
  }
  return statuses;
}

/**
 * The status of this minute, once computed. An Slo object is one version of its row, and whoever writes the data
 * of an SLO writes its row: where the row is still the same, so is the status.
 */
const latestStatuses = new WeakMap<Slo, SloStatus>();

/** Targets are those in force at the very instant, sums those of the minutes complete by then. */
async function compute(
  { db, actor }: ServiceContext,
  slos: readonly Slo[],
  tMs: number,
): Promise<[Slo, SloStatus][]> {
  const atMs = floorTo(tMs, MINUTE_MS);
  return db.tenant(actor.accountId, async (tx) => {
    const computed = await computeStatusesWithData(tx, slos, tMs);
    const newestData = await findNewestData(tx, slos, computed, atMs);
    return slos.map((slo) => {
      const objectives = (computed.get(slo.id) ?? []).map((one) =>
        withData(one, one.newestEvaluatedMs ?? newestData(slo, one.status.objective)),
      );
      return [slo, { atMs, state: worstState(objectives.map(({ state }) => state)), objectives }];
    });
  });
}

/** Each field by its name: to spread a status took five times as long, a tenth of a page of a thousand. */
function withData(
  { status, components }: StatusWithData,
  lastDataAtMs: number | null,
): SloStatus['objectives'][number] {
  return {
    atMs: status.atMs,
    objective: status.objective,
    state: status.state,
    target: status.target,
    reliability: status.reliability,
    budget: status.budget,
    burnRate: status.burnRate,
    countGood: status.countGood,
    countTotal: status.countTotal,
    badAllowed: status.badAllowed,
    badUsed: status.badUsed,
    budgetMinutesRemaining: status.budgetMinutesRemaining,
    timeToExhaustionSeconds: status.timeToExhaustionSeconds,
    window: status.window,
    observed: status.observed,
    lastDataAtMs,
    components,
  };
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
    if (lastDataAtMs === null || !mayHaveData(slo, atMs)) continue;
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
    if (!mayHaveData(slo, atMs)) return null;
    const searched = found.get(slo)?.get(objective);
    return searched === undefined ? atMs - MINUTE_MS : searched;
  };
}

/** Whether a minute that ends by then may have data. */
const mayHaveData = ({ firstDataAtMs, lastDataAtMs }: Slo, atMs: number): boolean =>
  lastDataAtMs !== null && (firstDataAtMs === null || atMs > firstDataAtMs);
