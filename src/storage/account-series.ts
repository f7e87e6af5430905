import type { Labels } from '../promql/labels.ts';
import { compareLabels, METRIC_NAME, makeLabels } from '../promql/labels.ts';
import type { Matcher } from '../promql/matcher.ts';
import type { Objective } from '../slo/definition.ts';
import { COMPONENT_LABELS, OBJECTIVE_LABELS, SLO_METRICS, type SloMetric } from '../slo/slo-metrics.ts';
import { type SeriesComponent, seriesComponents } from './series-components.ts';
import type { SeriesDefinition, SeriesHistory, SeriesState } from './series-definitions.ts';

/** A series that the configuration makes, whether it has samples or not. */
export interface ConfiguredSeries {
  /** Tells it from all other series of the account. */
  readonly key: string;
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
  readonly series: Map<SloMetric, ConfiguredSeries>;
  /** Likewise. */
  readonly labels: Map<SloMetric, Labels>;
}

const BYTES_PER_MEASURED = 4000;
/** Selections whose series are remembered, the longest that is, and what each may take beside the series' own. */
const SELECTIONS = 16;
const MAX_SELECTOR = 200;
const BYTES_PER_SELECTION = 2 * MAX_SELECTOR;
const BYTES_PER_SELECTED = 80;

/** All series of an account, by its definitions and histories at one time. */
export class AccountSeries {
  readonly fingerprint: string;
  readonly keptFromMs: number;
  readonly bytes: number;
  /** SLOs times their objectives. */
  readonly objectives: number;
  readonly #definitions: ReadonlyMap<string, SeriesDefinition>;
  readonly #histories: ReadonlyMap<string, SeriesHistory>;
  readonly #measured: readonly Measured[];
  readonly #selected: Map<string, readonly ConfiguredSeries[]>;

  /**
   * `before` is what stood there last: as long as the definitions are the same, so are the series, and label sets
   * that are still the same are not made anew.
   */
  constructor(
    { fingerprint, keptFromMs }: SeriesState,
    histories: readonly SeriesHistory[],
    definitions: readonly SeriesDefinition[],
    before: AccountSeries | null,
  ) {
    this.fingerprint = fingerprint;
    this.keptFromMs = keptFromMs;
    this.#histories = new Map(histories.map((history) => [history.sloId, history]));
    this.#definitions = new Map(definitions.map((definition) => [definition.sloId, definition]));
    this.objectives = definitions.reduce((sum, { objectives }) => sum + objectives.length, 0);
    const isSame =
      before !== null &&
      before.#definitions.size === definitions.length &&
      definitions.every((definition) => before.#definitions.get(definition.sloId) === definition);
    this.#measured = isSame
      ? before.#measured
      : measuredOf(definitions, before === null ? [] : before.#measured);
    this.#selected = isSame ? before.#selected : new Map();
    const selections = SELECTIONS * (BYTES_PER_SELECTION + BYTES_PER_SELECTED * this.#measured.length);
    this.bytes = BYTES_PER_MEASURED * this.#measured.length + selections;
  }

  /** Where it still stands as the history says, the definition that is known. */
  definitionOf({ sloId, version }: SeriesHistory): SeriesDefinition | null {
    const known = this.#definitions.get(sloId);
    return known?.version === version ? known : null;
  }

  /** Of one of the account's own series. */
  historyOf({ slo }: ConfiguredSeries): SeriesHistory {
    const history = this.#histories.get(slo.sloId);
    if (history === undefined) throw new RangeError(`${slo.sloId} is no SLO of the account`);
    return history;
  }

  /** The series that all of the matchers match, sorted by labels. */
  match(matchers: readonly Matcher[]): readonly ConfiguredSeries[] {
    const selector = JSON.stringify(matchers.map(({ name, operator, value }) => [name, operator, value]));
    const known = this.#selected.get(selector);
    if (known !== undefined) return known;
    const matching = this.#match(matchers).sort((a, b) => compareLabels(a.labels, b.labels));
    if (selector.length <= MAX_SELECTOR && matching.length <= this.#measured.length) {
      const [oldest] = this.#selected.keys();
      if (oldest !== undefined && this.#selected.size >= SELECTIONS) this.#selected.delete(oldest);
      this.#selected.set(selector, matching);
    }
    return matching;
  }

  #match(matchers: readonly Matcher[]): ConfiguredSeries[] {
    const ofName = matchers.filter(({ name }) => name === METRIC_NAME);
    const others = matchers.filter(({ name }) => name !== METRIC_NAME);
    const metrics = SLO_METRICS.filter((metric) => ofName.every(({ matches }) => matches(metric.name)));
    if (metrics.length === 0) return [];
    const ofObjectives = metrics.filter(({ perComponent }) => !perComponent);
    const ofComponents = metrics.filter(({ perComponent }) => perComponent);
    return this.#measured.flatMap((measured) => {
      const own = measured.component === null ? ofObjectives : ofComponents;
      if (own.length === 0) return [];
      if (!others.every(({ name, matches }) => matches(labelOf(name, measured)))) return [];
      return own.filter((metric) => hasMetric(measured, metric)).map((metric) => seriesOf(measured, metric));
    });
  }
}

function measuredOf(definitions: readonly SeriesDefinition[], before: readonly Measured[]): Measured[] {
  const labelsBefore = new Map(before.map((measured) => [namesOf(measured), measured.labels]));
  return definitions.flatMap((slo) =>
    slo.objectives.flatMap((objective) =>
      [null, ...seriesComponents(slo.revisions)].map((component) => ({
        slo,
        objective,
        component,
        series: new Map(),
        labels: labelsBefore.get(namesOf({ slo, objective, component })) ?? new Map(),
      })),
    ),
  );
}

type Named = Pick<Measured, 'slo' | 'objective' | 'component'>;

/** All that its label sets are made of. */
function namesOf(named: Named): string {
  return JSON.stringify([...OBJECTIVE_LABELS, ...COMPONENT_LABELS].map((name) => labelOf(name, named)));
}

function seriesOf(measured: Measured, metric: SloMetric): ConfiguredSeries {
  const known = measured.series.get(metric);
  if (known !== undefined) return known;
  const { slo, objective, component } = measured;
  const key = `${slo.sloId}/${objective.name}/${metric.name}/${component?.place ?? ''}`;
  const made = { key, metric, slo, objective, component, labels: labelsOf(measured, metric) };
  measured.series.set(metric, made);
  return made;
}

/** What a composite has no more has no weight in it. */
function hasMetric({ slo, component }: Measured, metric: SloMetric): boolean {
  if (metric.name === 'component_weight' && component?.weight === null) return false;
  return metric.appliesTo(slo);
}

function labelOf(name: string, { slo, objective, component }: Named): string {
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
