/** What of a definition decides which metrics exist for it. */
export interface MeteredSlo {
  readonly sli: { readonly type: string };
  readonly budgetingMethod: string;
}

export type SloMetricName =
  | 'reliability'
  | 'target'
  | 'budget'
  | 'burn_rate'
  | 'count_good'
  | 'count_total'
  | 'sli_threshold'
  | 'sli_threshold_status'
  | 'threshold'
  | 'sli_ratio_received_good'
  | 'sli_ratio_received_bad'
  | 'sli_ratio_received_total'
  | 'sli_ratio_used_good'
  | 'sli_ratio_used_total'
  | 'time_slice_allowance'
  | 'time_slice_reliability'
  | 'time_slice_status'
  | 'component_weight'
  | 'component_impact'
  | 'component_delay'
  | 'component_was_delayed'
  | 'composite_max_delay';

/** A metric of the Prometheus API. All are gauges. */
export interface SloMetric {
  readonly name: SloMetricName;
  readonly help: string;
  /** `''` for a ratio, a count, or whatever the SLI measures. */
  readonly unit: '' | 'seconds';
  /** Whether there is a series for each component of a composite, or one for each objective. */
  readonly perComponent: boolean;
  readonly appliesTo: (slo: MeteredSlo) => boolean;
}

/** Labels of every metric. */
export const OBJECTIVE_LABELS = ['objective', 'project', 'service', 'slo'] as const;
/** Further labels of the metrics of components. */
export const COMPONENT_LABELS = ['component_objective', 'component_project', 'component_slo'] as const;

const always = (): boolean => true;
const ofType =
  (type: string) =>
  ({ sli }: MeteredSlo): boolean =>
    sli.type === type;
const ofSlices = ({ budgetingMethod }: MeteredSlo): boolean => budgetingMethod === 'timeslices';

type Row = readonly [
  name: SloMetricName,
  appliesTo: SloMetric['appliesTo'],
  help: string,
  unit?: SloMetric['unit'],
];

const ROWS: readonly Row[] = [
  ['reliability', always, 'Good share of the time window, from 0 to 1.'],
  ['target', always, 'Reliability that is aimed at, as configured now.'],
  [
    'budget',
    always,
    'Share of the error budget that is left: 1 is untouched, 0 is spent, below 0 overspent.',
  ],
  [
    'burn_rate',
    always,
    'How fast the last hour used up the error budget: 1 spends it exactly in the window.',
  ],
  ['count_good', always, 'Good events in the time window; good minutes where time slices are counted.'],
  ['count_total', always, 'Events in the time window; observed minutes where time slices are counted.'],
  ['sli_threshold', ofType('threshold'), 'Last value of the minute.'],
  ['sli_threshold_status', ofType('threshold'), '1 where the last value of the minute is good, else 0.'],
  ['threshold', ofType('threshold'), 'Bound that values are compared with, as configured now.'],
  ['sli_ratio_received_good', ofType('ratio'), 'Good events of the minute as they came in.'],
  ['sli_ratio_received_bad', ofType('ratio'), 'Bad events of the minute as they came in.'],
  ['sli_ratio_received_total', ofType('ratio'), 'Events of the minute as they came in.'],
  ['sli_ratio_used_good', ofType('ratio'), 'Good events of the minute that count.'],
  ['sli_ratio_used_total', ofType('ratio'), 'Events of the minute that count.'],
  ['time_slice_allowance', ofSlices, 'Good share from which on a time slice is good, as configured now.'],
  ['time_slice_reliability', ofSlices, 'Good share of the time slice that ends here.'],
  ['time_slice_status', ofSlices, '1 where the time slice that ends here is good, else 0.'],
  ['component_weight', ofType('composite'), 'Weight of the component, as configured now.'],
  [
    'component_impact',
    ofType('composite'),
    "Share of the composite's error budget that the component used up.",
  ],
  [
    'component_delay',
    ofType('composite'),
    "How long the component's data lags behind the newest.",
    'seconds',
  ],
  [
    'component_was_delayed',
    ofType('composite'),
    'How the component entered: 0 by its data, 1 as good, 2 as bad, 3 not at all.',
  ],
  ['composite_max_delay', ofType('composite'), 'How long a composite waits for late components.', 'seconds'],
];

/** All metrics there are, whether an account has series of them or not. */
export const SLO_METRICS: readonly SloMetric[] = ROWS.map(([name, appliesTo, help, unit = '']) => ({
  name,
  help,
  unit,
  perComponent: name.startsWith('component_'),
  appliesTo,
}));
