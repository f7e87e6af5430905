import type { SetOperator, VectorMatching } from './ast.ts';
import type { Budget } from './budget.ts';
import { groupBy, matchedLabels } from './match-group.ts';
import type { StepSeries } from './step-series.ts';
import { mergeSameLabels } from './step-series.ts';

/** Two vectors and how they are matched. */
export interface Sides {
  readonly left: readonly StepSeries[];
  readonly right: readonly StepSeries[];
  readonly matching: VectorMatching;
  readonly steps: number;
}

export async function combineSets(
  budget: Budget,
  operator: SetOperator,
  { left, right, matching, steps }: Sides,
): Promise<readonly StepSeries[]> {
  const keyOf = matchedLabels(matching);
  // On which steps a match group has any sample on the side that decides.
  const decides = operator === 'or' ? left : right;
  const presence = new Map<string, Uint8Array>();
  for (const [signature, { members }] of groupBy(decides, keyOf)) {
    budget.hold(steps);
    presence.set(signature, anyPresent(members, steps));
    if (budget.spend(steps * members.length)) await budget.breathe();
  }
  const kept: StepSeries[] = [];
  for (const one of operator === 'or' ? right : left) {
    const others = presence.get(keyOf(one.labels).signature);
    const filtered =
      others === undefined ? (operator === 'and' ? null : one) : mask(one, others, operator === 'and');
    if (filtered !== null) kept.push(filtered);
    budget.hold(steps);
    if (budget.spend(steps)) await budget.breathe();
  }
  // With names that are still to go on one side, the same labels can be two things.
  return operator === 'or' ? mergeSame([...left, ...kept]) : kept;
}

function mergeSame(series: readonly StepSeries[]): readonly StepSeries[] {
  const dropping = series.filter(({ dropName }) => dropName);
  const keeping = series.filter(({ dropName }) => !dropName);
  if (dropping.length === 0 || keeping.length === 0) return mergeSameLabels(series, ({ labels }) => labels);
  const merged = new Set([
    ...mergeSameLabels(keeping, ({ labels }) => labels),
    ...mergeSameLabels(dropping, ({ labels }) => labels),
  ]);
  return [...merged];
}

export function anyPresent(series: readonly StepSeries[], steps: number): Uint8Array {
  const any = new Uint8Array(steps);
  for (const { present } of series)
    for (let k = 0; k < steps; k += 1) any[k] = (any[k] ?? 0) | (present[k] ?? 0);
  return any;
}

/** The samples at the steps where `others` is what is wanted; null when none is left. */
function mask(one: StepSeries, others: Uint8Array, wanted: boolean): StepSeries | null {
  const present = new Uint8Array(others.length);
  let found = false;
  for (let k = 0; k < present.length; k += 1) {
    if (one.present[k] !== 1 || (others[k] === 1) !== wanted) continue;
    present[k] = 1;
    found = true;
  }
  return found ? { ...one, present } : null;
}
