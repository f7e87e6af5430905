import { expect, test } from 'vitest';
import { memorySource } from '../../scripts/conformance/memory-source.ts';
import { makeLabels } from '../../src/promql/labels.ts';
import { makeMatcher } from '../../src/promql/matcher.ts';
import { markStale, staleReader } from '../../src/promql/stale.ts';

test('a selection takes the samples after its start, up to and with its end', async () => {
  const series = {
    labels: makeLabels([['__name__', 'up']]),
    times: Float64Array.of(10, 20, 30, 40),
    values: Float64Array.of(1, 2, 3, 4),
    start: 0,
    end: 4,
  };
  const hints = {
    kind: 'range',
    startMs: 40,
    endMs: 40,
    stepMs: 1,
    windowMs: 20,
    around: null,
    grouping: null,
  } as const;
  const matchers = [makeMatcher('__name__', '=~', 'u.')];
  const [selected] = await memorySource([series]).select(
    [{ matchers, fromMs: 20, toMs: 40, hints }],
    new AbortController().signal,
  );
  expect(selected).toEqual([{ ...series, start: 2, end: 4 }]);
});

test('a staleness marker survives copies, and is no other NaN', () => {
  const values = Float64Array.of(1, Number.NaN, 3, Number.NaN);
  markStale(values, 3);
  const copy = new Float64Array(8);
  copy.set(values, 2);
  const isStale = staleReader(copy.subarray(2, 6));
  expect([0, 1, 2, 3].map(isStale)).toEqual([false, false, false, true]);
  expect(copy[5]).toBeNaN();
});
