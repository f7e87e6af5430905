import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { statusInstants, statusLookbacks } from '../../src/slo/instants.ts';
import { lastInstant, windowInstant } from '../../src/slo/rule.ts';
import { windowAt } from '../../src/slo/window.ts';
import { makeRule } from '../support/make-rule.ts';

const T = Date.UTC(2026, 10, 18, 12, 34, 56);

test('the instants of a status are the ends of its look-backs and of its window, ascending, each once', () => {
  const minutes = fc.oneof(
    fc.constantFrom(5, 30, 60, 360, 361, 1440),
    fc.integer({ min: 5, max: 90 * 1440 }),
  );
  fc.assert(
    fc.property(minutes, fc.constantFrom(1, 5, 15, 60), fc.boolean(), (length, slice, slices) => {
      const sliceMs = slice * MINUTE_MS;
      const rule = makeRule({
        ...(slices ? { budgetingMethod: 'timeslices', sliceMs } : {}),
        timeWindow: { type: 'rolling', durationMs: length * MINUTE_MS },
      });
      const last = lastInstant(rule, T);
      const start = Math.min(windowInstant(rule, windowAt(rule.timeWindow, T)), last);
      const expected = new Set([...statusLookbacks(rule).map((reach) => last - reach), start, last]);
      expect(statusInstants(rule, T)).toEqual([...expected].toSorted((a, b) => a - b));
    }),
  );
});

test('look-backs are whole slices, whichever slices were asked about before', () => {
  const reaches = (slice: number) =>
    statusLookbacks(
      makeRule({
        budgetingMethod: 'timeslices',
        sliceMs: slice * MINUTE_MS,
        timeWindow: { type: 'rolling', durationMs: 28 * DAY_MS },
      }),
    ).map((ms) => ms / MINUTE_MS);
  expect(reaches(1)).toEqual([5, 30, 60, 360]);
  expect(reaches(15)).toEqual([15, 30, 60, 360]);
  expect(reaches(60)).toEqual([60, (6 * HOUR_MS) / MINUTE_MS]);
  expect(reaches(1)).toEqual([5, 30, 60, 360]);
});
