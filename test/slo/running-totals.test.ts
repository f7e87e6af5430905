import { expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { RunningTotals } from '../../src/slo/running-totals.ts';

const MIDNIGHT = Date.UTC(2026, 10, 18);
const at = (minute: number): number => MIDNIGHT + minute * MINUTE_MS;

/** One good event of two in each minute that ends from the one instant to the other. */
function counted(from: number, to: number): RunningTotals {
  const totals = new RunningTotals(2);
  for (let minute = from; minute <= to; minute += 1) totals.push(at(minute), 1, 2);
  return totals;
}

test.each([1, 2, 5])('totals take the last %i rows of others', (rows) => {
  const all = counted(1, 20);
  const own = counted(1, 20 - rows);
  own.loadFrom(all, at(20 - rows + 1));
  expect([own.length, own.lastAt]).toEqual([all.length, at(20)]);
  expect(own.between(at(10), at(20))).toEqual({ good: 10, total: 20 });
});

test('totals take rows of others over midnight, with the day that they open', () => {
  const all = counted(-5, 5);
  const own = counted(-5, -2);
  own.loadFrom(all, at(-1));
  expect(own.lastAt).toBe(at(5));
  // From 23:55 to 00:05.
  expect(own.between(at(-5), at(5))).toEqual({ good: 10, total: 20 });
});

test('from behind the last row on there is nothing to take', () => {
  const own = counted(1, 4);
  own.loadFrom(counted(1, 4), at(5));
  expect(own.lastAt).toBe(at(4));
});

test('totals with room for more, cut at both ends, count what is left', () => {
  const totals = counted(-30, 30);
  totals.reserve(1000);
  totals.dropBefore(at(-10));
  totals.dropFrom(at(21));
  expect([totals.firstAt, totals.lastAt]).toEqual([at(-10), at(20)]);
  expect(totals.between(at(-10), at(20))).toEqual({ good: 30, total: 60 });
  expect(totals.between(at(0), at(1))).toEqual({ good: 1, total: 2 });
});
