import { componentKey, everyComponent } from '../slo/composite.ts';
import type { DefinitionRevision, ResolvedComponent } from '../slo/definition.ts';

/** A component of a composite, as its series have it. */
export interface SeriesComponent {
  readonly component: ResolvedComponent;
  /** From 1, of the `places` elements that each list in the composite's rows has. */
  readonly place: number;
  readonly places: number;
  /** As configured now; null for one that the composite has no more. */
  readonly weight: number | null;
}

/**
 * Every component that a composite has or had; none for another SLO. An SLO that was deleted and made anew is
 * another component under the same name: of those the one configured now has the series, or the last one.
 */
export function seriesComponents(revisions: readonly DefinitionRevision[]): SeriesComponent[] {
  const weights = new Map(
    revisions.at(-1)?.composite?.components.map((current) => [componentKey(current), current.weight]),
  );
  const all = everyComponent(revisions);
  const byName = new Map<string, SeriesComponent>();
  all.forEach((component, i) => {
    const name = `${component.project}/${component.slo}/${component.objective}`;
    const known = byName.get(name);
    if (known !== undefined && known.weight !== null) return;
    const weight = weights.get(componentKey(component)) ?? null;
    byName.set(name, { component, place: i + 1, places: all.length, weight });
  });
  return [...byName.values()];
}
