import { DAY_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import type { CalendarWindow, Objective } from '../../src/slo/definition.ts';
import type { ObjectiveRule } from '../../src/slo/status.ts';

/** A plain objective: 99 % of the events. */
export function makeObjective(changes: Partial<Objective> = {}): Objective {
  return {
    name: 'default',
    displayName: '',
    target: 0.99,
    primary: true,
    timeSliceTarget: null,
    op: null,
    value: null,
    ...changes,
  };
}

/** Occurrences over a rolling day, 99 %. */
export function makeRule(
  changes: Partial<ObjectiveRule> = {},
  objective: Partial<Objective> = {},
): ObjectiveRule {
  return {
    objective: makeObjective(objective),
    budgetingMethod: 'occurrences',
    sliceMs: MINUTE_MS,
    timeWindow: { type: 'rolling', durationMs: DAY_MS },
    ...changes,
  };
}

/** Calendar months of UTC, from 2024. */
export function makeCalendar(changes: Partial<CalendarWindow> = {}): CalendarWindow {
  return {
    type: 'calendar',
    unit: 'month',
    count: 1,
    timeZone: 'UTC',
    start: '2024-01-01T00:00:00',
    ...changes,
  };
}
