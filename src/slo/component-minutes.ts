import { MINUTE_MS } from '../lib/duration.ts';
import { adjustedFinder } from './adjustment.ts';
import { atMost } from './budget.ts';
import type { ComponentMinutes } from './composite.ts';
import type { CompositeRule, DefinitionRevision, Slo } from './definition.ts';
import { objectiveAt, revisionAt } from './revision.ts';
import { sliceIsGood } from './sli.ts';

/** What of an SLO decides how it enters a composite. */
export type ComponentSlo = Pick<Slo, 'sli' | 'budgetingMethod' | 'sliceMs' | 'revisions' | 'adjustments'>;

/** A component's minute as it stands. */
export interface ComponentRow {
  /** The minute's end. */
  readonly atMs: number;
  readonly usedGood: number | null;
  readonly usedTotal: number | null;
  /** Data though nothing of it is used. */
  readonly dataUnused: boolean;
  /** At the minute's end. */
  readonly budget: number | null;
  /** Of a composite: when the minute was decided on; null for at its end. */
  readonly evaluatedAtMs: number | null;
}

export interface ComponentHistory {
  readonly slo: ComponentSlo;
  readonly objective: string;
  /** Start of the first minute with data, and of the newest one before the stretch; null for none. */
  readonly firstDataMs: number | null;
  readonly newestBeforeMs: number | null;
  /** Of the minutes in `[fromMs, untilMs)`, ascending. */
  readonly rows: readonly ComponentRow[];
}

/**
 * What a component says of the minutes in `[fromMs, untilMs)` to a composite of these revisions. `fromMs` must be a
 * whole hour, where time slices of any length begin.
 */
export function componentMinutes(
  revisions: readonly DefinitionRevision[],
  { slo, objective, firstDataMs, newestBeforeMs, rows }: ComponentHistory,
  fromMs: number,
  untilMs: number,
): ComponentMinutes {
  const length = Math.max(0, (untilMs - fromMs) / MINUTE_MS);
  const quality = new Float64Array(length).fill(Number.NaN);
  const knownAt = new Float64Array(length).fill(Number.POSITIVE_INFINITY);
  const dataAt = new Float64Array(length).fill(Number.POSITIVE_INFINITY);
  const openUntil = new Float64Array(length);
  const adjusted = new Uint8Array(length);
  const isAdjusted = adjustedFinder(slo.adjustments, fromMs, untilMs);
  const countsSlices = slo.budgetingMethod === 'timeslices' && slo.sli.type !== 'composite';
  const ruleAt = (minuteMs: number): CompositeRule | undefined => revisionAt(revisions, minuteMs).composite;
  const entersBySlice = (minuteMs: number): boolean =>
    countsSlices && ruleAt(minuteMs)?.aggregation !== 'error_budget_state';

  for (const row of rows) {
    const minuteMs = row.atMs - MINUTE_MS;
    const k = (minuteMs - fromMs) / MINUTE_MS;
    if (row.usedTotal === null && !row.dataUnused) continue;
    const at = row.evaluatedAtMs ?? row.atMs;
    dataAt[k] = at;
    if (row.usedTotal === null || entersBySlice(minuteMs)) continue;
    knownAt[k] = at;
    quality[k] = qualityOf(slo, row, ruleAt(minuteMs));
  }
  for (let k = 0; k < length; k += 1) adjusted[k] = isAdjusted(fromMs + k * MINUTE_MS) ? 1 : 0;
  if (countsSlices) judgeSlices();
  return { firstDataMs, newestBeforeMs, quality, knownAt, dataAt, openUntil, adjusted };

  /** Every minute of a slice that was observed has its judgement, once it is complete. */
  function judgeSlices(): void {
    const used = new Map(rows.map((row) => [row.atMs, row]));
    for (let start = fromMs; start < untilMs; start += slo.sliceMs) {
      const end = start + slo.sliceMs;
      let good = 0;
      let total = 0;
      for (let at = start + MINUTE_MS; at <= end; at += MINUTE_MS) {
        good += used.get(at)?.usedGood ?? 0;
        total += used.get(at)?.usedTotal ?? 0;
      }
      const target = objectiveAt(slo.revisions, objective, end)?.timeSliceTarget ?? 1;
      const isGood = total > 0 && end <= untilMs ? Number(sliceIsGood(good, total, target)) : Number.NaN;
      for (let minuteMs = start; minuteMs < Math.min(end, untilMs); minuteMs += MINUTE_MS) {
        if (!entersBySlice(minuteMs)) continue;
        const k = (minuteMs - fromMs) / MINUTE_MS;
        openUntil[k] = end;
        quality[k] = isGood;
        knownAt[k] = end;
      }
    }
  }
}

function qualityOf(
  { sli }: ComponentSlo,
  { usedGood, usedTotal, budget }: ComponentRow,
  rule: CompositeRule | undefined,
): number {
  if (rule?.aggregation === 'error_budget_state' && sli.type !== 'composite') {
    return budget === null ? Number.NaN : Number(!atMost(budget, 0));
  }
  return usedGood === null || usedTotal === null || usedTotal === 0 ? Number.NaN : usedGood / usedTotal;
}
