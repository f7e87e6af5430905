import { componentKey } from '../slo/composite.ts';
import { objectiveAt, revisionAt } from '../slo/revision.ts';
import { sliceIsGood, thresholdGood } from '../slo/sli.ts';
import type { ConfiguredSeries } from './account-series.ts';

/**
 * The metric's samples out of what its rows hold: as they are, or judged by the rule that was in force, 1 for
 * good and 0 for bad.
 */
export function judged(
  { metric, slo, objective }: ConfiguredSeries,
  times: Float64Array,
  values: Float64Array,
): Float64Array {
  switch (metric.name) {
    case 'sli_threshold_status':
      return values.map((value, i) => {
        // The last point of a minute came just before the minute's end.
        const rule = objectiveAt(slo.revisions, objective.name, (times[i] ?? 0) - 1) ?? objective;
        return rule.op !== null && rule.value !== null && thresholdGood(rule.op, rule.value, value) ? 1 : 0;
      });
    case 'time_slice_status':
      return values.map((reliability, i) => {
        const rule = objectiveAt(slo.revisions, objective.name, times[i] ?? 0) ?? objective;
        return sliceIsGood(reliability, 1, rule.timeSliceTarget ?? 1) ? 1 : 0;
      });
    default:
      return values;
  }
}

/**
 * The samples without those of a component at times when the composite did not have it, except for what it has
 * cost: that weighs on the budget until the window has passed, so that impacts add up.
 */
export function standing(
  { metric, slo, component }: ConfiguredSeries,
  times: Float64Array,
  values: Float64Array,
): { readonly times: Float64Array; readonly values: Float64Array } {
  // How a component entered is null in itself where it did not.
  const isAsOfInstant = metric.name === 'component_impact' || metric.name === 'component_delay';
  if (component === null || !isAsOfInstant) return { times, values };
  const key = componentKey(component.component);
  const has = new Map(
    slo.revisions.map((revision) => [
      revision,
      revision.composite?.components.some((one) => componentKey(one) === key) ?? false,
    ]),
  );
  const stands = (i: number): boolean =>
    has.get(revisionAt(slo.revisions, times[i] ?? 0)) === true ||
    (metric.name === 'component_impact' && (values[i] ?? 0) > 0);
  return { times: times.filter((_, i) => stands(i)), values: values.filter((_, i) => stands(i)) };
}
