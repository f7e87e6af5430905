import { HOUR_MS, MINUTE_MS } from '../lib/duration.ts';
import { adjustedFinder } from '../slo/adjustment.ts';
import { atMost } from '../slo/budget.ts';
import { type ComponentMinutes, componentKey, everyComponent } from '../slo/composite.ts';
import type { CompositeRule, Slo } from '../slo/definition.ts';
import { objectiveAt, revisionAt } from '../slo/revision.ts';
import { sliceIsGood } from '../slo/sli.ts';
import type { Tx } from '../storage/client.ts';
import { type CompositeRow, firstDataOf, loadCompositeRows } from '../storage/composite-rows.ts';
import { lastDataOf, type SeriesKey } from '../storage/series-columns.ts';

/** A component whose SLO is there. */
export interface KnownComponent {
  readonly key: SeriesKey;
  /** `componentKey`. */
  readonly name: string;
  readonly slo: Slo;
  readonly objective: string;
  readonly firstDataMs: number | null;
}

/** The components that a composite has or had, of those SLOs, with their first data. */
export async function knownComponents(
  tx: Tx,
  composite: Slo,
  slos: ReadonlyMap<string, Slo>,
): Promise<KnownComponent[]> {
  const known = everyComponent(composite.revisions).flatMap((component) => {
    const slo = slos.get(component.sloId);
    const { objective } = component;
    if (slo === undefined || !slo.objectives.some(({ name }) => name === objective)) return [];
    const key = { accountId: composite.accountId, sloId: slo.id, objective };
    return [{ key, name: componentKey(component), slo, objective }];
  });
  const first = await firstDataOf(
    tx,
    known.map(({ key }) => key),
  );
  return known.map((component, i) => ({ ...component, firstDataMs: first[i] ?? null }));
}

/** What the components say of the minutes in `[fromMs, untilMs)`; `fromMs` is a whole hour. */
export async function loadComponentMinutes(
  tx: Tx,
  composite: Slo,
  components: readonly KnownComponent[],
  fromMs: number,
  untilMs: number,
): Promise<Map<string, ComponentMinutes>> {
  const keys = components.map(({ key }) => key);
  const rows = await loadCompositeRows(
    tx,
    keys,
    keys.map((_, series) => ({ series, fromMs: fromMs + MINUTE_MS, toMs: untilMs })),
  );
  const newest = await lastDataOf(
    tx,
    components.map(({ key, slo }) => ({
      ...key,
      fromMs: Math.min(fromMs, (slo.lastDataAtMs ?? fromMs) + MINUTE_MS),
    })),
  );
  return new Map(
    components.map((component, i) => [
      component.name,
      minutesOf(composite, component, rows[i] ?? [], newest[i] ?? null, fromMs, untilMs),
    ]),
  );
}

function minutesOf(
  composite: Slo,
  { slo, objective, firstDataMs }: KnownComponent,
  rows: readonly CompositeRow[],
  newestBeforeMs: number | null,
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
  const ruleAt = (minuteMs: number): CompositeRule | undefined =>
    revisionAt(composite.revisions, minuteMs).composite;
  const inSlices = (minuteMs: number): boolean =>
    slo.sli.type !== 'composite' &&
    slo.budgetingMethod === 'timeslices' &&
    ruleAt(minuteMs)?.aggregation !== 'error_budget_state';

  for (const row of rows) {
    const minuteMs = row.atMs - MINUTE_MS;
    const k = (minuteMs - fromMs) / MINUTE_MS;
    if (row.usedTotal === null && !row.dataUnused) continue;
    const at = row.evaluatedAtMs ?? row.atMs;
    dataAt[k] = at;
    if (row.usedTotal === null || inSlices(minuteMs)) continue;
    knownAt[k] = at;
    quality[k] = qualityOf(slo, row, ruleAt(minuteMs));
  }
  for (let k = 0; k < length; k += 1) adjusted[k] = isAdjusted(fromMs + k * MINUTE_MS) ? 1 : 0;
  if (slo.budgetingMethod === 'timeslices' && slo.sli.type !== 'composite') {
    judgeSlices();
  }
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
        if (!inSlices(minuteMs)) continue;
        const k = (minuteMs - fromMs) / MINUTE_MS;
        openUntil[k] = end;
        quality[k] = isGood;
        knownAt[k] = end;
      }
    }
  }
}

function qualityOf(slo: Slo, row: CompositeRow, rule: CompositeRule | undefined): number {
  const { usedGood, usedTotal, budget } = row;
  if (rule?.aggregation === 'error_budget_state' && slo.sli.type !== 'composite') {
    return budget === null ? Number.NaN : Number(!atMost(budget, 0));
  }
  return usedGood === null || usedTotal === null || usedTotal === 0 ? Number.NaN : usedGood / usedTotal;
}

/** The longest time slice that a minute of the composite may be waited for. */
export function longestSliceMs(components: readonly KnownComponent[]): number {
  const slices = components.map(({ slo }) => (slo.budgetingMethod === 'timeslices' ? slo.sliceMs : 0));
  return Math.min(HOUR_MS, Math.max(0, ...slices));
}
