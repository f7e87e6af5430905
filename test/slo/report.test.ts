import { describe, expect, test } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { FigureWalk, type MinuteFigures, suspectBelow } from '../../src/slo/minute-figures.ts';
import { reportRow } from '../../src/slo/report.ts';
import type { ObjectiveRule } from '../../src/slo/rule.ts';
import { objectiveStatus } from '../../src/slo/status.ts';
import { periodAt } from '../../src/slo/window.ts';
import { bruteSumsBetween } from '../support/brute-force.ts';
import { makeRule } from '../support/make-rule.ts';

const START = Date.parse('2026-11-10T00:00:00Z');

interface UsedMinute {
  readonly minuteMs: number;
  readonly good: number;
  readonly total: number;
}

function minuteFigures(
  rule: ObjectiveRule,
  fromMs: number,
  toMs: number,
  minutes: readonly UsedMinute[],
): MinuteFigures {
  const walk = new FigureWalk(rule, fromMs, toMs);
  walk.count(minutes.length);
  for (const { minuteMs, good, total } of minutes) {
    // The others are only counted.
    if (good / total < suspectBelow(rule)) walk.add(minuteMs, good, total);
  }
  return walk.figures();
}

/** Minutes from the start on, by their good of 10; null for a minute without data. */
function minutes(...good: (number | null)[]): UsedMinute[] {
  return good.flatMap((count, k) =>
    count === null ? [] : [{ minuteMs: START + k * MINUTE_MS, good: count, total: 10 }],
  );
}

describe('bad minutes by occurrences', () => {
  const rule = makeRule({}, { target: 0.9 });
  const figures = (...good: (number | null)[]) =>
    minuteFigures(rule, START, START + HOUR_MS, minutes(...good));

  test('are the observed ones below the target', () => {
    expect(figures(10, 9, 8, 0, 10)).toEqual({ minutesObserved: 5, minutesBad: 2, longestBadRun: 2 });
  });

  test('a minute at the target is not bad', () => {
    expect(figures(9, 9).minutesBad).toBe(0);
  });

  test('a minute without data ends a run, for nothing is known of it', () => {
    expect(figures(0, 0, null, 0, 10, 0)).toEqual({ minutesObserved: 5, minutesBad: 4, longestBadRun: 2 });
  });
});

describe('bad minutes by time slices', () => {
  const rule = makeRule(
    { budgetingMethod: 'timeslices', sliceMs: 5 * MINUTE_MS },
    { target: 0.9, timeSliceTarget: 0.9 },
  );

  test('are all minutes of the bad slices, and runs go on from slice to slice', () => {
    // Two bad slices of 5 minutes, the second with one minute of data; a good one; a bad one.
    const used = minutes(0, 0, 10, 10, 10, null, 0, null, null, null, 10, 10, 10, 10, 10, 0);
    expect(minuteFigures(rule, START, START + HOUR_MS, used)).toEqual({
      minutesObserved: 12,
      minutesBad: 15,
      longestBadRun: 10,
    });
  });

  test('only the minutes within the period count of a slice that straddles its start', () => {
    const fromMs = START + 2 * MINUTE_MS;
    const used = minutes(null, null, 0, 0, 0);
    expect(minuteFigures(rule, fromMs, START + HOUR_MS, used)).toMatchObject({
      minutesBad: 3,
      longestBadRun: 3,
    });
  });

  test('a slice that is not complete at the end does not count', () => {
    expect(minuteFigures(rule, START, START + 4 * MINUTE_MS, minutes(0, 0, 0, 0)).minutesBad).toBe(0);
  });
});

describe('a row', () => {
  const rule = makeRule({}, { target: 0.9 });
  const window = { ...periodAt('day', 'UTC', START), lengthMs: 24 * HOUR_MS, rolling: false };

  /** The report of the day for an SLO whose own window is a rolling one. */
  function row(used: UsedMinute[], tMs = window.endMs) {
    const status = objectiveStatus(rule, tMs, bruteSumsBetween(rule, used), { window });
    const open = tMs < window.endMs;
    return reportRow(status, minuteFigures(rule, window.startMs, tMs, used), 2, open);
  }

  test('is computed over the period itself', () => {
    // 36 of 40: 4 bad, and 10 % of 40 allowed.
    expect(row(minutes(10, 10, 8, 8))).toEqual({
      objective: 'default',
      startMs: START,
      endMs: START + 24 * HOUR_MS,
      open: false,
      target: 0.9,
      reliability: 0.9,
      met: true,
      good: 36,
      total: 40,
      bad: 4,
      budgetUsed: 1,
      minutesObserved: 4,
      minutesBad: 2,
      longestBadRun: 2,
      alertsFired: 2,
    });
  });

  test('is not met below the target', () => {
    expect(row(minutes(10, 10, 8, 7))).toMatchObject({ met: false, bad: 5, budgetUsed: 1.25 });
  });

  test('without data is neither met nor missed', () => {
    expect(row([])).toMatchObject({
      met: null,
      reliability: null,
      good: null,
      budgetUsed: null,
      minutesBad: 0,
    });
  });

  test('of the open period shows what is known so far', () => {
    expect(row(minutes(10, 0), START + MINUTE_MS)).toMatchObject({ open: true, reliability: 1, met: true });
  });
});
