import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { Slo } from '../slo/definition.ts';
import type { ObjectiveStatus } from '../slo/status.ts';
import { worstState } from '../slo/status.ts';
import { announceChanges } from '../storage/changes.ts';
import type { Tx } from '../storage/client.ts';
import { saveEvaluations } from '../storage/slo-evaluations.ts';
import { computeStatuses } from './compute-statuses.ts';
import { judgeAlerts } from './judge-alerts.ts';
import { type Rewritten, rewriteSnapshots } from './rewrite-snapshots.ts';

/** What has become of the SLOs' data in this transaction. */
export interface DataChange {
  readonly slo: Slo;
  /** Start of the newest minute with data. */
  readonly lastDataAtMs: number | null;
  /** Up to where every objective's snapshots are complete; null while there is no data. */
  readonly snapshotsUntilMs: number | null;
  readonly firstDataAtMs: number | null;
  /** The earliest snapshot up to `slo.snapshotsUntilMs` that was written anew, removed or filled in; null for none. */
  readonly historyFromMs: number | null;
}

/** The objective that stands for the SLO where one number is shown: the primary one, else the worst off. */
export function shownStatus(slo: Slo, statuses: readonly ObjectiveStatus[]): ObjectiveStatus | undefined {
  const primary = slo.objectives.find((objective) => objective.primary);
  const chosen = statuses.find((status) => status.objective === primary?.name);
  if (chosen !== undefined) return chosen;
  return statuses.toSorted(
    (a, b) => (a.budget ?? Number.POSITIVE_INFINITY) - (b.budget ?? Number.POSITIVE_INFINITY),
  )[0];
}

/**
 * Writes the status columns and the alerts of the SLOs as of the last complete minute: their rows once, and they
 * must be locked. Statuses that are at hand, of that minute and by the targets in force now, are not computed again.
 */
export async function saveStatuses(
  tx: Tx,
  changes: readonly DataChange[],
  nowMs: number,
  { statuses: atHand, judged }: Pick<Rewritten, 'statuses' | 'judged'>,
): Promise<void> {
  const atMs = floorTo(nowMs, MINUTE_MS);
  const isAtHand = (slo: Slo): boolean =>
    // A definition that changed since the minute began decides by the new targets at once.
    (slo.revisions.at(-1)?.fromMs ?? nowMs) <= atMs &&
    slo.objectives.every(({ name }) => atHand.get(slo.id)?.has(name) === true);
  const computed = await computeStatuses(
    tx,
    // With what this transaction has written: between the first and the last data lies all that counts.
    changes.flatMap(({ slo, firstDataAtMs, lastDataAtMs }) =>
      isAtHand(slo) ? [] : [{ ...slo, firstDataAtMs, lastDataAtMs }],
    ),
    nowMs,
  );
  await saveEvaluations(
    tx,
    changes.map(({ slo, ...change }) => {
      const statuses = computed.get(slo.id) ?? [...(atHand.get(slo.id)?.values() ?? [])];
      const status = shownStatus(slo, statuses);
      return {
        slo,
        state: worstState(statuses.map(({ state }) => state)),
        reliability: status?.reliability ?? null,
        budget: status?.budget ?? null,
        burnRate: status?.burnRate ?? null,
        evaluatedAtMs: atMs,
        ...change,
        alerts: judgeAlerts(slo, judged.get(slo.id) ?? [], change, atMs),
      };
    }),
  );
}

/**
 * Makes the snapshots that are missing up to the last complete minute, writes the status columns, and announces it.
 * The SLOs' rows must be locked. Returns the number of snapshots.
 */
export async function bringUpToDate(tx: Tx, slos: readonly Slo[], nowMs: number): Promise<number> {
  const atMs = floorTo(nowMs, MINUTE_MS);
  const rewritten = await rewriteSnapshots(
    tx,
    slos
      .filter((slo) => slo.snapshotsUntilMs !== null && slo.snapshotsUntilMs < atMs)
      .flatMap((slo) =>
        slo.objectives.map(({ name }) => ({ slo, objective: name, changes: [], extendToMs: atMs })),
      ),
    atMs,
  );
  await saveStatuses(
    tx,
    slos.map((slo) => ({
      slo,
      lastDataAtMs: slo.lastDataAtMs,
      snapshotsUntilMs: slo.snapshotsUntilMs === null ? null : Math.max(atMs, slo.snapshotsUntilMs),
      firstDataAtMs: slo.firstDataAtMs,
      historyFromMs: rewritten.touchedFrom.get(slo.id) ?? null,
    })),
    nowMs,
    rewritten,
  );
  await announceChanges(
    tx,
    slos.map(({ accountId, id }) => ({ accountId, sloIds: [id], kind: 'status', fromMs: null })),
  );
  return rewritten.rows;
}
