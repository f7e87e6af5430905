import { objectiveAt } from '../slo/revision.ts';
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
