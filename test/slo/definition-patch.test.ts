import { describe, expect, test } from 'vitest';
import { ServiceError } from '../../src/lib/errors.ts';
import type { SloDefinition } from '../../src/slo/definition.ts';
import { applySloPatch, definitionToWire, parseSloInput } from '../../src/slo/definition-schema.ts';

const single = parseSloInput({
  name: 'api',
  target: 0.999,
  service: 'checkout',
  labels: { team: 'payments', tier: '1' },
});
const pair = parseSloInput({
  name: 'api',
  objectives: [
    { name: 'a', target: 0.9, primary: true, display_name: 'A' },
    { name: 'b', target: 0.99 },
  ],
});
const sliced = parseSloInput({
  name: 'api',
  budgeting_method: 'timeslices',
  time_slice_window: '5m',
  objectives: [{ name: 'a', target: 0.9, time_slice_target: 0.95 }],
});

/** The wire form after a patch. */
function patched(current: SloDefinition, patch: unknown) {
  return definitionToWire(applySloPatch(current, patch));
}

function faultsOf(current: SloDefinition, patch: unknown): string[] {
  try {
    applySloPatch(current, patch);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    expect(error.code).toBe('invalid');
    return error.details.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

describe('JSON merge', () => {
  test('an empty patch changes nothing', () => {
    for (const slo of [single, pair, sliced]) expect(applySloPatch(slo, {})).toEqual(slo);
  });

  test('what is absent stays', () => {
    expect(patched(single, { description: 'new' })).toEqual({
      ...definitionToWire(single),
      description: 'new',
    });
  });

  test('null is the default', () => {
    const reset = patched(single, { service: null, labels: null, time_window: null, display_name: null });
    expect(reset).toMatchObject({
      service: 'api',
      labels: {},
      time_window: { type: 'rolling', duration: '28d' },
    });
  });

  test('labels are merged, null removes one', () => {
    expect(patched(single, { labels: { tier: null, region: 'eu' } }).labels).toEqual({
      team: 'payments',
      region: 'eu',
    });
  });

  test('a window is merged, one of another type replaces it', () => {
    const weekly = applySloPatch(single, { time_window: { duration: '7d' } });
    expect(definitionToWire(weekly).time_window).toEqual({ type: 'rolling', duration: '7d' });
    const monthly = applySloPatch(weekly, {
      time_window: { type: 'calendar', unit: 'month', time_zone: 'Asia/Tokyo' },
    });
    expect(definitionToWire(monthly).time_window).toMatchObject({
      type: 'calendar',
      count: 1,
      time_zone: 'Asia/Tokyo',
    });
    const quarterly = patched(monthly, { time_window: { unit: 'quarter', time_zone: null } }).time_window;
    expect(quarterly).toMatchObject({ unit: 'quarter', time_zone: 'UTC' });
  });

  test('the same type of SLI may be named', () => {
    expect(applySloPatch(single, { sli: { type: 'ratio' } })).toEqual(single);
    expect(applySloPatch(single, { sli: null })).toEqual(single);
  });
});

describe('objectives', () => {
  const targets = (current: SloDefinition, objectives: unknown[]) =>
    patched(current, { objectives }).objectives.map(({ name, target }) => [name, target]);

  test('are matched by name; one that is not listed stays', () => {
    expect(targets(pair, [{ name: 'b', target: 0.995 }])).toEqual([
      ['a', 0.9],
      ['b', 0.995],
    ]);
  });

  test('take a target in percent over the one they had', () => {
    expect(targets(pair, [{ name: 'a', target_percent: 95 }])[0]).toEqual(['a', 0.95]);
  });

  test('of a new name are added', () => {
    expect(targets(pair, [{ name: 'c', target: 0.5 }])).toHaveLength(3);
  });

  test('go with remove', () => {
    expect(targets(pair, [{ name: 'a', remove: true }])).toEqual([['b', 0.99]]);
  });

  test('reset a field with null', () => {
    expect(
      patched(pair, { objectives: [{ name: 'a', display_name: null }] }).objectives[0]?.display_name,
    ).toBe('');
  });

  test('hand over the primary one', () => {
    const primaries = patched(pair, { objectives: [{ name: 'b', primary: true }] }).objectives.map(
      (one) => one.primary,
    );
    expect(primaries).toEqual([false, true]);
  });

  test('may be one only, and then the target alone does', () => {
    expect(patched(single, { target: 0.99 }).objectives[0]).toMatchObject({ name: 'default', target: 0.99 });
    expect(patched(single, { target_percent: 99.5 }).objectives[0]).toMatchObject({ target: 0.995 });
  });
});

test('time slice fields leave with the time slices', () => {
  expect(patched(sliced, { budgeting_method: 'occurrences' })).toMatchObject({
    budgeting_method: 'occurrences',
    time_slice_window: null,
    objectives: [{ name: 'a', target: 0.9 }],
  });
  expect(patched(sliced, { budgeting_method: null }).objectives[0]).not.toHaveProperty('time_slice_target');
});

test('a patch to time slices brings the slice targets', () => {
  const objectives = [
    { name: 'a', time_slice_target: 0.9 },
    { name: 'b', time_slice_target: 0.9 },
  ];
  expect(patched(pair, { budgeting_method: 'timeslices', objectives })).toMatchObject({
    time_slice_window: '1m',
  });
});

describe('each fault has its path in the patch', () => {
  test.each<[string, SloDefinition, unknown, string[]]>([
    ['no object', single, null, [': must be an object']],
    ['a list', single, [], [': must be an object']],
    ['an unknown field', single, { tagret: 1 }, ['tagret: is not a known field']],
    [
      'what cannot change',
      single,
      { id: 'x', project: 'p', name: 'n' },
      ['id: cannot be changed', 'project: cannot be changed', 'name: cannot be changed'],
    ],
    ['another SLI', single, { sli: { type: 'threshold' } }, ['sli.type: cannot be changed from ratio']],
    ['a prototype', single, JSON.parse('{"__proto__":{}}'), ['__proto__: is not a known field']],
    ['a wrong type', single, { service: 7 }, ['service: must be a string']],
    ['a wrong target', single, { target: 1 }, ['target: must be below 1']],
    ['no target', single, { target: null }, ['target: cannot be null']],
    [
      'two targets',
      single,
      { target: 0.9, target_percent: 90 },
      ['target_percent: give either target or target_percent, not both'],
    ],
    [
      'a target of several',
      pair,
      { target: 0.5 },
      ['target: names no objective: the SLO has several, list them by name'],
    ],
    [
      'a target beside objectives',
      single,
      { target: 0.5, objectives: [{ name: 'default', target: 0.5 }] },
      ['target: give either a target or a list of objectives, not both'],
    ],
    ['objectives of null', pair, { objectives: null }, ['objectives: must be a list']],
    [
      'an objective without a name',
      pair,
      { objectives: [{ target: 0.5 }] },
      ['objectives[0].name: is required'],
    ],
    [
      'a new objective without a target',
      pair,
      { objectives: [{ name: 'c' }] },
      ['objectives[0].target: is required'],
    ],
    [
      'a target taken away',
      pair,
      { objectives: [{ name: 'b', target: null }] },
      ['objectives[0].target: is required'],
    ],
    [
      'a name listed twice',
      pair,
      {
        objectives: [
          { name: 'b', target: 0.5 },
          { name: 'b', target: 0.6 },
        ],
      },
      ['objectives[1].name: is the name of an earlier one'],
    ],
    [
      'two new primary ones',
      pair,
      {
        objectives: [
          { name: 'b', primary: true },
          { name: 'a', primary: true },
        ],
      },
      ['objectives[0].primary: only one objective can be primary'],
    ],
    [
      'removing one that is not there',
      pair,
      { objectives: [{ name: 'x', remove: true }] },
      ['objectives[0].name: is not an objective of this SLO'],
    ],
    [
      'removing the last',
      pair,
      {
        objectives: [
          { name: 'a', remove: true },
          { name: 'b', remove: true },
        ],
      },
      ['objectives: must hold at least one objective'],
    ],
    [
      'time slices without slice targets',
      single,
      { budgeting_method: 'timeslices' },
      ['objectives: time_slice_target of the objective "default" is required for time slices'],
    ],
    [
      'a bound for a ratio',
      pair,
      { objectives: [{ name: 'b', op: 'lt', value: 3 }] },
      [
        'objectives[0].op: applies only to threshold SLIs',
        'objectives[0].value: applies only to threshold SLIs',
      ],
    ],
    [
      'a slice for occurrences',
      single,
      { time_slice_window: '5m' },
      ['time_slice_window: applies only to time slices'],
    ],
    [
      'a window that the slice does not divide',
      sliced,
      { time_window: { duration: '7m' } },
      ['time_window.duration: must be a multiple of the time slice of 5m'],
    ],
    [
      'a unit in a rolling window',
      single,
      { time_window: { unit: 'day' } },
      ['time_window.unit: is not a known field'],
    ],
  ])('%s', (_, current, patch, faults) => {
    expect(faultsOf(current, patch)).toEqual(faults);
  });

  test('21 objectives in the end are too many', () => {
    const objectives = Array.from({ length: 20 }, (_, k) => ({ name: `o${k}`, target: 0.9 }));
    expect(faultsOf(single, { objectives })).toEqual(['objectives: must have at most 20 items']);
  });
});
