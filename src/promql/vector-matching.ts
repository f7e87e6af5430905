import type { VectorMatching } from './ast.ts';
import type { Budget } from './budget.ts';
import { formatLabels } from './format-labels.ts';
import type { Labels } from './labels.ts';
import { compareText, filterLabels, labelValue, METRIC_NAME, withLabel } from './labels.ts';
import { groupBy, matchedLabels } from './match-group.ts';
import { PromqlError } from './promql-error.ts';
import { anyPresent, type Sides } from './set-operators.ts';
import { emptySeries, mergeSameLabels, type StepSeries } from './step-series.ts';

/** What an operator does with two numbers: undefined drops the sample. */
export interface ElementOperation {
  readonly apply: (left: number, right: number) => number | undefined;
  /** The result is another metric at once. */
  readonly changesMetric: boolean;
  /** Only the name goes, and only at the end. */
  readonly dropsName: boolean;
}

/** Arithmetic and comparison between two vectors, one-to-one, many-to-one or one-to-many. */
export async function matchVectors(
  budget: Budget,
  operation: ElementOperation,
  { left, right, matching, steps }: Sides,
): Promise<readonly StepSeries[]> {
  const oneIsLeft = matching.cardinality === 'one-to-many';
  const [many, one] = oneIsLeft ? [right, left] : [left, right];
  const keyOf = matchedLabels(matching);
  const ones = groupBy(one, keyOf);
  // A step at which either side is empty has no result, and so nothing that could be ambiguous.
  const anyMany = anyPresent(many, steps);
  for (const { key, members } of ones.values()) {
    refuseDuplicates(members, anyMany, key, oneIsLeft ? 'left' : 'right');
    if (budget.spend(steps * members.length)) await budget.breathe();
  }
  const metricOf = resultMetric(matching, operation.changesMetric);
  const result: StepSeries[] = [];
  for (const [signature, { members }] of groupBy(many, keyOf)) {
    const partners = ones.get(signature)?.members ?? [];
    const taken = new Taken(matching.cardinality === 'one-to-one', steps);
    for (const manyOne of members)
      for (const partner of partners) {
        budget.hold(steps);
        const labels = metricOf(manyOne.labels, partner.labels);
        const out = emptySeries(labels, manyOne.dropName || operation.dropsName, steps);
        const [a, b] = oneIsLeft ? [partner, manyOne] : [manyOne, partner];
        if (applyAll(operation, a, b, out, taken.of(labels))) result.push(out);
        if (budget.spend(steps)) await budget.breathe();
      }
  }
  return mergeSameLabels(result, ({ labels }) => labels);
}

function applyAll(
  { apply }: ElementOperation,
  a: StepSeries,
  b: StepSeries,
  out: StepSeries,
  take: (k: number) => void,
): boolean {
  let found = false;
  for (let k = 0; k < out.present.length; k += 1) {
    if (a.present[k] !== 1 || b.present[k] !== 1) continue;
    // A filter that drops the sample does not make an ambiguous match a good one.
    take(k);
    const value = apply(a.values[k] ?? 0, b.values[k] ?? 0);
    if (value === undefined) continue;
    found = true;
    out.present[k] = 1;
    out.values[k] = value;
  }
  return found;
}

/** Which steps of a match group have a result already. */
class Taken {
  readonly #oneToOne: boolean;
  readonly #steps: number;
  readonly #bySignature = new Map<string, Uint8Array>();

  constructor(oneToOne: boolean, steps: number) {
    this.#oneToOne = oneToOne;
    this.#steps = steps;
  }

  /** Takes steps for a result with these labels; throws for a step that is taken. */
  of(labels: Labels): (k: number) => void {
    const signature = this.#oneToOne ? '' : labels.signature;
    const taken = this.#bySignature.get(signature) ?? new Uint8Array(this.#steps);
    this.#bySignature.set(signature, taken);
    return (k) => {
      if (taken[k] === 1)
        throw new PromqlError(
          'execution',
          this.#oneToOne
            ? 'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)'
            : 'multiple matches for labels: grouping labels must ensure unique matches',
        );
      taken[k] = 1;
    };
  }
}

function refuseDuplicates(
  members: readonly StepSeries[],
  anyMany: Uint8Array,
  key: Labels,
  side: string,
): void {
  if (members.length < 2) return;
  for (let k = 0; k < anyMany.length; k += 1) {
    if (anyMany[k] !== 1) continue;
    const [first, second] = members.filter(({ present }) => present[k] === 1);
    if (first === undefined || second === undefined) continue;
    const [a, b] = [formatLabels(first.labels), formatLabels(second.labels)].sort(compareText);
    throw new PromqlError(
      'execution',
      `found duplicate series for the match group ${formatLabels(key)} on the ${side} hand-side of the operation: ` +
        `[${a}, ${b}];many-to-many matching not allowed: matching labels must be unique on one side`,
    );
  }
}

/** The labels of a result, from those of the "many" side and the "one" side. */
function resultMetric(
  matching: VectorMatching,
  changesMetric: boolean,
): (many: Labels, one: Labels) => Labels {
  const listed = new Set(matching.labels);
  const oneToOne = matching.cardinality === 'one-to-one';
  const keeps = (name: string): boolean =>
    !(changesMetric && name === METRIC_NAME) && (!oneToOne || listed.has(name) === matching.on);
  return (many, one) =>
    matching.include.reduce(
      (labels, name) => withLabel(labels, name, labelValue(one, name)),
      filterLabels(many, keeps),
    );
}
