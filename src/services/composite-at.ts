import { floorTo, HOUR_MS, MINUTE_MS } from '../lib/duration.ts';
import { everyComponent, waitingReach } from '../slo/composite.ts';
import { sumsSeenAt } from '../slo/composite-view.ts';
import type { ResolvedComponent, Slo } from '../slo/definition.ts';
import { objectiveAt, revisionAt } from '../slo/revision.ts';
import type { ObjectiveRule, StatusOptions, SumsBetween } from '../slo/rule.ts';
import { windowAt } from '../slo/window.ts';
import type { Tx } from '../storage/client.ts';
import { type CompositeAt, loadCompositesAt } from '../storage/composite-rows.ts';
import { straddleIn } from './series-plan.ts';

/** A component of a composite as it stands at a time. */
export interface ComponentStatus extends ResolvedComponent {
  /** The share of the composite's error budget that it has used up in the window; null while that is unknown. */
  readonly impact: number | null;
  /** How far its newest data is behind the newest of any component; null before its first data. */
  readonly delaySeconds: number | null;
  /** In the newest minute that was decided on: 0 used, 1 counted as good, 2 as bad, 3 left out; null before that. */
  readonly wasDelayed: number | null;
  /** False for one that was taken out of the composite, but still weighs on its window. */
  readonly isCurrent: boolean;
}

/** How those of the SLOs that are composites stood at the last minute complete at `tMs`, by their ids. */
export async function loadComposites(
  tx: Tx,
  slos: readonly Slo[],
  tMs: number,
): Promise<Map<string, CompositeAt>> {
  const composites = slos.filter(({ sli }) => sli.type === 'composite');
  if (composites.length === 0) return new Map();
  const atMs = floorTo(tMs, MINUTE_MS);
  const loaded = await loadCompositesAt(
    tx,
    composites.map((slo) => ({
      accountId: slo.accountId,
      sloId: slo.id,
      objective: slo.objectives[0]?.name ?? '',
    })),
    composites.map(({ revisions, sliceMs }, series) => ({
      series,
      fromMs: atMs - waitingReach(revisions, HOUR_MS) - sliceMs,
      toMs: atMs,
    })),
    (i, endMs) => {
      const slo = composites[i];
      if (slo === undefined || slo.budgetingMethod === 'occurrences') return null;
      return objectiveAt(slo.revisions, slo.objectives[0]?.name ?? '', endMs)?.timeSliceTarget ?? 1;
    },
  );
  return new Map(
    composites.flatMap(({ id }, i) => {
      const at = loaded[i];
      return at === undefined ? [] : [[id, at]];
    }),
  );
}

/**
 * Where a composite's burn-rate lookbacks end: as the row at the time says. While its row is still to be written,
 * it waits as it did before.
 */
export function lookbackEndOf(
  { snapshotsUntilMs }: Pick<Slo, 'snapshotsUntilMs'>,
  { last }: CompositeAt,
  atMs: number,
): number {
  if (last === null) return atMs;
  if (last.atMs === atMs) return last.lookbackEndMs ?? atMs;
  // Where rows are complete, one is missing because the window is empty.
  if (snapshotsUntilMs !== null && snapshotsUntilMs >= atMs) return atMs;
  return last.lookbackEndMs ?? last.atMs;
}

/** The sums and options of a status as they were seen at the time. */
export function seenAt(
  slo: Slo,
  rule: ObjectiveRule,
  composite: CompositeAt,
  tMs: number,
  sums: SumsBetween,
  options: StatusOptions,
): { readonly sums: SumsBetween; readonly options: StatusOptions } {
  const atMs = floorTo(tMs, MINUTE_MS);
  const { straddle, ...rest } = options;
  const slice = straddleIn(rule, windowAt(rule.timeWindow, atMs));
  const hidesStraddle = slice !== null && composite.openSlices.includes(slice.toMs);
  return {
    sums: sumsSeenAt(sums, composite.pending, atMs),
    options: {
      ...rest,
      ...(straddle === undefined || hidesStraddle ? {} : { straddle }),
      lookbackEndMs: lookbackEndOf(slo, composite, atMs),
    },
  };
}

/** The components at the time, those in force first; others only while they weigh on the window. */
export function componentStatuses(
  slo: Slo,
  rule: ObjectiveRule,
  composite: CompositeAt,
  tMs: number,
  reliability: number | null,
): ComponentStatus[] {
  const inForce = revisionAt(slo.revisions, tMs).composite?.components ?? [];
  const { last, wasDelayed } = composite;
  // The row was written by the target of its minute; the status is by the one in force at the very instant.
  const written = last === null ? null : objectiveAt(slo.revisions, rule.objective.name, last.atMs);
  const scale = (1 - (written?.target ?? rule.objective.target)) / (1 - rule.objective.target);
  const statuses = everyComponent(slo.revisions).map((known, place): ComponentStatus => {
    const current = inForce.find((one) => one.sloId === known.sloId && one.objective === known.objective);
    const impact = reliability === null ? null : (last?.impact?.[place] ?? null);
    return {
      ...(current ?? known),
      impact: impact === null ? null : impact * scale,
      delaySeconds: last?.delay?.[place] ?? null,
      wasDelayed: current === undefined ? null : (wasDelayed?.[place] ?? null),
      isCurrent: current !== undefined,
    };
  });
  const place = (one: ComponentStatus): number =>
    inForce.findIndex(({ sloId, objective }) => sloId === one.sloId && objective === one.objective);
  return [
    ...statuses.filter(({ isCurrent }) => isCurrent).sort((a, b) => place(a) - place(b)),
    ...statuses.filter(({ isCurrent, impact }) => !isCurrent && impact !== null && impact > 0),
  ];
}
