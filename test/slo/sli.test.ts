import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MinuteReceived, Point } from '../../src/slo/sli.ts';
import {
  addRatioPoint,
  addThresholdPoint,
  createMinute,
  mergeReceived,
  minuteOf,
  receivedOf,
  sliceIsGood,
  thresholdGood,
  usedOf,
} from '../../src/slo/sli.ts';

const MINUTE = Date.parse('2026-11-10T12:00:00Z');

function point(fields: Partial<Point>): Point {
  return { atMs: MINUTE, objective: null, good: null, bad: null, total: null, value: null, ...fields };
}

/** What one request with these points says about their minute. */
function request(...points: Partial<Point>[]): MinuteReceived {
  const minute = createMinute(MINUTE);
  for (const fields of points) addRatioPoint(minute, point(fields));
  return receivedOf(minute);
}

function received(fields: Partial<MinuteReceived>): MinuteReceived {
  return { minuteMs: MINUTE, good: null, bad: null, total: null, value: null, ...fields };
}

test('a point belongs to the minute that holds it', () => {
  expect(minuteOf(MINUTE)).toBe(MINUTE);
  expect(minuteOf(MINUTE + 59_999)).toBe(MINUTE);
  expect(minuteOf(MINUTE - 1)).toBe(MINUTE - 60_000);
});

describe('points of one minute in one request', () => {
  test('are summed', () => {
    expect(request({ good: 9, total: 10 }, { good: 5, total: 10 })).toEqual(
      received({ good: 14, total: 20 }),
    );
  });

  test('keep the fields that they came with', () => {
    expect(request({ bad: 1, total: 10 }, { bad: 2, total: 10 })).toEqual(received({ bad: 3, total: 20 }));
    expect(request({ good: 9, bad: 1 })).toEqual(received({ good: 9, bad: 1 }));
    expect(request({ good: 9, bad: 1, total: 10 })).toEqual(received({ good: 9, bad: 1, total: 10 }));
    expect(request({ good: 9 }, { total: 10 })).toEqual(received({ good: 9, total: 10 }));
    expect(request({ good: 9 })).toEqual(received({ good: 9 }));
  });

  test('with different pairs sum as good and total', () => {
    // 9 of 10, and 10 - 4 = 6 of 10.
    expect(request({ good: 9, total: 10 }, { bad: 4, total: 10 })).toEqual(received({ good: 15, total: 20 }));
    // 9 of 10, 10 - 4 = 6 of 10, 1 of 1 + 2 = 3.
    const all = request({ good: 9, total: 10 }, { bad: 4, total: 10 }, { good: 1, bad: 2 });
    expect(all).toEqual(received({ good: 16, total: 23 }));
  });

  test('with three fields and with two keep the two', () => {
    expect(request({ good: 9, bad: 1, total: 10 }, { bad: 2, total: 10 })).toEqual(
      received({ bad: 3, total: 20 }),
    );
  });

  test('with pairs and single fields add the singles to the fields they name', () => {
    expect(request({ good: 9, total: 10 }, { total: 5 })).toEqual(received({ good: 9, total: 15 }));
    expect(request({ good: 9, total: 10 }, { bad: 2 })).toEqual(received({ bad: 3, total: 10 }));
    expect(request({ good: 9, total: 10 }, { bad: 2 }, { good: 1 })).toEqual(received({ good: 10, bad: 3 }));
  });

  test('make the same minute in any order', () => {
    const count = fc.option(fc.integer({ min: 0, max: 1000 }), { nil: null });
    const points = fc.array(
      fc
        .record({ good: count, extra: count, shape: fc.constantFrom('gt', 'bt', 'gb', 'gbt', 'g', 'b', 't') })
        .map(({ good, extra, shape }): Partial<Point> => {
          const [g, b] = [good ?? 0, extra ?? 0];
          return {
            ...(shape.includes('g') ? { good: g } : {}),
            ...(shape.includes('b') ? { bad: b } : {}),
            ...(shape.includes('t') ? { total: g + b } : {}),
          };
        }),
      { minLength: 1, maxLength: 6 },
    );
    const shuffled = points.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    );
    fc.assert(
      fc.property(shuffled, ([list, other]) => {
        expect(request(...other)).toEqual(request(...list));
      }),
    );
  });

  test('as complete pairs of any kind use the sum of their good and their totals', () => {
    const pair = fc.record({
      good: fc.integer({ min: 0, max: 1000 }),
      bad: fc.integer({ min: 0, max: 1000 }),
      shape: fc.constantFrom('gt', 'bt', 'gb', 'gbt'),
    });
    fc.assert(
      fc.property(fc.array(pair, { minLength: 1, maxLength: 8 }), (pairs) => {
        const minute = request(
          ...pairs.map(({ good, bad, shape }) => ({
            ...(shape.includes('g') ? { good } : {}),
            ...(shape.includes('b') ? { bad } : {}),
            ...(shape.includes('t') ? { total: good + bad } : {}),
          })),
        );
        const good = pairs.reduce((sum, one) => sum + one.good, 0);
        const total = pairs.reduce((sum, one) => sum + one.good + one.bad, 0);
        expect(usedOf(minute)).toEqual({ good, total });
      }),
    );
  });
});

describe('a later request', () => {
  test('with a pair says all about the minute', () => {
    const before = received({ bad: 1, total: 10 });
    expect(mergeReceived(before, received({ good: 5, total: 8 }))).toEqual(received({ good: 5, total: 8 }));
  });

  test('pushed again changes nothing', () => {
    const minute = received({ good: 9, total: 10 });
    expect(mergeReceived(minute, minute)).toEqual(minute);
  });

  test('with one field replaces that field', () => {
    const before = received({ good: 9, total: 10 });
    expect(mergeReceived(before, received({ good: 7 }))).toEqual(received({ good: 7, total: 10 }));
    expect(mergeReceived(before, received({ total: 12 }))).toEqual(received({ good: 9, total: 12 }));
  });

  test('completes the pair of an earlier one', () => {
    const good = mergeReceived(null, received({ good: 9 }));
    expect(usedOf(good)).toBeNull();
    expect(usedOf(mergeReceived(good, received({ total: 10 })))).toEqual({ good: 9, total: 10 });
  });

  test('with a third field that agrees keeps all three', () => {
    const before = received({ good: 9, total: 10 });
    expect(mergeReceived(before, received({ bad: 1 }))).toEqual(received({ good: 9, bad: 1, total: 10 }));
  });

  test('with a third field that contradicts is believed, and the total with it', () => {
    expect(mergeReceived(received({ good: 9, total: 10 }), received({ bad: 3 }))).toEqual(
      received({ bad: 3, total: 10 }),
    );
    expect(mergeReceived(received({ bad: 1, total: 10 }), received({ good: 6 }))).toEqual(
      received({ good: 6, total: 10 }),
    );
    expect(mergeReceived(received({ good: 9, bad: 1 }), received({ total: 12 }))).toEqual(
      received({ good: 9, total: 12 }),
    );
  });
});

describe('what is used of a minute', () => {
  test('needs both counterparts', () => {
    expect(usedOf(received({ good: 1 }))).toBeNull();
    expect(usedOf(received({ bad: 1 }))).toBeNull();
    expect(usedOf(received({ total: 1 }))).toBeNull();
    expect(usedOf(received({}))).toBeNull();
  });

  test('comes from any two of the three', () => {
    expect(usedOf(received({ good: 9, total: 10 }))).toEqual({ good: 9, total: 10 });
    expect(usedOf(received({ bad: 1, total: 10 }))).toEqual({ good: 9, total: 10 });
    expect(usedOf(received({ good: 9, bad: 1 }))).toEqual({ good: 9, total: 10 });
  });

  test('a good or bad above its total is clamped', () => {
    expect(usedOf(received({ good: 12, total: 10 }))).toEqual({ good: 10, total: 10 });
    expect(usedOf(received({ bad: 12, total: 10 }))).toEqual({ good: 0, total: 10 });
  });

  test('a total of 0 is a known minute without events', () => {
    expect(usedOf(received({ good: 0, total: 0 }))).toEqual({ good: 0, total: 0 });
  });
});

describe('threshold points', () => {
  test.each([
    ['lt', 199, true],
    ['lt', 200, false],
    ['lte', 200, true],
    ['lte', 200.0000000001, false],
    ['gt', 201, true],
    ['gt', 200, false],
    ['gte', 200, true],
    ['gte', 199.9999999999, false],
  ] as const)('%s 200: %d is %j', (op, value, good) => {
    expect(thresholdGood(op, 200, value)).toBe(good);
  });

  test('count by one each, and the latest value stays', () => {
    const minute = createMinute(MINUTE);
    const values: [number, number][] = [
      [20, 250],
      [40, 150],
      [0, 100],
    ];
    for (const [second, value] of values) {
      addThresholdPoint(minute, point({ atMs: MINUTE + second * 1000, value }), 'lte', 200);
    }
    expect(receivedOf(minute)).toEqual(received({ good: 2, total: 3, value: 150 }));
  });

  test('of equal times the last in order gives the value', () => {
    const minute = createMinute(MINUTE);
    for (const value of [1, 2]) addThresholdPoint(minute, point({ value }), 'lt', 5);
    expect(receivedOf(minute).value).toBe(2);
  });

  test('of a later request replace those of the earlier one', () => {
    const before = received({ good: 2, total: 3, value: 150 });
    const after = received({ good: 0, total: 1, value: 900 });
    expect(mergeReceived(before, after)).toEqual(after);
  });
});

test('a slice within 1e-9 of its target is good', () => {
  expect(sliceIsGood(95, 100, 0.95)).toBe(true);
  expect(sliceIsGood(0.95 - 1e-10, 1, 0.95)).toBe(true);
  expect(sliceIsGood(0.95 - 1e-8, 1, 0.95)).toBe(false);
});
