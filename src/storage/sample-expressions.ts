import type { SloMetricName } from '../slo/slo-metrics.ts';

/** Where a metric's samples stand in a row; null for one that does not come from there. */
type RowExpression = string | null;

// A row says what came in only where it differs from what was used of it.
const AS_USED = '(s.received_good IS NULL AND s.received_bad IS NULL AND s.received_total IS NULL)';

/** The statuses of slices and values are judged by the caller, from the same number. */
export const ROW_EXPRESSIONS: Readonly<Record<SloMetricName, RowExpression>> = {
  reliability: 's.reliability',
  budget: 's.budget',
  burn_rate: 's.burn_rate',
  count_good: 's.count_good',
  count_total: 's.count_total',
  sli_threshold: 's.value',
  sli_threshold_status: 's.value',
  sli_ratio_received_good: `CASE WHEN ${AS_USED} THEN s.used_good ELSE s.received_good END`,
  sli_ratio_received_bad: 's.received_bad',
  sli_ratio_received_total: `CASE WHEN ${AS_USED} THEN s.used_total ELSE s.received_total END`,
  sli_ratio_used_good: 's.used_good',
  sli_ratio_used_total: 's.used_total',
  time_slice_reliability: 's.slice_reliability',
  time_slice_status: 's.slice_reliability',
  target: null,
  threshold: null,
  time_slice_allowance: null,
  component_weight: null,
  component_impact: 'c.value',
  component_delay: 'c.value',
  component_was_delayed: 'c.value',
  composite_max_delay: 's.composite_max_delay',
};

/** Lists with an element for each component, of which the elements are the samples. */
export const LISTS: Readonly<Partial<Record<SloMetricName, string>>> = {
  component_impact: 's.component_impact',
  component_delay: 's.component_delay',
  component_was_delayed: 's.component_was_delayed',
};
