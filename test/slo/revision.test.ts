import { describe, expect, test } from 'vitest';
import { DAY_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import type { DefinitionRevision } from '../../src/slo/definition.ts';
import { objectiveAt, revisionAt, ruleAt, ruleSegments } from '../../src/slo/revision.ts';
import { makeObjective } from '../support/make-rule.ts';

const week = { type: 'rolling', durationMs: 7 * DAY_MS } as const;
const day = { type: 'rolling', durationMs: DAY_MS } as const;

/** Created at 1000 with `a`; at 2000 `a` was tightened and `b` added; at 3000 `a` removed, the window changed. */
const revisions: DefinitionRevision[] = [
  { fromMs: 1000, timeWindow: week, objectives: [makeObjective({ name: 'a', target: 0.9 })] },
  {
    fromMs: 2000,
    timeWindow: week,
    objectives: [makeObjective({ name: 'a', target: 0.99 }), makeObjective({ name: 'b' })],
  },
  { fromMs: 3000, timeWindow: day, objectives: [makeObjective({ name: 'b' })] },
];
const slo = {
  budgetingMethod: 'occurrences',
  sliceMs: MINUTE_MS,
  alertPolicy: { conditions: 'default' },
  revisions,
} as const;

test('the revision in force is the last one that has begun, the first also before its time', () => {
  const begun = (tMs: number): number => revisionAt(revisions, tMs).fromMs;
  expect([0, 999, 1000, 1999, 2000, 3000, 9999].map(begun)).toEqual([
    1000, 1000, 1000, 1000, 2000, 3000, 3000,
  ]);
});

test('an SLO without revisions is refused', () => {
  expect(() => revisionAt([], 0)).toThrow(RangeError);
});

describe('the rule of a past status', () => {
  test('has the target that was in force then', () => {
    expect(ruleAt(slo, 'a', 0)?.objective.target).toBe(0.9);
    expect(ruleAt(slo, 'a', 1999)?.objective.target).toBe(0.9);
    expect(ruleAt(slo, 'a', 2000)?.objective.target).toBe(0.99);
  });

  test('has the window that was in force then', () => {
    expect(ruleAt(slo, 'b', 2999)?.timeWindow).toEqual(week);
    expect(ruleAt(slo, 'b', 3000)?.timeWindow).toEqual(day);
  });

  test('is none before an added objective began, nor after one was removed', () => {
    expect(ruleAt(slo, 'b', 0)).toBeNull();
    expect(ruleAt(slo, 'b', 1999)).toBeNull();
    expect(ruleAt(slo, 'a', 3000)).toBeNull();
    expect(objectiveAt(revisions, 'a', 3000)).toBeNull();
    expect(objectiveAt(revisions, 'a', 500)?.target).toBe(0.9);
  });
});

test('segments cover the stretches in which the objective was there', () => {
  const shown = (name: string, fromMs: number, toMs: number) =>
    ruleSegments(slo, name, fromMs, toMs).map((one) => [one.fromMs, one.toMs, one.rule.objective.target]);
  expect(shown('a', 0, 5000)).toEqual([
    [0, 2000, 0.9],
    [2000, 3000, 0.99],
  ]);
  expect(shown('b', 2500, 5000)).toEqual([
    [2500, 3000, 0.99],
    [3000, 5000, 0.99],
  ]);
  expect(shown('a', 1500, 1600)).toEqual([[1500, 1600, 0.9]]);
  expect(shown('a', 4000, 5000)).toEqual([]);
  expect(shown('a', 100, 100)).toEqual([]);
});
