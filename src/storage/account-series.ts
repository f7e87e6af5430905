import type { Labels } from '../promql/labels.ts';
import { METRIC_NAME, makeLabels } from '../promql/labels.ts';
import type { Matcher } from '../promql/matcher.ts';
import type { Objective } from '../slo/definition.ts';
import { SLO_METRICS, type SloMetric } from '../slo/slo-metrics.ts';
import type { SeriesDefinition } from './series-definitions.ts';

/** A series that the configuration makes, whether it has samples or not. */
export interface ConfiguredSeries {
  readonly metric: SloMetric;
  readonly slo: SeriesDefinition;
  readonly objective: Objective;
  readonly labels: Labels;
}

interface ConfiguredObjective {
  readonly slo: SeriesDefinition;
  readonly objective: Objective;
  /** By metric, made when first asked for. */
  readonly labels: Map<SloMetric, Labels>;
}

const BYTES_PER_OBJECTIVE = 3000;

/** All series of an account, by its definitions at one time. */
export class AccountSeries {
  readonly fingerprint: string;
  readonly keptFromMs: number;
  readonly bytes: number;
  readonly #objectives: readonly ConfiguredObjective[];

  constructor(fingerprint: string, keptFromMs: number, definitions: readonly SeriesDefinition[]) {
    this.fingerprint = fingerprint;
    this.keptFromMs = keptFromMs;
    this.#objectives = definitions.flatMap((slo) =>
      slo.objectives.map((objective) => ({ slo, objective, labels: new Map() })),
    );
    this.bytes = BYTES_PER_OBJECTIVE * (this.#objectives.length + 1);
  }

  /** SLOs times their objectives. */
  get objectives(): number {
    return this.#objectives.length;
  }

  /** The series that all of the matchers match. */
  match(matchers: readonly Matcher[]): ConfiguredSeries[] {
    const ofName = matchers.filter(({ name }) => name === METRIC_NAME);
    const others = matchers.filter(({ name }) => name !== METRIC_NAME);
    // Series of components come with composites; until there are any, none is made.
    const metrics = SLO_METRICS.filter(
      ({ name, perComponent }) => !perComponent && ofName.every(({ matches }) => matches(name)),
    );
    if (metrics.length === 0) return [];
    return this.#objectives.flatMap((configured) => {
      const { slo, objective } = configured;
      if (!others.every(({ name, matches }) => matches(labelOf(name, slo, objective)))) return [];
      return metrics
        .filter((metric) => metric.appliesTo(slo))
        .map((metric) => ({ metric, slo, objective, labels: labelsOf(configured, metric) }));
    });
  }
}

function labelOf(name: string, slo: SeriesDefinition, objective: Objective): string {
  switch (name) {
    case 'project':
      return slo.project;
    case 'slo':
      return slo.name;
    case 'objective':
      return objective.name;
    case 'service':
      return slo.service;
    default:
      return '';
  }
}

function labelsOf({ slo, objective, labels }: ConfiguredObjective, metric: SloMetric): Labels {
  const known = labels.get(metric);
  if (known !== undefined) return known;
  const made = makeLabels([
    [METRIC_NAME, metric.name],
    ['objective', objective.name],
    ['project', slo.project],
    ['service', slo.service],
    ['slo', slo.name],
  ]);
  labels.set(metric, made);
  return made;
}
