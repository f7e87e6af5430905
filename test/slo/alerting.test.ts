import { describe, expect, test } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { canFire, conditionHolds, defaultConditions, neverFiresWarnings } from '../../src/slo/alerting.ts';
import { allowedErrorRatio, atLeast, atMost, below } from '../../src/slo/budget.ts';
import { makeCalendar, makeObjective } from '../support/make-rule.ts';

const factors = (days: number): number[] => defaultConditions(days * DAY_MS).map(({ factor }) => factor);

describe('the default conditions', () => {
  test('at 30 days are the Workbook to the letter', () => {
    expect(defaultConditions(30 * DAY_MS)).toEqual([
      { type: 'burn_rate', severity: 'page', longMs: HOUR_MS, shortMs: 5 * MINUTE_MS, factor: 14.4 },
      { type: 'burn_rate', severity: 'page', longMs: 6 * HOUR_MS, shortMs: 30 * MINUTE_MS, factor: 6 },
      { type: 'burn_rate', severity: 'ticket', longMs: DAY_MS, shortMs: 2 * HOUR_MS, factor: 3 },
      { type: 'burn_rate', severity: 'ticket', longMs: 3 * DAY_MS, shortMs: 6 * HOUR_MS, factor: 1 },
    ]);
  });

  test('scale with the period, without dust in the decimals', () => {
    expect(factors(28)).toEqual([13.44, 5.6, 2.8, 1]);
    expect(factors(90)).toEqual([43.2, 18, 9, 3]);
  });

  test('never ask for less than a burn of 1, which spends no budget', () => {
    expect(factors(7)).toEqual([3.36, 1.4, 1, 1]);
  });

  test('leave out the pairs that look back further than the period', () => {
    expect(factors(2)).toEqual([1, 1, 1]);
    expect(factors(1)).toHaveLength(3);
    expect(defaultConditions(23 * HOUR_MS)).toHaveLength(2);
    expect(defaultConditions(HOUR_MS)).toHaveLength(1);
    expect(defaultConditions(59 * MINUTE_MS)).toEqual([]);
  });

  test('are the same list for the same period', () => {
    expect(defaultConditions(12 * DAY_MS)).toBe(defaultConditions(12 * DAY_MS));
  });
});

describe('a condition', () => {
  const condition = {
    type: 'burn_rate',
    severity: 'page',
    longMs: HOUR_MS,
    shortMs: 5 * MINUTE_MS,
    factor: 14.4,
  } as const;

  test('holds when both burn rates reach the factor', () => {
    expect(conditionHolds(condition, 14.4, 14.4)).toBe(true);
    expect(conditionHolds(condition, 20, 14.3)).toBe(false);
    expect(conditionHolds(condition, 14.3, 20)).toBe(false);
  });

  test('takes a value within 1e-9 of the factor for equal', () => {
    expect(conditionHolds(condition, 14.4 - 9e-10, 14.4)).toBe(true);
    expect(conditionHolds(condition, 14.4 - 2e-9, 14.4)).toBe(false);
  });

  test('does not hold where a burn rate is unknown', () => {
    expect(conditionHolds(condition, null, 20)).toBe(false);
    expect(conditionHolds(condition, 20, null)).toBe(false);
  });

  test('can fire only when a full outage burns fast enough', () => {
    // At 90 % a full outage burns at 10, at 95 % at 20.
    expect(canFire(condition, 0.9)).toBe(false);
    expect(canFire(condition, 0.95)).toBe(true);
    expect(canFire({ ...condition, factor: 10 }, 0.9)).toBe(true);
  });
});

describe('warnings', () => {
  const now = Date.parse('2026-11-10T00:00:00Z');
  const rolling = (durationMs: number) => ({ type: 'rolling', durationMs }) as const;

  test('name the objective, the alert and why it never fires', () => {
    const objectives = [
      makeObjective({ name: 'loose', target: 0.9 }),
      makeObjective({ name: 'tight', target: 0.999 }),
    ];
    expect(neverFiresWarnings({ timeWindow: rolling(28 * DAY_MS), objectives }, now)).toEqual([
      'Objective "loose": the page alert over 1h and 5m can never fire, since it needs a burn rate of 13.44 ' +
        'and a full outage burns at 10 with a target of 0.9.',
    ]);
  });

  test('are none for a usual target', () => {
    expect(
      neverFiresWarnings({ timeWindow: rolling(28 * DAY_MS), objectives: [makeObjective()] }, now),
    ).toEqual([]);
  });

  test('say that a window of less than an hour has no alerts', () => {
    const [warning] = neverFiresWarnings(
      { timeWindow: rolling(30 * MINUTE_MS), objectives: [makeObjective()] },
      now,
    );
    expect(warning).toMatch(/shorter than an hour/);
  });

  test('take a calendar window at its present length', () => {
    // A year of 365 days: 0.02 * 8760 = 175.2, and a full outage at 99 % burns at 100.
    const timeWindow = makeCalendar({ unit: 'year' });
    expect(neverFiresWarnings({ timeWindow, objectives: [makeObjective()] }, now)[0]).toContain('175.2');
  });
});

describe('comparisons with a bound', () => {
  test('take values within 1e-9 for equal', () => {
    expect([atLeast(1 - 1e-10, 1), atLeast(1 - 1e-8, 1)]).toEqual([true, false]);
    expect([atMost(1e-10, 0), atMost(1e-8, 0)]).toEqual([true, false]);
    expect([below(0.25 - 1e-10, 0.25), below(0.25 - 1e-8, 0.25)]).toEqual([false, true]);
  });

  test('what may be bad is the decimal that was meant', () => {
    expect(allowedErrorRatio(0.999)).toBe(0.001);
    expect(allowedErrorRatio(0.9)).toBe(0.1);
    expect(allowedErrorRatio(0.99999999)).toBe(1e-8);
    expect(allowedErrorRatio(1 - Number.EPSILON / 2)).toBeGreaterThan(0);
  });
});
