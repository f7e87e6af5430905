import type { Call } from './ast.ts';
import { type Buckets, bucketFraction, bucketQuantile } from './buckets.ts';
import { invalidQuantile } from './eval-range-function.ts';
import type { Evaluation } from './evaluation.ts';
import { filterLabels, type Labels, labelValue, metricName } from './labels.ts';
import { groupBy } from './match-group.ts';
import { parseGoFloat } from './number-format.ts';
import type { Span } from './position.ts';
import { quote } from './quote.ts';
import { emptySeries, type StepSeries } from './step-series.ts';

const BOUND = 'le';

/** `histogram_quantile(q, buckets)` over classic histograms. */
export async function histogramQuantile(
  evaluation: Evaluation,
  call: Call,
  quantiles: Float64Array,
  series: readonly StepSeries[],
): Promise<StepSeries[]> {
  const [quantileArg = call, bucketsArg = call] = call.args;
  const { annotations } = evaluation;
  for (const q of quantiles) if (!(q >= 0 && q <= 1)) annotations.warn(invalidQuantile(q), quantileArg);
  return overHistograms(evaluation, series, quantiles.length, bucketsArg, (k, buckets, metric) => {
    const { value, forced } = bucketQuantile(quantiles[k] ?? Number.NaN, buckets);
    if (forced)
      annotations.inform(
        'input to histogram_quantile needed to be fixed for monotonicity ' +
          '(see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)' +
          forMetric(metric),
        bucketsArg,
      );
    return value;
  });
}

/** `histogram_fraction(lower, upper, buckets)` over classic histograms. */
export async function histogramFraction(
  evaluation: Evaluation,
  call: Call,
  lower: Float64Array,
  upper: Float64Array,
  series: readonly StepSeries[],
): Promise<StepSeries[]> {
  return overHistograms(evaluation, series, lower.length, call.args[2] ?? call, (k, buckets) =>
    bucketFraction(lower[k] ?? Number.NaN, upper[k] ?? Number.NaN, buckets),
  );
}

type BucketFunction = (k: number, buckets: Buckets, metric: string) => number;

async function overHistograms(
  { annotations, budget }: Evaluation,
  series: readonly StepSeries[],
  steps: number,
  span: Span,
  apply: BucketFunction,
): Promise<StepSeries[]> {
  const bounded: BoundedSeries[] = [];
  for (const one of series) {
    const written = labelValue(one.labels, BOUND);
    const bound = parseGoFloat(written);
    if (bound !== null) bounded.push({ ...one, bound });
    else
      annotations.warn(
        `bucket label "le" is missing or has a malformed value of ${quote(written)}${forMetric(metricName(one.labels))}`,
        span,
      );
  }
  const result: StepSeries[] = [];
  for (const { key, members } of groupBy(bounded, withoutBound).values()) {
    budget.hold(steps);
    const metric = metricName(key);
    const ascending = members.sort((a, b) => a.bound - b.bound);
    const out = emptySeries(key, true, steps);
    for (let k = 0; k < steps; k += 1) {
      const buckets = bucketsAt(ascending, k);
      if (budget.spend(members.length)) await budget.breathe();
      if (buckets.bounds.length === 0) continue;
      out.present[k] = 1;
      out.values[k] = apply(k, buckets, metric);
    }
    result.push(out);
  }
  return result;
}

interface BoundedSeries extends StepSeries {
  readonly bound: number;
}

const withoutBound = (labels: Labels): Labels => filterLabels(labels, (name) => name !== BOUND);

function bucketsAt(members: readonly BoundedSeries[], k: number): Buckets {
  const bounds: number[] = [];
  const counts: number[] = [];
  for (const { present, values, bound } of members) {
    if (present[k] !== 1) continue;
    bounds.push(bound);
    counts.push(values[k] ?? 0);
  }
  return { bounds, counts };
}

const forMetric = (metric: string): string => (metric === '' ? '' : ` for metric name ${quote(metric)}`);
