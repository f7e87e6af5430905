import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import {
  changedFrom,
  decodeMarks,
  encodeMarks,
  type HistoryMark,
  markChange,
} from '../../src/slo/history-marks.ts';

const after = (minutes: readonly number[]): HistoryMark[] =>
  minutes.reduce<HistoryMark[]>((marks, minute) => markChange(marks, minute * MINUTE_MS), []);

test('the last changes are told apart one by one', () => {
  const marks = after([10, 50, 40]);
  expect(changedFrom(marks, 0)).toBe(Number.POSITIVE_INFINITY);
  expect(changedFrom(marks, 1)).toBe(40 * MINUTE_MS);
  // The oldest two stand together once there are three: 10 and 50.
  expect(marks.map(({ count }) => count)).toEqual([1, 2]);
  expect(changedFrom(marks, 2)).toBe(10 * MINUTE_MS);
  expect(changedFrom(marks, 3)).toBe(10 * MINUTE_MS);
});

test('what was missed beyond all marks is not known', () => {
  expect(changedFrom([], 1)).toBe(Number.NEGATIVE_INFINITY);
  expect(changedFrom(after([10]), 2)).toBe(Number.NEGATIVE_INFINITY);
});

test('one old change is forgotten by whoever has missed only newer ones', () => {
  // One change of minute 5, then a thousand of ever later minutes, as live pushes make them.
  const marks = after([5, ...Array.from({ length: 1000 }, (_, i) => 1000 + i)]);
  expect(marks.length).toBeLessThan(25);
  expect(changedFrom(marks, 10)).toBeGreaterThanOrEqual(1000 * MINUTE_MS);
  expect(changedFrom(marks, 300)).toBeGreaterThanOrEqual(1000 * MINUTE_MS);
  expect(changedFrom(marks, 1001)).toBe(5 * MINUTE_MS);
});

test('marks stay few, and beyond what they hold nothing is known', () => {
  const marks = after(Array.from({ length: 20_000 }, (_, i) => i));
  expect(marks.length).toBeLessThanOrEqual(27);
  expect(changedFrom(marks, 20_000)).toBe(Number.NEGATIVE_INFINITY);
});

test('never later than the truth, and never more than about twice as many changes back', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1e6 }), { maxLength: 300 }), fc.nat(300), (minutes, k) => {
      const changes = Math.min(k, minutes.length);
      const told = changedFrom(after(minutes), changes);
      const last = (n: number): number =>
        Math.min(...(n === 0 ? [] : minutes.slice(-n)).map((m) => m * MINUTE_MS));
      expect(told).toBeLessThanOrEqual(last(changes));
      expect(told).toBeGreaterThanOrEqual(last(Math.min(minutes.length, 3 * changes)));
    }),
  );
});

test('they survive being stored', () => {
  const marks = after([3, 1, 4, 1, 5, 9, 2, 6]);
  expect(decodeMarks(encodeMarks(marks))).toEqual(marks);
});
