import type { Labels } from '../promql/labels.ts';
import { METRIC_NAME, makeLabels } from '../promql/labels.ts';
import type { Matcher } from '../promql/matcher.ts';
import type { Objective } from '../slo/definition.ts';
import { COMPONENT_LABELS, OBJECTIVE_LABELS, SLO_METRICS, type SloMetric } from '../slo/slo-metrics.ts';
import { type SeriesComponent, seriesComponents } from './series-components.ts';
import type { SeriesDefinition } from './series-definitions.ts';

/** A series that the configuration makes, whether it has samples or not. */
export interface ConfiguredSeries {
  readonly metric: SloMetric;
  readonly slo: SeriesDefinition;
  readonly objective: Objective;
  /** Null for a metric of the whole objective. */
  readonly component: SeriesComponent | null;
  readonly labels: Labels;
}

/** What has one series of each metric that is its: an objective, or a component of a composite. */
interface Measured {
  readonly slo: SeriesDefinition;
  readonly objective: Objective;
  readonly component: SeriesComponent | null;
  /** By metric, made when first asked for. */
  readonly labels: Map<SloMetric, Labels>;
}

const BYTES_PER_MEASURED = 3000;

/** All series of an account, by its definitions at one time. */
export class AccountSeries {
  readonly fingerprint: string;
  readonly keptFromMs: number;
  readonly bytes: number;
  /** SLOs times their objectives. */
  readonly objectives: number;
  readonly #measured: readonly Measured[];

  constructor(fingerprint: string, keptFromMs: number, definitions: readonly SeriesDefinition[]) {
    this.fingerprint = fingerprint;
    this.keptFromMs = keptFromMs;
    this.objectives = definitions.reduce((sum, { objectives }) => sum + objectives.length, 0);
    this.#measured = definitions.flatMap((slo) =>
      slo.objectives.flatMap((objective) =>
        [null, ...seriesComponents(slo.revisions)].map((component) => ({
          slo,
          objective,
          component,
          labels: new Map(),
        })),
      ),
    );
    this.bytes = BYTES_PER_MEASURED * (this.#measured.length + 1);
  }

  /** The series that all of the matchers match. */
  match(matchers: readonly Matcher[]): ConfiguredSeries[] {
    const ofName = matchers.filter(({ name }) => name === METRIC_NAME);
    const others = matchers.filter(({ name }) => name !== METRIC_NAME);
    const metrics = SLO_METRICS.filter((metric) => ofName.every(({ matches }) => matches(metric.name)));
    if (metrics.length === 0) return [];
    const ofObjectives = metrics.filter(({ perComponent }) => !perComponent);
    const ofComponents = metrics.filter(({ perComponent }) => perComponent);
    return this.#measured.flatMap((measured) => {
      const { slo, objective, component } = measured;
      const own = component === null ? ofObjectives : ofComponents;
      if (own.length === 0) return [];
      if (!others.every(({ name, matches }) => matches(labelOf(name, measured)))) return [];
      return own
        .filter((metric) => hasMetric(measured, metric))
        .map((metric) => ({ metric, slo, objective, component, labels: labelsOf(measured, metric) }));
    });
  }
}

/** What a composite has no more has no weight in it. */
function hasMetric({ slo, component }: Measured, metric: SloMetric): boolean {
  if (metric.name === 'component_weight' && component?.weight === null) return false;
  return metric.appliesTo(slo);
}

function labelOf(name: string, { slo, objective, component }: Measured): string {
  switch (name) {
    case 'project':
      return slo.project;
    case 'slo':
      return slo.name;
    case 'objective':
      return objective.name;
    case 'service':
      return slo.service;
    case 'component_project':
      return component?.component.project ?? '';
    case 'component_slo':
      return component?.component.slo ?? '';
    case 'component_objective':
      return component?.component.objective ?? '';
    default:
      return '';
  }
}

function labelsOf(measured: Measured, metric: SloMetric): Labels {
  const known = measured.labels.get(metric);
  if (known !== undefined) return known;
  // A label without a value is none, as those of components on the metrics of an objective.
  const names = [...OBJECTIVE_LABELS, ...COMPONENT_LABELS];
  const made = makeLabels([
    [METRIC_NAME, metric.name],
    ...names.map((name) => [name, labelOf(name, measured)] as const),
  ]);
  measured.labels.set(metric, made);
  return made;
}
