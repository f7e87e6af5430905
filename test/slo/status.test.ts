import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { burnRates } from '../../src/slo/burn-rates.ts';
import { burnRateInstants, statusInstants, statusLookbacks } from '../../src/slo/instants.ts';
import { straddlingSlice } from '../../src/slo/rule.ts';
import type { ObjectiveRule, Sums, SumsBetween } from '../../src/slo/status.ts';
import { objectiveStatus, worstState } from '../../src/slo/status.ts';
import { windowAt } from '../../src/slo/window.ts';
import type { UsedMinute } from '../support/brute-force.ts';
import { bruteFigures, bruteStraddle, bruteSumsBetween } from '../support/brute-force.ts';
import { makeCalendar, makeRule } from '../support/make-rule.ts';

const NOON = Date.parse('2026-11-10T12:00:00Z');

/** `count` minutes in a row, each with the same counts. */
function minutes(fromMs: number, count: number, good: number, total: number): UsedMinute[] {
  return Array.from({ length: count }, (_, k) => ({ minuteMs: fromMs + k * MINUTE_MS, good, total }));
}

function statusOf(rule: ObjectiveRule, tMs: number, used: readonly UsedMinute[]) {
  const window = windowAt(rule.timeWindow, tMs);
  return objectiveStatus(rule, tMs, bruteSumsBetween(rule, used), bruteStraddle(rule, window, used));
}

describe('occurrences', () => {
  test('budget counts events: 5 of 1000 bad at 99 % spend half of the 10 allowed', () => {
    const status = statusOf(makeRule(), NOON, [{ minuteMs: NOON - HOUR_MS, good: 995, total: 1000 }]);
    expect(status).toMatchObject({
      atMs: NOON,
      objective: 'default',
      reliability: 0.995,
      budget: 0.5,
      countGood: 995,
      countTotal: 1000,
      badAllowed: 10,
      badUsed: 5,
      burnRate: 0.5,
      // Half of 1 % of the day's 1440 minutes.
      budgetMinutesRemaining: 7.2,
      timeToExhaustionSeconds: null,
      state: 'healthy',
    });
  });

  test('a minute counts once it is complete', () => {
    const used = minutes(NOON, 1, 1, 1);
    expect(statusOf(makeRule(), NOON + MINUTE_MS - 1, used).state).toBe('no_data');
    expect(statusOf(makeRule(), NOON + MINUTE_MS, used).state).toBe('healthy');
  });

  test('a minute leaves when the window has moved past it', () => {
    const used = minutes(NOON, 1, 1, 1);
    expect(statusOf(makeRule(), NOON + DAY_MS, used).reliability).toBe(1);
    expect(statusOf(makeRule(), NOON + DAY_MS + MINUTE_MS, used).reliability).toBeNull();
  });

  test('without data every figure is null, and not 0', () => {
    expect(statusOf(makeRule(), NOON, [])).toMatchObject({
      state: 'no_data',
      reliability: null,
      budget: null,
      burnRate: null,
      countGood: null,
      countTotal: null,
      badAllowed: null,
      badUsed: null,
      budgetMinutesRemaining: null,
      timeToExhaustionSeconds: null,
    });
  });

  test('minutes with a total of 0 are no data', () => {
    expect(statusOf(makeRule(), NOON, minutes(NOON - HOUR_MS, 30, 0, 0)).state).toBe('no_data');
  });

  test('a budget spent to the last event is exhausted, with rounding in the sums or not', () => {
    // 1 % of 1000, the good ones in tenths: 0.1 * 9900 sums to 990.0000000000...
    const used = [...minutes(NOON - 10 * HOUR_MS, 99, 0.1, 0.1), ...minutes(NOON - 2 * HOUR_MS, 1, 0, 0.1)];
    expect(statusOf(makeRule(), NOON, used)).toMatchObject({
      state: 'exhausted',
      timeToExhaustionSeconds: 0,
    });
  });

  test('a budget of a quarter is not yet at risk, less is', () => {
    const spent = (bad: number) =>
      statusOf(makeRule(), NOON, [{ minuteMs: NOON - 8 * HOUR_MS, good: 100_000 - bad, total: 100_000 }]);
    expect(spent(750)).toMatchObject({ budget: 0.25, state: 'healthy' });
    expect(spent(751).state).toBe('at_risk');
    expect(spent(999).state).toBe('at_risk');
    expect(spent(1000).state).toBe('exhausted');
  });

  test('time to exhaustion is budget * window / burn', () => {
    // 1000 a minute for a day; the last hour at 98 %: 1200 of 14,400 bad.
    const used = [...minutes(NOON - DAY_MS, 23 * 60, 1000, 1000), ...minutes(NOON - HOUR_MS, 60, 980, 1000)];
    const status = statusOf(makeRule(), NOON, used);
    expect(status.burnRate).toBeCloseTo(2, 12);
    expect(status.budget).toBeCloseTo(1 - 1200 / 14_400, 12);
    expect(status.timeToExhaustionSeconds).toBeCloseTo(((1 - 1200 / 14_400) * 86_400) / 2, 6);
  });

  test('a burn of 1 never exhausts the budget', () => {
    const used = minutes(NOON - HOUR_MS / 2, 30, 1, 1).concat(
      minutes(NOON - HOUR_MS, 30, 0.98, 1),
      minutes(NOON - DAY_MS, 60, 1, 1),
    );
    const status = statusOf(makeRule(), NOON, used);
    expect(status.burnRate).toBeCloseTo(1, 12);
    expect(status.timeToExhaustionSeconds).toBeNull();
  });

  test('for a calendar window the estimate ends with the period', () => {
    const rule = makeRule({ timeWindow: makeCalendar({ unit: 'day' }) });
    const burn = (good: number) =>
      statusOf(rule, NOON, [
        ...minutes(NOON - 12 * HOUR_MS, 11 * 60, 100, 100),
        ...minutes(NOON - HOUR_MS, 60, good, 100),
      ]);
    // At 98 %: burn 2, budget 1 - 2/12: 0.8333 * 24 h / 2 = 10 h, and 12 h are left.
    expect(burn(98).timeToExhaustionSeconds).toBeCloseTo(10 * 3600, 6);
    // At 98.5 %: burn 1.5, budget 1 - 1.5/12 = 0.875: 14 h.
    expect(burn(98.5).timeToExhaustionSeconds).toBeNull();
  });
});

describe('the SRE Workbook at 99.9 % over 30 days', () => {
  const rule = makeRule({ timeWindow: { type: 'rolling', durationMs: 30 * DAY_MS } }, { target: 0.999 });

  /** A window of 30 days without a fault, whose last `spanMs` had the given share of errors. */
  const lately =
    (spanMs: number, errorRatio: number): SumsBetween =>
    (fromMs, toMs) => {
      const bad = (Math.max(0, toMs - Math.max(fromMs, NOON - spanMs)) / MINUTE_MS) * errorRatio;
      const total = (toMs - fromMs) / MINUTE_MS;
      return { good: total - bad, total };
    };

  test.each([
    [1, 30 * DAY_MS],
    [2, 15 * DAY_MS],
    [10, 3 * DAY_MS],
    [1000, (30 * DAY_MS) / 1000],
  ])('a burn of %d exhausts it in %d ms', (burn, spanMs) => {
    const status = objectiveStatus(rule, NOON, lately(spanMs, burn * 0.001));
    expect(status.budget).toBeCloseTo(0, 9);
    expect(status.state).toBe('exhausted');
  });

  test('1000 is a full outage: 43.2 minutes', () => {
    expect((30 * DAY_MS) / 1000 / MINUTE_MS).toBe(43.2);
  });

  test('5 % of the budget in an hour is a burn of 36', () => {
    // 36 * 1 h / 720 h = 5 %.
    const status = objectiveStatus(rule, NOON, lately(HOUR_MS, 0.036));
    expect(status.burnRate).toBeCloseTo(36, 9);
    expect(status.budget).toBeCloseTo(0.95, 9);
  });

  test('with 15 % errors the hour reaches 14.4 after 5.76 minutes', () => {
    const burnAfter = (minutesLong: number) =>
      objectiveStatus(rule, NOON, lately(minutesLong * MINUTE_MS, 0.15));
    expect(burnAfter(5.76).burnRate).toBeCloseTo(14.4, 9);
    expect(burnAfter(5.76).state).toBe('at_risk');
    expect(burnAfter(5.7)).toMatchObject({ state: 'healthy' });
  });
});

describe('time slices', () => {
  const slices = { budgetingMethod: 'timeslices' } as const;
  const ofNine = { target: 0.9, timeSliceTarget: 0.9 };

  test('bad slices count against all of the window, unknown ones as good', () => {
    const rule = makeRule({ ...slices, timeWindow: { type: 'rolling', durationMs: HOUR_MS } }, ofNine);
    const used = [...minutes(NOON - 10 * MINUTE_MS, 3, 8, 10), ...minutes(NOON - 5 * MINUTE_MS, 5, 9, 10)];
    expect(statusOf(rule, NOON, used)).toMatchObject({
      reliability: 57 / 60,
      budget: 0.5,
      countGood: 5,
      countTotal: 8,
      badAllowed: 6,
      badUsed: 3,
      burnRate: 0.5,
      budgetMinutesRemaining: 3,
    });
  });

  test('a slice of five minutes counts when it is complete, and leaves whole', () => {
    const rule = makeRule(
      { ...slices, sliceMs: 5 * MINUTE_MS, timeWindow: { type: 'rolling', durationMs: HOUR_MS } },
      ofNine,
    );
    const used = minutes(NOON, 5, 0, 1);
    expect(statusOf(rule, NOON + 4 * MINUTE_MS, used).reliability).toBeNull();
    expect(statusOf(rule, NOON + 5 * MINUTE_MS, used)).toMatchObject({ reliability: 11 / 12, badUsed: 5 });
    // The window (11:05, 12:05] moves to (12:05, 13:05], which no longer holds the slice's end.
    expect(statusOf(rule, NOON + HOUR_MS + 4 * MINUTE_MS, used).reliability).toBe(11 / 12);
    expect(statusOf(rule, NOON + HOUR_MS + 5 * MINUTE_MS, used).reliability).toBeNull();
  });

  test('a lookback shorter than a slice sees the last complete one', () => {
    const rule = makeRule({ ...slices, sliceMs: 15 * MINUTE_MS }, ofNine);
    const used = minutes(NOON, 15, 0, 1);
    const fiveMinutes = (tMs: number) => burnRates(rule, tMs, bruteSumsBetween(rule, used)).windows[0];
    // ceil(5 / 15) = 1 slice, all bad: 1 / 0.1.
    expect(fiveMinutes(NOON + 29 * MINUTE_MS)).toMatchObject({
      window: '5m',
      errorRatio: 1,
      good: 0,
      total: 15,
    });
    expect(fiveMinutes(NOON + 29 * MINUTE_MS)?.burnRate).toBeCloseTo(10, 12);
    expect(fiveMinutes(NOON + 30 * MINUTE_MS)).toMatchObject({
      burnRate: null,
      errorRatio: null,
      good: null,
      total: null,
    });
  });

  test('a month of hours in Paris with the clock change has 745 slices', () => {
    const rule = makeRule(
      { ...slices, sliceMs: HOUR_MS, timeWindow: makeCalendar({ timeZone: 'Europe/Paris' }) },
      ofNine,
    );
    const status = statusOf(
      rule,
      Date.parse('2026-10-10T00:00:00Z'),
      minutes(Date.parse('2026-10-05T03:00:00Z'), 1, 0, 1),
    );
    expect(status.reliability).toBe(744 / 745);
  });

  describe('in Kathmandu, where days begin at 18:15 UTC, with slices of an hour', () => {
    const rule = makeRule(
      { ...slices, sliceMs: HOUR_MS, timeWindow: makeCalendar({ unit: 'day', timeZone: 'Asia/Kathmandu' }) },
      { target: 0.5, timeSliceTarget: 0.9 },
    );
    const start = Date.parse('2026-11-10T18:15:00Z');
    const at = (clock: string): number => Date.parse(`2026-11-10T${clock}:00Z`);
    const badBefore = minutes(at('18:00'), 15, 0, 1);
    const goodAfter = minutes(start, 45, 1, 1);

    test('the slice of 18:00 belongs to the day that begins in it, by its minutes from 18:15', () => {
      expect(straddlingSlice(windowAt(rule.timeWindow, start), HOUR_MS)).toEqual({
        fromMs: start,
        toMs: at('19:00'),
      });
      // All 60 minutes are 75 % good, the 45 of the new day 100 %.
      expect(statusOf(rule, at('19:00'), [...badBefore, ...goodAfter])).toMatchObject({
        reliability: 1,
        countGood: 60,
        countTotal: 60,
      });
    });

    test('nor does a good beginning help a bad rest', () => {
      const used = [...minutes(at('18:00'), 15, 1000, 1000), ...minutes(start, 45, 0, 1)];
      // The slices that end in (18:15, 18:15 of the next day] are 24.
      expect(statusOf(rule, at('19:00'), used)).toMatchObject({ reliability: 23 / 24, badUsed: 60 });
    });

    test('it does not count before it is complete, nor when its minutes of the day are empty', () => {
      expect(statusOf(rule, at('18:59'), [...badBefore, ...goodAfter]).state).toBe('no_data');
      expect(statusOf(rule, at('19:00'), badBefore).state).toBe('no_data');
      expect(statusOf(rule, at('20:00'), [...badBefore, ...minutes(at('19:00'), 1, 1, 1)])).toMatchObject({
        reliability: 1,
        countTotal: 60,
      });
    });

    test('it is judged by the slice target of its own time', () => {
      const sums = bruteSumsBetween(rule, []);
      const straddle = { good: 8, total: 10 };
      expect(objectiveStatus(rule, at('19:00'), sums, { straddle }).badUsed).toBe(60);
      expect(
        objectiveStatus(rule, at('19:00'), sums, { straddle: { ...straddle, timeSliceTarget: 0.8 } }).badUsed,
      ).toBe(0);
    });

    test('the slice that straddles the end is left to the next day', () => {
      const last = minutes(Date.parse('2026-11-11T18:00:00Z'), 15, 0, 1);
      expect(statusOf(rule, start + DAY_MS - MINUTE_MS, last).state).toBe('no_data');
    });

    test("the SLO's own burn covers the day so far, the fixed windows whole slices", () => {
      const used = [
        ...minutes(at('18:00'), 15, 0, 1),
        ...minutes(start, 45, 1, 1),
        ...minutes(at('19:00'), 60, 0, 1),
      ];
      const options = bruteStraddle(rule, windowAt(rule.timeWindow, at('20:00')), used);
      const { windows } = burnRates(rule, at('20:00'), bruteSumsBetween(rule, used), options);
      expect(windows.find(({ window }) => window === 'day')).toEqual({
        window: 'day',
        errorRatio: 0.5,
        burnRate: 1,
        good: 60,
        total: 120,
      });
      expect(windows.find(({ window }) => window === '2h')).toMatchObject({ errorRatio: 1, burnRate: 2 });
    });
  });
});

describe('page conditions put a healthy budget at risk', () => {
  const rule = makeRule({ timeWindow: { type: 'rolling', durationMs: 28 * DAY_MS } }, { target: 0.999 });
  const ratios =
    (byLookback: Readonly<Record<number, number>>): SumsBetween =>
    (fromMs, toMs) => {
      const bad = byLookback[toMs - fromMs] ?? 0;
      return { good: 1 - bad, total: 1 };
    };

  test('1 h and 5 m at 13.44', () => {
    const both = { [HOUR_MS]: 0.01344, [5 * MINUTE_MS]: 0.01344 };
    expect(objectiveStatus(rule, NOON, ratios(both)).state).toBe('at_risk');
    expect(objectiveStatus(rule, NOON, ratios({ ...both, [5 * MINUTE_MS]: 0.0134 })).state).toBe('healthy');
    expect(objectiveStatus(rule, NOON, ratios({ ...both, [HOUR_MS]: 0.0134 })).state).toBe('healthy');
  });

  test('6 h and 30 m at 5.6', () => {
    const both = { [6 * HOUR_MS]: 0.0056, [30 * MINUTE_MS]: 0.0056 };
    expect(objectiveStatus(rule, NOON, ratios(both)).state).toBe('at_risk');
  });

  test('ticket conditions do not', () => {
    const tickets = { [DAY_MS]: 0.5, [2 * HOUR_MS]: 0.5, [3 * DAY_MS]: 0.5, [6 * HOUR_MS]: 0.5 };
    expect(objectiveStatus(rule, NOON, ratios(tickets)).state).toBe('healthy');
  });

  test('a policy of its own replaces the default one', () => {
    const conditions = [
      { type: 'burn_rate', severity: 'page', longMs: 2 * HOUR_MS, shortMs: 10 * MINUTE_MS, factor: 2 },
    ] as const;
    const both = { [2 * HOUR_MS]: 0.002, [10 * MINUTE_MS]: 0.002 };
    expect(objectiveStatus({ ...rule, conditions }, NOON, ratios(both)).state).toBe('at_risk');
    expect(statusLookbacks({ ...rule, conditions })).toEqual([10 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS]);
  });
});

test('the worst state wins; no data is the mildest', () => {
  expect(worstState(['healthy', 'exhausted', 'no_data'])).toBe('exhausted');
  expect(worstState(['healthy', 'at_risk'])).toBe('at_risk');
  expect(worstState(['no_data', 'healthy'])).toBe('healthy');
  expect(worstState([])).toBe('no_data');
});

describe('burn rates', () => {
  test("list seven windows and the SLO's own, once", () => {
    const labels = (rule: ObjectiveRule) =>
      burnRates(rule, NOON, () => ({ good: 1, total: 1 })).windows.map(({ window }) => window);
    const fixed = ['5m', '30m', '1h', '2h', '6h', '1d', '3d'];
    expect(labels(makeRule({ timeWindow: { type: 'rolling', durationMs: 28 * DAY_MS } }))).toEqual([
      ...fixed,
      '28d',
    ]);
    expect(labels(makeRule())).toEqual(fixed);
    expect(labels(makeRule({ timeWindow: makeCalendar() }))).toEqual([...fixed, 'month']);
    expect(labels(makeRule({ timeWindow: makeCalendar({ unit: 'week', count: 2 }) }))).toEqual([
      ...fixed,
      '2 weeks',
    ]);
  });

  test('list the conditions, those that hold and those that do not', () => {
    const rule = makeRule({ timeWindow: { type: 'rolling', durationMs: 28 * DAY_MS } }, { target: 0.999 });
    // 3 bad of 1000 everywhere: a burn of 3.
    const { burnRate, alerts } = burnRates(rule, NOON, () => ({ good: 997, total: 1000 }));
    expect(burnRate).toBeCloseTo(3, 12);
    expect(alerts).toEqual([
      {
        severity: 'page',
        longWindow: '1h',
        shortWindow: '5m',
        factor: 13.44,
        holds: false,
        firingSinceMs: null,
      },
      {
        severity: 'page',
        longWindow: '6h',
        shortWindow: '30m',
        factor: 5.6,
        holds: false,
        firingSinceMs: null,
      },
      {
        severity: 'ticket',
        longWindow: '1d',
        shortWindow: '2h',
        factor: 2.8,
        holds: true,
        firingSinceMs: null,
      },
      {
        severity: 'ticket',
        longWindow: '3d',
        shortWindow: '6h',
        factor: 1,
        holds: true,
        firingSinceMs: null,
      },
    ]);
  });

  test("a calendar SLO's own window begins with its period", () => {
    const rule = makeRule({ timeWindow: makeCalendar({ unit: 'day' }) });
    const midnight = Date.parse('2026-11-10T00:00:00Z');
    const used = [...minutes(midnight - HOUR_MS, 60, 0, 1), ...minutes(midnight, 60, 1, 1)];
    const { windows } = burnRates(rule, midnight + HOUR_MS, bruteSumsBetween(rule, used));
    expect(windows.find(({ window }) => window === 'day')).toMatchObject({
      burnRate: 0,
      good: 60,
      total: 60,
    });
    expect(windows.find(({ window }) => window === '2h')).toMatchObject({
      errorRatio: 0.5,
      good: 60,
      total: 120,
    });
  });
});

describe('laws', () => {
  const sliceMinutes = fc.constantFrom(1, 5, 15, 60);
  const rules = fc
    .record({
      method: fc.constantFrom('occurrences' as const, 'timeslices' as const),
      slice: sliceMinutes,
      calendar: fc.boolean(),
      zone: fc.constantFrom('UTC', 'Asia/Kathmandu', 'Australia/Eucla'),
      target: fc.constantFrom(0.5, 0.9, 0.99, 0.999),
      timeSliceTarget: fc.constantFrom(0.5, 0.9, 1),
      hours: fc.integer({ min: 1, max: 30 }),
    })
    .map(({ method, slice, calendar, zone, target, timeSliceTarget, hours }) =>
      makeRule(
        {
          budgetingMethod: method,
          sliceMs: (method === 'timeslices' ? slice : 1) * MINUTE_MS,
          timeWindow: calendar
            ? makeCalendar({ unit: 'day', timeZone: zone })
            : { type: 'rolling', durationMs: hours * HOUR_MS },
        },
        { target, timeSliceTarget: method === 'timeslices' ? timeSliceTarget : null },
      ),
    );
  const usedMinutes = fc
    .uniqueArray(
      fc.record({
        ago: fc.integer({ min: 0, max: 1800 }),
        total: fc.integer({ min: 0, max: 9 }),
        bad: fc.integer({ min: 0, max: 3 }),
      }),
      { selector: ({ ago }) => ago, maxLength: 60 },
    )
    .map((list) =>
      list.map(
        ({ ago, total, bad }): UsedMinute => ({
          minuteMs: NOON - ago * MINUTE_MS,
          total,
          good: Math.max(0, total - bad),
        }),
      ),
    );
  const times = fc.integer({ min: NOON - 3 * HOUR_MS, max: NOON + 3 * HOUR_MS });

  test('a status from differences of totals equals the one that visits every minute and slice', () => {
    fc.assert(
      fc.property(rules, usedMinutes, times, (rule, used, tMs) => {
        const status = statusOf(rule, tMs, used);
        const expected = bruteFigures(rule, status.window, tMs, used);
        for (const [field, value] of Object.entries(expected)) {
          const actual = status[field as keyof typeof expected];
          if (value === null) expect(actual, field).toBeNull();
          else expect(actual, field).toBeCloseTo(value, 9);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('only the announced instants are asked for', () => {
    fc.assert(
      fc.property(rules, usedMinutes, times, (rule, used, tMs) => {
        const asked = new Set<number>();
        const brute = bruteSumsBetween(rule, used);
        const sums = (fromMs: number, toMs: number): Sums => {
          expect(fromMs).toBeLessThan(toMs);
          asked.add(fromMs).add(toMs);
          return brute(fromMs, toMs);
        };
        objectiveStatus(rule, tMs, sums);
        const known = statusInstants(rule, tMs);
        expect(known).toEqual([...new Set(known)].sort((a, b) => a - b));
        for (const instant of asked) expect(known).toContain(instant);
        asked.clear();
        burnRates(rule, tMs, sums);
        for (const instant of asked) expect(burnRateInstants(rule, tMs)).toContain(instant);
      }),
      { numRuns: 200 },
    );
  });

  test('the shown figures hang together', () => {
    fc.assert(
      fc.property(rules, usedMinutes, times, (rule, used, tMs) => {
        const { budget, reliability, badAllowed, badUsed, countGood, countTotal, burnRate, state } = statusOf(
          rule,
          tMs,
          used,
        );
        if (burnRate !== null) expect(burnRate).toBeGreaterThanOrEqual(0);
        if (budget === null || reliability === null || badAllowed === null || badUsed === null) {
          expect([budget, reliability, badAllowed, badUsed, countGood, countTotal]).toEqual(
            Array(6).fill(null),
          );
          expect(state).toBe('no_data');
          return;
        }
        expect(budget).toBeCloseTo(1 - badUsed / badAllowed, 9);
        expect((countTotal ?? 0) - (countGood ?? 0)).toBeCloseTo(badUsed, 9);
        // Reliability at the target is a budget of 0.
        expect(budget).toBeCloseTo((reliability - rule.objective.target) / (1 - rule.objective.target), 9);
      }),
      { numRuns: 200 },
    );
  });
});
