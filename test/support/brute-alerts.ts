/** Semantics 4 read minute by minute, by minutes since the epoch, from the minutes' counts alone. */

export interface BruteMinute {
  readonly good: number;
  readonly total: number;
}

export interface BruteObjective {
  readonly name: string;
  readonly target: number;
  /** Set for time slices of a minute. */
  readonly sliceTarget: number | null;
  readonly windowMinutes: number;
}

export type BruteCondition =
  | { readonly type: 'burn_rate'; readonly long: number; readonly short: number; readonly factor: number }
  | { readonly type: 'budget'; readonly below: number }
  | { readonly type: 'time_to_exhaustion'; readonly belowSeconds: number };

/** `[since, null]` when an alert begins to fire, `[since, end]` when it resolves. */
export type BruteChange = readonly [since: number, end: number | null];

const DUST = 1e-9;

/** The share that was bad from `from` up to `to`; null where nothing was observed. */
function badShare(
  minutes: ReadonlyMap<number, BruteMinute>,
  { sliceTarget }: BruteObjective,
  from: number,
  to: number,
): number | null {
  let bad = 0;
  let all = 0;
  for (let minute = from; minute < to; minute += 1) {
    const { good = 0, total = 0 } = minutes.get(minute) ?? {};
    if (total === 0) continue;
    if (sliceTarget === null) {
      bad += total - good;
      all += total;
    } else {
      bad += good / total < sliceTarget - DUST ? 1 : 0;
      all += 1;
    }
  }
  if (all === 0) return null;
  // A slice in which nothing was observed counts as good.
  return bad / (sliceTarget === null ? all : to - from);
}

/** Whether the condition holds at the end of the minute before `at`. */
export function bruteHolds(
  minutes: ReadonlyMap<number, BruteMinute>,
  objective: BruteObjective,
  condition: BruteCondition,
  at: number,
): boolean {
  const allowed = 1 - objective.target;
  const burn = (lookback: number): number | null => {
    const share = badShare(minutes, objective, at - lookback, at);
    return share === null ? null : share / allowed;
  };
  const spent = burn(objective.windowMinutes);
  const budget = spent === null ? null : 1 - spent;
  switch (condition.type) {
    case 'burn_rate':
      return [condition.long, condition.short].every((lookback) => {
        const rate = burn(lookback);
        return rate !== null && rate >= condition.factor - DUST;
      });
    case 'budget':
      return budget !== null && budget < condition.below - DUST;
    case 'time_to_exhaustion': {
      if (budget === null) return false;
      if (budget <= DUST) return true;
      const hourly = burn(60);
      if (hourly === null || hourly <= 1 + DUST) return false;
      return (budget * objective.windowMinutes * 60) / hourly < condition.belowSeconds - DUST;
    }
  }
}

/**
 * How an alert changes from `from` to `until`: it fires when its condition first holds, and resolves when that has not
 * held for `resolveAfter` minutes.
 */
export function bruteChanges(
  holds: (at: number) => boolean,
  resolveAfter: number,
  from: number,
  until: number,
): BruteChange[] {
  const changes: BruteChange[] = [];
  let since: number | null = null;
  let lastHeld = 0;
  for (let at = from; at <= until; at += 1) {
    if (holds(at)) {
      lastHeld = at;
      if (since === null) {
        since = at;
        changes.push([since, null]);
      }
    } else if (since !== null && at - lastHeld >= resolveAfter) {
      changes.push([since, at]);
      since = null;
    }
  }
  return changes;
}
