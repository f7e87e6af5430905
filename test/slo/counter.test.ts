import { describe, expect, test } from 'vitest';
import { countIncreases, mergeCounterPoints, UNKNOWN_VALUES } from '../../src/slo/counter.ts';

const point = (atMs: number, good: number | null, total: number | null, bad: number | null = null) => ({
  atMs,
  good,
  bad,
  total,
});

describe('the increases of a counter', () => {
  test('are the differences to the values before', () => {
    const { counts, after } = countIncreases([point(1, 107, 210), point(2, 109, 215)], {
      good: 100,
      bad: null,
      total: 200,
    });
    expect(counts).toEqual({ good: 7 + 2, bad: null, total: 10 + 5 });
    expect(after).toEqual({ good: 109, bad: null, total: 215 });
  });

  test('are unknown for the first value ever, and known from the second on', () => {
    expect(countIncreases([point(1, 5, null)], UNKNOWN_VALUES).counts.good).toBeNull();
    expect(countIncreases([point(1, 5, null), point(2, 8, null)], UNKNOWN_VALUES).counts.good).toBe(3);
    // The total is known already, the good is not.
    const { counts } = countIncreases([point(1, 5, 50)], { good: null, bad: null, total: 40 });
    expect(counts).toEqual({ good: null, bad: null, total: 10 });
  });

  test('are the value itself after a reset', () => {
    const before = { good: 100, bad: null, total: null };
    expect(countIncreases([point(1, 7, null)], before).counts.good).toBe(7);
    expect(countIncreases([point(1, 100, null)], before).counts.good).toBe(0);
  });

  test('a reset of one is a reset of both that one point carries', () => {
    const before = { good: 3, bad: null, total: 200 };
    // The total fell to 10, so the good began anew too, though it rose from 3 to 7.
    expect(countIncreases([point(1, 7, 10)], before).counts).toEqual({ good: 7, bad: null, total: 10 });
    // In two points the good did not: 7 - 3.
    const apart = countIncreases([point(1, 7, null), point(1, null, 10)], before);
    expect(apart.counts).toEqual({ good: 4, bad: null, total: 10 });
  });
});

describe('points of one minute', () => {
  test('stand in the order of their times', () => {
    expect(mergeCounterPoints([point(3, 3, 3)], [point(1, 1, 1), point(2, 2, 2)])).toEqual([
      point(1, 1, 1),
      point(2, 2, 2),
      point(3, 3, 3),
    ]);
  });

  test('at the same time replace the fields that they bring', () => {
    expect(mergeCounterPoints([point(1, 5, 10)], [point(1, 6, 12)])).toEqual([point(1, 6, 12)]);
    expect(mergeCounterPoints([point(1, 5, 10)], [point(1, 6, null)])).toEqual([
      point(1, null, 10),
      point(1, 6, null),
    ]);
    expect(mergeCounterPoints([point(1, 5, null)], [point(1, null, 10)])).toEqual([
      point(1, 5, null),
      point(1, null, 10),
    ]);
  });
});
