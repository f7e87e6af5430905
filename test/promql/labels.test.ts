import { describe, expect, test } from 'vitest';
import {
  compareLabels,
  labelPairs,
  labelValue,
  makeLabels,
  metricName,
  NO_LABELS,
  withLabel,
  withoutMetricName,
} from '../../src/promql/labels.ts';

const of = (record: Record<string, string>) => makeLabels(Object.entries(record));

describe('label sets', () => {
  test('are sorted, hold no empty value, and of a repeated name the last', () => {
    const labels = makeLabels([
      ['b', '2'],
      ['a', 'x'],
      ['c', ''],
      ['a', '1'],
    ]);
    expect(labelPairs(labels)).toEqual([
      ['a', '1'],
      ['b', '2'],
    ]);
    expect(labelValue(labels, 'c')).toBe('');
  });

  test('have one signature a set, whatever characters the values hold', () => {
    expect(of({ a: 'aa', b: 'bb' }).signature).not.toBe(of({ a: 'a', b: 'abb' }).signature);
    expect(of({ a: '1"b=1"2' }).signature).not.toBe(of({ a: '1', b: '2' }).signature);
    expect(of({ b: '2', a: '1' }).signature).toBe(of({ a: '1', b: '2' }).signature);
    expect(NO_LABELS.signature).toBe('');
  });

  test('lose a label that is set to nothing, and the name on request', () => {
    const labels = of({ __name__: 'up', a: '1' });
    expect(withLabel(labels, 'a', '')).toEqual(of({ __name__: 'up' }));
    expect(metricName(labels)).toBe('up');
    expect(withoutMetricName(labels)).toEqual(of({ a: '1' }));
  });

  test('are ordered pair by pair in the order of UTF-8 bytes, the shorter set first', () => {
    const sets = [
      of({ a: '\u{1F600}' }),
      of({ a: '\uFF01' }),
      of({ a: '1', b: '1' }),
      of({ a: '1' }),
      of({}),
    ];
    expect([...sets].sort(compareLabels)).toEqual([...sets].reverse());
  });
});
