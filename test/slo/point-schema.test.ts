import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Sli } from '../../src/slo/definition.ts';
import { isFaulty, pointSchema, readPoint } from '../../src/slo/point-schema.ts';

const ratio: Sli = { type: 'ratio', incremental: false, alignment: 'drop', source: { type: 'push' } };
const threshold: Sli = { type: 'threshold', source: { type: 'push' } };
const at = '2026-11-10T12:00:00Z';

function faultsOf(raw: unknown, sli: Sli = ratio, ownField?: string): string[] {
  const result = readPoint(raw, sli, ['a', 'b'], ownField);
  return isFaulty(result) ? result.faults.map(({ path, message }) => `${path}: ${message}`) : [];
}

describe('a good point', () => {
  test('of a ratio', () => {
    expect(readPoint({ at, good: 9, total: 10, objective: 'b' }, ratio, ['a', 'b'])).toEqual({
      atMs: Date.parse(at),
      objective: 'b',
      good: 9,
      total: 10,
      bad: null,
      value: null,
    });
  });

  test('may carry one counterpart, its other one comes apart', () => {
    for (const field of ['good', 'bad', 'total']) expect(faultsOf({ at, [field]: 0 })).toEqual([]);
  });

  test('of a threshold: true is 1, false is 0', () => {
    const value = (given: unknown) => readPoint({ at, value: given }, threshold, []);
    expect(value(-12.5)).toMatchObject({ value: -12.5, good: null });
    expect(value(true)).toMatchObject({ value: 1 });
    expect(value(false)).toMatchObject({ value: 0 });
  });

  test('null is absent', () => {
    expect(faultsOf({ at, good: 1, total: 1, bad: null, value: null, objective: null })).toEqual([]);
  });

  test('a field that the caller reads itself is let through', () => {
    const line = { slo: 'default.api', at, good: 1, total: 1 };
    expect(faultsOf(line)).toEqual(['slo: is not a known field']);
    expect(faultsOf(line, ratio, 'slo')).toEqual([]);
  });
});

describe('each fault names its field', () => {
  const time = 'at: must be an RFC 3339 time with Z or an offset, such as 2026-01-31T12:00:00Z';

  test.each<[string, unknown, string[]]>([
    ['null', null, [': must be an object']],
    ['a list', [], [': must be an object']],
    ['a number', 3, [': must be an object']],
    ['nothing', {}, ['at: is required', ': needs at least one of good, bad and total']],
    ['an unknown field', { at, good: 1, gud: 2 }, ['gud: is not a known field']],
    [
      'a prototype',
      JSON.parse(`{"at":"${at}","good":1,"__proto__":{"total":3}}`),
      ['__proto__: is not a known field'],
    ],
    ['no time', { at: 'now', good: 1 }, [time]],
    ['a time of a number', { at: 1_700_000_000, good: 1 }, [time]],
    ['a time without an offset', { at: '2026-11-10T12:00:00', good: 1 }, [time]],
    ['30 February', { at: '2026-02-30T12:00:00Z', good: 1 }, [time]],
    ['a negative count', { at, good: -1 }, ['good: must be at least 0']],
    ['NaN', { at, good: Number.NaN }, ['good: must be a finite number']],
    ['an infinite count', { at, total: Number.POSITIVE_INFINITY }, ['total: must be a finite number']],
    ['a count beyond all counting', { at, bad: 1e300 }, ['bad: must be at most 9007199254740991']],
    ['a count of a text', { at, good: '1' }, ['good: must be a number']],
    ['a count of true', { at, good: true }, ['good: must be a number']],
    ['more good than total', { at, good: 11, total: 10 }, ['good: must not be above total']],
    ['more bad than total', { at, bad: 11, total: 10 }, ['bad: must not be above total']],
    ['a sum that is none', { at, good: 5, bad: 4, total: 10 }, ['total: must be the sum of good and bad']],
    ['a value', { at, good: 1, value: 1 }, ['value: applies only to threshold SLIs']],
    ['an unknown objective', { at, good: 1, objective: 'c' }, ['objective: is not an objective of this SLO']],
    ['an objective of a number', { at, good: 1, objective: 1 }, ['objective: must be a string']],
    [
      'several',
      { at: '', good: -1, total: 'x' },
      [time, 'good: must be at least 0', 'total: must be a number'],
    ],
  ])('%s', (_, raw, faults) => {
    expect(faultsOf(raw)).toEqual(faults);
  });

  test.each<[string, unknown, string[]]>([
    ['no value', { at }, ['value: is required']],
    ['NaN', { at, value: Number.NaN }, ['value: must be a finite number']],
    ['a text', { at, value: '1' }, ['value: must be a number, true or false']],
    [
      'counts',
      { at, value: 1, good: 1, bad: 0, total: 1 },
      ['good', 'bad', 'total'].map((field) => `${field}: applies only to ratio SLIs`),
    ],
  ])('of a threshold: %s', (_, raw, faults) => {
    expect(faultsOf(raw, threshold)).toEqual(faults);
  });

  test('three counts agree within rounding', () => {
    expect(faultsOf({ at, good: 0.1, bad: 0.2, total: 0.3 })).toEqual([]);
  });

  test('a name of a megabyte is not echoed', () => {
    expect(faultsOf({ at, good: 1, ['k'.repeat(1_000_000)]: 1 })[0]?.length).toBeLessThan(100);
  });
});

describe('the documented schema and the hand-written reader', () => {
  const anything = fc.oneof(
    fc.double({ noNaN: false }),
    fc.integer({ min: -2, max: 20 }),
    fc.constantFrom(null, undefined, true, 'x', '', 1e300, {}, []),
  );
  const times = fc.oneof(
    fc.constantFrom(
      at,
      '2026-11-10T12:00:00+05:45',
      '2026-02-29T00:00:00Z',
      '2026-11-10',
      7,
      null,
      undefined,
    ),
    fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') })
      .map((date) => date.toISOString()),
  );
  const raws = fc.record(
    {
      at: times,
      good: anything,
      bad: anything,
      total: anything,
      value: anything,
      objective: fc.constantFrom('a', 'b', null, 3),
      extra: fc.constant(1),
    },
    { requiredKeys: ['at'] },
  );
  /** What a single field can tell; the rest needs the SLO, or two fields together. */
  const joint = /applies only|needs at least one|must not be above|must be the sum|^value: is required/;

  test('agree on every field by itself', () => {
    fc.assert(
      fc.property(raws, fc.constantFrom(ratio, threshold), (raw, sli) => {
        const byField = faultsOf(raw, sli).filter((fault) => !joint.test(fault));
        expect(byField.length > 0).toBe(!pointSchema.safeParse(raw).success);
      }),
      { numRuns: 1000 },
    );
  });
});
