import type { Budget } from './budget.ts';
import type { Labels } from './labels.ts';
import { groupBy } from './match-group.ts';
import { formatG } from './number-format.ts';
import { PromqlError } from './promql-error.ts';
import { type Columns, columnsOf, type StepSeries } from './step-series.ts';

/** So many are picked by insertion; more are sorted. */
const FEW = 32;

/**
 * `topk` and `bottomk`: the k series of each group with the greatest (smallest) value at each step, as they are.
 * NaN comes last for both. With a single step the result is in order of value within its group; a tie keeps the
 * order of the input.
 */
export async function selectExtremes(
  budget: Budget,
  series: readonly StepSeries[],
  keyOf: (labels: Labels) => Labels,
  greatest: boolean,
  counts: Float64Array,
): Promise<readonly StepSeries[]> {
  const most = counts.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (most < 1 || counts.length === 0) return [];
  refuseParameters(counts);
  const steps = counts.length;
  const result: StepSeries[] = [];
  for (const { members } of groupBy(series, keyOf).values()) {
    budget.hold(steps * members.length);
    const selected: (StepSeries | undefined)[] = new Array(members.length).fill(undefined);
    const columns = columnsOf(members);
    const column = new Float64Array(members.length);
    let order: readonly number[] = [];
    for (let k = 0; k < steps; k += 1) {
      const wanted = Math.trunc(counts[k] ?? 0);
      if (budget.spend(members.length)) await budget.breathe();
      if (wanted < 1) continue;
      order = extremesAt(columns, k, wanted, greatest, column);
      for (const i of order) {
        const one = members[i];
        if (one === undefined) continue;
        const kept = selected[i] ?? { ...one, present: new Uint8Array(steps) };
        kept.present[k] = 1;
        selected[i] = kept;
      }
    }
    const ordered = steps === 1 ? order.map((i) => selected[i]) : selected;
    for (const one of ordered) if (one !== undefined) result.push(one);
  }
  return result;
}

/** The indices of the members to keep at step k, best first. */
function extremesAt(
  { values, present }: Columns,
  k: number,
  wanted: number,
  greatest: boolean,
  column: Float64Array,
): number[] {
  const candidates: number[] = [];
  for (let i = 0; i < values.length; i += 1) {
    if (present[i]?.[k] !== 1) continue;
    candidates.push(i);
    column[i] = values[i]?.[k] ?? 0;
  }
  const before = (a: number, b: number): number => {
    const x = column[a] ?? 0;
    const y = column[b] ?? 0;
    if (x > y) return greatest ? -1 : 1;
    if (x < y) return greatest ? 1 : -1;
    return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || a - b;
  };
  if (wanted > FEW || wanted >= candidates.length) return candidates.sort(before).slice(0, wanted);
  // Few are wanted of many, so a short sorted list beats sorting all.
  const best: number[] = [];
  for (const i of candidates) {
    const worst = best[wanted - 1];
    if (worst !== undefined && before(i, worst) > 0) continue;
    let at = Math.min(best.length, wanted - 1);
    while (at > 0 && before(i, best[at - 1] ?? i) < 0) {
      best[at] = best[at - 1] ?? i;
      at -= 1;
    }
    best[at] = i;
  }
  return best;
}

function refuseParameters(counts: Float64Array): void {
  for (const count of counts) {
    if (Number.isNaN(count)) throw new PromqlError('execution', 'Parameter value is NaN');
    if (count < -(2 ** 63))
      throw new PromqlError('execution', `Scalar value ${formatG(count)} underflows int64`);
    if (count >= 2 ** 63)
      throw new PromqlError('execution', `Scalar value ${formatG(count)} overflows int64`);
  }
}
