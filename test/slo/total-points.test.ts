import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DAY_MS, floorTo, MINUTE_MS } from '../../src/lib/duration.ts';
import { type DayBase, RunningTotals } from '../../src/slo/running-totals.ts';
import { type TotalPoint, TotalPoints } from '../../src/slo/total-points.ts';

const START = Date.UTC(2026, 10, 18, 22, 0);
const minute = (n: number): number => START + n * MINUTE_MS;

/** Four hours around midnight, a row a minute, as they are stored; and the sums over them. */
function history(counts: readonly number[]): {
  points: TotalPoint[];
  bases: DayBase[];
  totals: RunningTotals;
} {
  const totals = new RunningTotals(counts.length + 2);
  const points: TotalPoint[] = [];
  const bases = new Map<number, DayBase>();
  counts.forEach((count, n) => {
    totals.push(minute(n), count, 2 * count);
    const { good, total } = totals.lastRun;
    points.push({
      at: minute(n),
      good: good.high,
      total: total.high,
      goodLow: good.low,
      totalLow: total.low,
      hasData: n % 3 === 0 ? null : n % 3 === 1,
    });
    const base = totals.lastDay;
    if (base !== null) bases.set(base.dayMs, base);
  });
  return { points, bases: [...bases.values()], totals };
}

const countOf = fc.oneof(fc.integer({ min: 0, max: 1000 }), fc.double({ min: 0, max: 1, noNaN: true }));

test('rows added in any order, with room for few or many, sum as the running totals do', () => {
  fc.assert(
    fc.property(
      fc.array(countOf, { minLength: 2, maxLength: 240 }),
      fc.integer({ min: 0, max: 300 }),
      fc.integer(),
      (counts, capacity, order) => {
        const { points, bases, totals } = history(counts);
        const shuffled = points.toSorted((a, b) => ((a.at * 7 + order) % 97) - ((b.at * 7 + order) % 97));
        const [before, own, after] = TotalPoints.forSeries([2, capacity, 2]);
        if (before === undefined || own === undefined || after === undefined)
          throw new Error('three were asked for');
        for (const neighbour of [before, after]) neighbour.add({ ...FIVE, at: minute(0) });
        for (const point of shuffled) own.add(point);
        for (const point of shuffled) own.add({ ...point, good: -1 });
        for (const base of bases) own.addBase(base);
        const last = counts.length - 1;
        for (const [from, to] of [
          [0, last],
          [Math.floor(last / 3), Math.floor(last / 2)],
          [last, last],
        ] as const) {
          expect(own.between(minute(from), minute(to))).toEqual(totals.between(minute(from), minute(to)));
        }
        expect(own.between(minute(-5), minute(last + 5))).toEqual(
          totals.between(minute(-5), minute(last + 5)),
        );
        expect(own.runningTotals().end).toEqual(totals.end);
        for (const { at, hasData } of points) expect([own.has(at), own.dataAt(at)]).toEqual([true, hasData]);
        expect([own.has(minute(-1)), own.dataAt(minute(-1))]).toEqual([false, null]);
        // Neighbours in the same piece of memory keep what is theirs.
        for (const neighbour of [before, after]) {
          expect(neighbour.between(minute(-1), minute(1))).toEqual({ good: 5, total: 5 });
        }
      },
    ),
    { numRuns: Number(process.env.RUNS ?? 100) },
  );
});

const FIVE: TotalPoint = { at: 0, good: 5, total: 5, goodLow: 0, totalLow: 0, hasData: null };

test('sums over midnight without the base of a day are an error, not a wrong number', () => {
  const [points] = TotalPoints.forSeries([2]);
  points?.add({ ...FIVE, at: START });
  points?.add({ ...FIVE, at: floorTo(START, DAY_MS) + DAY_MS });
  expect(() => points?.between(START, START + DAY_MS)).toThrow('running totals without their day');
});
