import { MINUTE_MS } from '../../src/lib/duration.ts';
import type { ObjectiveRule, StraddleSums, Sums, SumsBetween } from '../../src/slo/status.ts';
import type { ResolvedWindow } from '../../src/slo/window.ts';

/** Used counts of one minute bucket. */
export interface UsedMinute {
  readonly minuteMs: number;
  readonly good: number;
  readonly total: number;
}

type BruteRule = Pick<ObjectiveRule, 'budgetingMethod' | 'sliceMs' | 'objective'>;

/** Sums of the minute buckets in `[fromMs, toMs)`, one by one. */
function minuteSums(minutes: readonly UsedMinute[], fromMs: number, toMs: number): Sums {
  let good = 0;
  let total = 0;
  for (const minute of minutes) {
    if (minute.minuteMs < fromMs || minute.minuteMs >= toMs) continue;
    good += minute.good;
    total += minute.total;
  }
  return { good, total };
}

/** Good and all observed slices whose end is in `(fromMs, toMs]`, each summed from its minutes. */
function sliceSums(
  minutes: readonly UsedMinute[],
  sliceMs: number,
  timeSliceTarget: number,
  fromMs: number,
  toMs: number,
): Sums {
  let good = 0;
  let total = 0;
  const firstEnd = (Math.floor(fromMs / sliceMs) + 1) * sliceMs;
  const near = minutes.filter(({ minuteMs }) => minuteMs >= firstEnd - sliceMs && minuteMs < toMs);
  const ends = new Set(near.map(({ minuteMs }) => (Math.floor(minuteMs / sliceMs) + 1) * sliceMs));
  for (const end of ends) {
    if (end > toMs) continue;
    const slice = minuteSums(near, end - sliceMs, end);
    if (slice.total === 0) continue;
    total += 1;
    if (slice.good / slice.total >= timeSliceTarget - 1e-9) good += 1;
  }
  return { good, total };
}

/** What a store would answer for an objective, recomputed from all its used minutes at every question. */
export function bruteSumsBetween(rule: BruteRule, minutes: readonly UsedMinute[]): SumsBetween {
  switch (rule.budgetingMethod) {
    case 'occurrences':
      return (fromMs, toMs) => minuteSums(minutes, fromMs, toMs);
    case 'timeslices':
      return (fromMs, toMs) =>
        sliceSums(minutes, rule.sliceMs, rule.objective.timeSliceTarget ?? 1, fromMs, toMs);
  }
}

/** The used sums of the minutes from P to the end of the slice that straddles it; none where none does. */
export function bruteStraddle(
  rule: BruteRule,
  window: ResolvedWindow,
  minutes: readonly UsedMinute[],
): { readonly straddle?: StraddleSums } {
  if (window.rolling || rule.budgetingMethod === 'occurrences') return {};
  const sliceEndMs = Math.ceil(window.startMs / rule.sliceMs) * rule.sliceMs;
  return sliceEndMs === window.startMs ? {} : { straddle: minuteSums(minutes, window.startMs, sliceEndMs) };
}

export interface BruteFigures {
  readonly reliability: number | null;
  readonly budget: number | null;
  readonly countGood: number | null;
  readonly countTotal: number | null;
  readonly badAllowed: number | null;
  readonly badUsed: number | null;
}

const NOTHING: BruteFigures = {
  reliability: null,
  budget: null,
  countGood: null,
  countTotal: null,
  badAllowed: null,
  badUsed: null,
};

/**
 * The figures of a status by the letter of the semantics, without running totals: every slice of the window
 * is visited, future ones included, and a slice that straddles its start sees only its minutes inside.
 */
export function bruteFigures(
  rule: BruteRule,
  window: ResolvedWindow,
  tMs: number,
  minutes: readonly UsedMinute[],
): BruteFigures {
  const endMs = Math.floor(tMs / MINUTE_MS) * MINUTE_MS;
  const { target, timeSliceTarget } = rule.objective;
  if (rule.budgetingMethod === 'occurrences') {
    const { good, total } = minuteSums(minutes, window.startMs, endMs);
    if (total === 0) return NOTHING;
    const reliability = good / total;
    return {
      reliability,
      budget: 1 - (1 - reliability) / (1 - target),
      countGood: good,
      countTotal: total,
      badAllowed: (1 - target) * total,
      badUsed: total - good,
    };
  }
  const k = rule.sliceMs / MINUTE_MS;
  let slices = 0;
  let observed = 0;
  let bad = 0;
  for (
    let end = (Math.floor(window.startMs / rule.sliceMs) + 1) * rule.sliceMs;
    end <= window.endMs;
    end += rule.sliceMs
  ) {
    slices += 1;
    if (end > endMs) continue;
    // A rolling window's first slice is whole even when it begins before the window.
    const fromMs = window.rolling ? end - rule.sliceMs : Math.max(end - rule.sliceMs, window.startMs);
    const { good, total } = minuteSums(minutes, fromMs, end);
    if (total === 0) continue;
    observed += 1;
    if (good / total < (timeSliceTarget ?? 1) - 1e-9) bad += 1;
  }
  if (observed === 0) return NOTHING;
  return {
    reliability: 1 - bad / slices,
    budget: 1 - bad / ((1 - target) * slices),
    countGood: k * (observed - bad),
    countTotal: k * observed,
    badAllowed: k * (1 - target) * slices,
    badUsed: k * bad,
  };
}
