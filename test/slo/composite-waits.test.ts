import { expect, test } from 'vitest';
import type { SloDefinition } from '../../src/slo/definition.ts';
import { parseSloInput } from '../../src/slo/definition-schema.ts';
import { type PureSlo, runPure } from '../support/pure-composition.ts';
import { usedMinute } from './used-minute.ts';

const at = (time: string): number => Date.parse(`2026-11-09T${time}:00Z`);

const pushed = (name: string, minutes: PureSlo['changes']): [string, PureSlo] => {
  const definition = parseSloInput({ name, target: 0.9 });
  return [name, { ...definition, revisions: [revisionOf(definition)], adjustments: [], changes: minutes }];
};

const revisionOf = ({ timeWindow, objectives }: SloDefinition) => ({ fromMs: 0, timeWindow, objectives });

const minutes = (count: number, good: 0 | 1): PureSlo['changes'] =>
  Array.from({ length: count }, (_, k) => usedMinute(at('10:00') + k * 60_000, good));

test('a composite that waits for longer than its window is looked back on from its newest minute, in a row of its own', () => {
  const definition = parseSloInput({
    name: 'both',
    target: 0.9,
    time_window: { type: 'rolling', duration: '20m' },
    sli: {
      type: 'composite',
      max_delay: '45m',
      components: [{ slo: 'ahead' }, { slo: 'behind' }],
    },
  });
  const { sli } = definition;
  if (sli.type !== 'composite') throw new Error('no composite');
  const composite = { ...sli, components: sli.components.map((one) => ({ ...one, sloId: one.slo })) };
  const slos = new Map([
    pushed('ahead', minutes(60, 0)),
    pushed('behind', minutes(20, 1)),
    [
      'both',
      { ...definition, revisions: [{ ...revisionOf(definition), composite }], adjustments: [], changes: [] },
    ],
  ]);
  const { rows, burnRatesAt } = runPure(slos, 'both', at('10:55'));
  // The minutes from 10:20 on are waited for; the window, from 10:30, holds none that was decided on.
  expect(rows.get(at('10:50'))).toMatchObject({
    status: null,
    composite: { lookbackEndMs: at('10:20') },
  });
  // Half of each of the 20 minutes is bad: five times the 0.1 that the target allows.
  expect(burnRatesAt(at('10:50')).burnRate).toBeCloseTo(5, 12);
});
