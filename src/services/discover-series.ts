import type { Labels } from '../promql/labels.ts';
import { compareLabels, compareText, METRIC_NAME } from '../promql/labels.ts';
import type { Matcher } from '../promql/matcher.ts';
import { COMPONENT_LABELS, OBJECTIVE_LABELS, SLO_METRICS } from '../slo/slo-metrics.ts';
import type { SeriesContext } from './series-context.ts';

/** Each selector is a list of matchers that all have to match; a series counts that any selector selects. */
export type Selectors = readonly (readonly Matcher[])[];

/** The series that the account's definitions make now, whether they have samples or not; sorted. */
export async function discoverSeries({
  ctx,
  input,
}: {
  ctx: SeriesContext;
  input: { readonly selectors: Selectors };
}): Promise<Labels[]> {
  const account = await ctx.series.configured(ctx.actor.accountId);
  const found = new Map<string, Labels>();
  for (const matchers of input.selectors) {
    for (const { labels } of account.match(matchers)) found.set(labels.signature, labels);
  }
  return [...found.values()].sort(compareLabels);
}

/** The label names of what the selectors select, sorted; all names that metrics have where there is no selector. */
export async function discoverLabelNames({
  ctx,
  input: { selectors },
}: {
  ctx: SeriesContext;
  input: { readonly selectors: Selectors };
}): Promise<string[]> {
  const names = new Set(declaredNames(selectors));
  if (selectors.length > 0) {
    for (const labels of await discoverSeries({ ctx, input: { selectors } })) {
      for (const name of labels.names) names.add(name);
    }
  }
  return sorted(names);
}

/** The values of a label in what the selectors select, or in all series where there is no selector; sorted. */
export async function discoverLabelValues({
  ctx,
  input: { name, selectors },
}: {
  ctx: SeriesContext;
  input: { readonly name: string; readonly selectors: Selectors };
}): Promise<string[]> {
  const values = new Set<string>();
  if (name === METRIC_NAME) for (const metric of declaredMetrics(selectors)) values.add(metric.name);
  const all = await discoverSeries({ ctx, input: { selectors: selectors.length === 0 ? [[]] : selectors } });
  for (const labels of all) {
    const value = labels.values[labels.names.indexOf(name)];
    if (value !== undefined) values.add(value);
  }
  return sorted(values);
}

/**
 * The metrics that are there whatever the account has defined: those that a selector names and says no more
 * about, or all of them.
 */
function declaredMetrics(selectors: Selectors) {
  if (selectors.length === 0) return SLO_METRICS;
  const ofName = selectors.filter((matchers) => matchers.every(({ name }) => name === METRIC_NAME));
  return SLO_METRICS.filter((metric) =>
    ofName.some((matchers) => matchers.every(({ matches }) => matches(metric.name))),
  );
}

function declaredNames(selectors: Selectors): string[] {
  return declaredMetrics(selectors).flatMap(({ perComponent }) => [
    METRIC_NAME,
    ...OBJECTIVE_LABELS,
    ...(perComponent ? COMPONENT_LABELS : []),
  ]);
}

const sorted = (texts: ReadonlySet<string>): string[] => [...texts].sort(compareText);
