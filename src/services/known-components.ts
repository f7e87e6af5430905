import { HOUR_MS, MINUTE_MS } from '../lib/duration.ts';
import { componentMinutes } from '../slo/component-minutes.ts';
import { type ComponentMinutes, componentKey, everyComponent } from '../slo/composite.ts';
import type { Slo } from '../slo/definition.ts';
import type { Tx } from '../storage/client.ts';
import { firstDataOf, loadCompositeRows } from '../storage/composite-rows.ts';
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
      componentMinutes(
        composite.revisions,
        { ...component, rows: rows[i] ?? [], newestBeforeMs: newest[i] ?? null },
        fromMs,
        untilMs,
      ),
    ]),
  );
}

/** The longest time slice that a minute of the composite may be waited for. */
export function longestSliceMs(components: readonly KnownComponent[]): number {
  const slices = components.map(({ slo }) => (slo.budgetingMethod === 'timeslices' ? slo.sliceMs : 0));
  return Math.min(HOUR_MS, Math.max(0, ...slices));
}
