import type { Sums } from './burn-rate.ts';
import type { SumsBetween } from './rule.ts';

/** What is counted at `at` (a minute's or a slice's end) but does not count before `countedAtMs`. */
export interface PendingUnit extends Sums {
  readonly at: number;
  readonly countedAtMs: number;
}

/** Sums as they were seen at `tMs`: without what was still waited for then. */
export function sumsSeenAt(sums: SumsBetween, pending: readonly PendingUnit[], tMs: number): SumsBetween {
  const hidden = pending.filter(({ countedAtMs }) => countedAtMs > tMs);
  if (hidden.length === 0) return sums;
  return (fromMs, toMs) => {
    const seen = { ...sums(fromMs, toMs) };
    for (const unit of hidden) {
      if (unit.at <= fromMs || unit.at > toMs) continue;
      seen.good -= unit.good;
      seen.total -= unit.total;
    }
    // What is left of sums of fractions may be dust.
    return { good: Math.max(0, seen.good), total: Math.max(0, Math.round(seen.total)) };
  };
}
