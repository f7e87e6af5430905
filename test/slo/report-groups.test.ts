import { describe, expect, test } from 'vitest';
import { type GroupableReport, groupReports } from '../../src/slo/report-groups.ts';

const START = Date.parse('2026-11-01T00:00:00Z');
const END = Date.parse('2026-12-01T00:00:00Z');

/** A report of `good` out of `total` against 90 %; null for none. */
function report(
  slo: string,
  counts: [good: number, total: number] | null,
  more: Partial<GroupableReport> = {},
) {
  const [good, total] = counts ?? [null, null];
  const bad = good === null || total === null ? null : total - good;
  const budgetUsed = bad === null || total === null ? null : bad / (total * 0.1);
  return {
    project: 'default',
    slo,
    service: 'shop',
    labels: {},
    unit: 'events',
    objective: 'default',
    startMs: START,
    endMs: END,
    open: false,
    target: 0.9,
    reliability: good === null || total === null ? null : good / total,
    met: budgetUsed === null ? null : budgetUsed <= 1,
    good,
    total,
    bad,
    budgetUsed,
    minutesObserved: 1,
    minutesBad: 0,
    longestBadMinutes: 0,
    alertsFired: null,
    ...more,
  } satisfies GroupableReport & { longestBadMinutes: number };
}

describe('a group', () => {
  test('weighs by events, and shows the worst beside', () => {
    // 980 + 1 of 1000 + 10: the small one is far worse, and hardly moves the sum.
    const [group] = groupReports([report('big', [980, 1000]), report('small', [1, 10])], { by: 'service' });
    expect(group).toMatchObject({
      group: 'shop',
      objectives: 2,
      objectivesMet: 1,
      objectivesMissed: 1,
      good: 981,
      total: 1010,
      bad: 29,
      reliability: 981 / 1010,
      worst: { slo: 'small', budgetUsed: 9 },
    });
  });

  test('counts objectives without data, and sums up the others', () => {
    const groups = groupReports([report('quiet', null), report('api', [9, 10])], { by: 'project' });
    expect(groups).toMatchObject([{ objectives: 2, objectivesMet: 1, objectivesMissed: 0, total: 10 }]);
  });

  test('without any data has no figures', () => {
    const groups = groupReports([report('quiet', null)], { by: 'project' });
    expect(groups).toMatchObject([{ good: null, total: null, bad: null, reliability: null, worst: null }]);
  });

  test('never adds minutes to events', () => {
    const groups = groupReports([report('api', [9, 10]), report('slices', [50, 60], { unit: 'minutes' })], {
      by: 'service',
    });
    expect(groups.map(({ unit, total }) => [unit, total])).toEqual([
      ['events', 10],
      ['minutes', 60],
    ]);
  });

  test('has a row for each period', () => {
    const next = { startMs: END, endMs: END + 1, open: true };
    const groups = groupReports([report('api', [9, 10], next), report('api', [8, 10])], { by: 'service' });
    expect(groups.map(({ startMs, good }) => [startMs, good])).toEqual([
      [START, 8],
      [END, 9],
    ]);
  });

  test('of a label named as what every object has is of those that have the label', () => {
    const groups = groupReports([report('api', [9, 10])], { by: 'label', label: 'constructor' });
    expect(groups).toMatchObject([{ group: null }]);
  });
});
