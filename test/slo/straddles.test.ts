import { expect, test } from 'vitest';
import type { SloDefinition } from '../../src/slo/definition.ts';
import { parseSloInput } from '../../src/slo/definition-schema.ts';
import { type PureSlo, runPure } from '../support/pure-composition.ts';
import { usedMinute } from './used-minute.ts';

const at = (time: string): number => Date.parse(`2026-11-09T${time}:00Z`);

const sliced = (target: number, time_window: object) =>
  parseSloInput({
    name: 'slo',
    budgeting_method: 'timeslices',
    time_slice_window: '20m',
    objectives: [{ name: 'default', target: 0.9, time_slice_target: target }],
    time_window,
  });

const minute = (time: string, good: 0 | 1) => usedMinute(at(time), good);

/** `after` replaced `before` at that time. */
const changed = (
  before: SloDefinition,
  after: SloDefinition,
  fromMs: number,
  changes: PureSlo['changes'],
): ReadonlyMap<string, PureSlo> => {
  const revision = ({ timeWindow, objectives }: SloDefinition, since: number) => ({
    fromMs: since,
    timeWindow,
    objectives,
  });
  const revisions = [revision(before, 0), revision(after, fromMs)];
  return new Map([['slo', { ...after, revisions, adjustments: [], changes }]]);
};

const FROM_22_07 = { type: 'calendar', unit: 'day', start: '2024-01-01T22:07:00' };

test('a period that began within a slice, before its window came into force, sees that slice by its minutes', () => {
  // From 22:50 on, days begin at 22:07, within the slice that ends at 22:20. One of the 5 minutes there is bad.
  const minutes = [minute('22:10', 0), ...Array.from({ length: 44 }, (_, k) => minute(`22:${16 + k}`, 1))];
  const slos = changed(
    sliced(0.9, { type: 'rolling', duration: '1h' }),
    sliced(0.9, FROM_22_07),
    at('22:50') - 30_000,
    minutes,
  );
  const { rows } = runPure(slos, 'slo', at('23:00'));
  // The slices that end at 22:20, 22:40 and 23:00 are observed, and the first of the day's 72 is bad.
  expect(rows.get(at('23:00'))?.status).toMatchObject({ countGood: 40, countTotal: 60, badUsed: 20 });
  expect(rows.get(at('22:50'))?.status?.reliability).toBeCloseTo(1 - 1 / 72, 12);
});

test('a slice that straddles the start of a period is judged by the slice target at its end', () => {
  // 4 of 5 minutes are good: bad at 0.9, good at 0.8, which came after the last of them.
  const minutes = [minute('22:10', 0), ...[11, 12, 13, 14].map((m) => minute(`22:${m}`, 1))];
  const slos = changed(sliced(0.9, FROM_22_07), sliced(0.8, FROM_22_07), at('22:18') + 5000, minutes);
  const { rows } = runPure(slos, 'slo', at('22:21'));
  expect(rows.get(at('22:20'))?.status).toMatchObject({ reliability: 1, countGood: 20, badUsed: 0 });
});
