import { MINUTE_MS, SECOND_MS } from '../lib/duration.ts';
import type { AlertCondition, AlertPolicy } from './alert-policy.ts';
import { addMinute, type HeldRuns, OPEN_END, replaceRuns } from './alert-runs.ts';
import { type AlertStates, alertId, NEVER_HELD } from './alert-state.ts';
import { alertKey, conditionHolds, firstWindow, policyConditions } from './alerting.ts';
import { below } from './budget.ts';
import { BURN_RATE_WINDOW_MS } from './burn-rate.ts';
import type { ObjectiveRule, StatusOptions, SumsBetween } from './rule.ts';
import { burnOver } from './rule.ts';
import type { ObjectiveStatus } from './status.ts';

/** Where a default condition's resolve_after does not follow from a short window. */
const RESOLVE_AFTER_MS = 5 * MINUTE_MS;

/** For how long a condition must not have held before its alert resolves. */
export function resolveAfterOf(condition: AlertCondition): number {
  const byDefault = condition.type === 'burn_rate' ? condition.shortMs : RESOLVE_AFTER_MS;
  return condition.resolveAfterMs ?? byDefault;
}

/** Which conditions held at which minutes of one objective, while its statuses are computed one after the other. */
export class AlertWatch {
  readonly #policy: AlertPolicy;
  readonly #objective: string;
  readonly #runs = new Map<string, number[]>();
  /** The conditions for the window's length that was met last. */
  #lengthMs = Number.NaN;
  #conditions: readonly { readonly id: string; readonly condition: AlertCondition }[] = [];

  constructor(policy: AlertPolicy, objective: string) {
    this.#policy = policy;
    this.#objective = objective;
  }

  /** Statuses ascend by time. */
  note(
    status: ObjectiveStatus,
    rule: ObjectiveRule,
    sums: SumsBetween,
    { lookbackEndMs = status.atMs }: StatusOptions,
  ): void {
    if (status.window.lengthMs !== this.#lengthMs) {
      this.#lengthMs = status.window.lengthMs;
      this.#conditions = policyConditions(this.#policy, this.#lengthMs).map((condition) => ({
        id: alertId(this.#objective, alertKey(condition)),
        condition,
      }));
    }
    for (const { id, condition } of this.#conditions) {
      const isHeld = holds(condition, status, (lookbackMs) =>
        lookbackMs === BURN_RATE_WINDOW_MS
          ? status.burnRate
          : burnOver(rule, lookbackMs, lookbackEndMs, sums),
      );
      if (isHeld) addMinute(this.#runs, id, status.atMs / MINUTE_MS);
    }
  }

  /** By alert, the runs of minutes at which its condition held. */
  get runs(): ReadonlyMap<string, HeldRuns> {
    return this.#runs;
  }
}

function holds(
  condition: AlertCondition,
  status: ObjectiveStatus,
  over: (lookbackMs: number) => number | null,
): boolean {
  switch (condition.type) {
    case 'burn_rate': {
      // Mostly it does not hold, and then the other window is not asked for: it may not even have been read.
      const { firstMs, otherMs } = firstWindow(condition);
      const first = over(firstMs);
      return conditionHolds(condition, first, first) && conditionHolds(condition, first, over(otherMs));
    }
    case 'budget':
      return status.budget !== null && below(status.budget, condition.below);
    case 'time_to_exhaustion': {
      const seconds = status.timeToExhaustionSeconds;
      return seconds !== null && below(seconds, condition.belowMs / SECOND_MS);
    }
    case 'no_data':
      // Minutes without data may have no status: see `noDataRuns`.
      return false;
  }
}

/** The minutes of one objective that were judged, and what was found. */
export interface Judged {
  readonly objective: string;
  /** The first and the last status. */
  readonly fromMs: number;
  readonly untilMs: number;
  readonly runs: ReadonlyMap<string, HeldRuns>;
  /** The alerts that were judged, where it is not all of the objective's. */
  readonly only?: ReadonlySet<string>;
}

/** The states with what was found; the same object where nothing changes. */
export function withJudged(states: AlertStates, judged: readonly Judged[]): AlertStates {
  let next = states;
  for (const { objective, fromMs, untilMs, runs, only } of judged) {
    const own = Object.keys(states).filter((id) => id.startsWith(`${objective}/`));
    for (const id of only ?? new Set([...own, ...runs.keys()])) {
      const state = next[id] ?? NEVER_HELD;
      const found = runs.get(id) ?? [];
      const replaced = replaceRuns(state.runs, fromMs / MINUTE_MS, untilMs / MINUTE_MS, found);
      if (replaced.join() !== state.runs.join()) next = { ...next, [id]: { ...state, runs: replaced } };
    }
  }
  return next;
}

/** The end of the newest data, or the SLO's creation where that is later: before what came in now, and with it. */
export interface NewestData {
  readonly beforeMs: number;
  readonly afterMs: number;
}

/**
 * The runs of an alert on missing data: since the newest data nothing has come in, and it holds until something
 * does, whether or not anybody looked in between. Gaps before stay as they were seen. The same array where nothing
 * changes.
 */
export function noDataRuns(
  runs: HeldRuns,
  { beforeMs, afterMs }: NewestData,
  forMs: number,
  nowMs: number,
): HeldRuns {
  const since = (known: HeldRuns, newestMs: number): HeldRuns => {
    const first = Math.ceil((newestMs + forMs) / MINUTE_MS);
    const found = first * MINUTE_MS <= nowMs ? [first, OPEN_END] : [];
    return replaceRuns(known, Math.floor(newestMs / MINUTE_MS), OPEN_END, found);
  };
  const replaced = since(since(runs, beforeMs), afterMs);
  return replaced.join() === runs.join() ? runs : replaced;
}
