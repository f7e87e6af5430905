import { describe, expect, test } from 'vitest';
import { DAY_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { ServiceError } from '../../src/lib/errors.ts';
import { ratioOfPercent } from '../../src/slo/definition-fields.ts';
import { definitionToWire, parseSloInput, sloInputSchema } from '../../src/slo/definition-schema.ts';
import { sloDefinitionSchema } from '../../src/slo/definition-shape.ts';

/** The faults of an input, each as `path: message`. */
function faultsOf(input: unknown): string[] {
  try {
    parseSloInput(input);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    expect(error.code).toBe('invalid');
    return error.details.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

const api = { name: 'api', target: 0.999 };
const calendar = { type: 'calendar', unit: 'month' };
const listed = (...objectives: unknown[]) => ({ name: 'api', objectives });
const sliced = (objective: object, slo: object = {}) => ({
  name: 'api',
  budgeting_method: 'timeslices',
  objectives: [{ name: 'default', target: 0.99, ...objective }],
  ...slo,
});
const latency = (objective: object) => ({
  name: 'api',
  sli: { type: 'threshold' },
  objectives: [{ name: 'default', target: 0.99, ...objective }],
});

describe('defaults', () => {
  test('a name and a target make an SLO', () => {
    expect(parseSloInput(api)).toEqual({
      project: 'default',
      name: 'api',
      displayName: '',
      description: '',
      service: 'api',
      labels: {},
      budgetingMethod: 'occurrences',
      sliceMs: MINUTE_MS,
      timeWindow: { type: 'rolling', durationMs: 28 * DAY_MS },
      sli: { type: 'ratio', incremental: false, alignment: 'drop', source: { type: 'push' } },
      objectives: [
        {
          name: 'default',
          displayName: '',
          target: 0.999,
          primary: true,
          timeSliceTarget: null,
          op: null,
          value: null,
        },
      ],
      alertPolicy: { conditions: 'default' },
    });
  });

  test('null stands for the default', () => {
    const nulls = {
      ...api,
      project: null,
      service: null,
      labels: null,
      time_window: null,
      sli: null,
      objectives: null,
    };
    expect(parseSloInput(nulls)).toEqual(parseSloInput(api));
  });

  test('a calendar window is one unit of UTC, from 2024', () => {
    expect(parseSloInput({ ...api, time_window: calendar }).timeWindow).toEqual({
      type: 'calendar',
      unit: 'month',
      count: 1,
      timeZone: 'UTC',
      start: '2024-01-01T00:00:00',
    });
  });

  test('a start of minutes gets its seconds', () => {
    const { timeWindow } = parseSloInput({ ...api, time_window: { ...calendar, start: '2026-01-31T08:30' } });
    expect(timeWindow).toMatchObject({ start: '2026-01-31T08:30:00' });
  });

  test('the only objective is the primary one, of several none unless one says so', () => {
    const primaries = (...objectives: object[]) =>
      parseSloInput(listed(...objectives)).objectives.map(({ primary }) => primary);
    expect(primaries({ name: 'a', target: 0.9 })).toEqual([true]);
    expect(primaries({ name: 'a', target: 0.9, primary: false })).toEqual([false]);
    expect(primaries({ name: 'a', target: 0.9 }, { name: 'b', target: 0.9 })).toEqual([false, false]);
    expect(primaries({ name: 'a', target: 0.9 }, { name: 'b', target: 0.9, primary: true })).toEqual([
      false,
      true,
    ]);
  });
});

describe('percent', () => {
  test.each([
    [99.9, 0.999],
    [99.99, 0.9999],
    [99.95, 0.9995],
    [99.999999, 0.99999999],
    [58.1, 0.581],
    [0.1, 0.001],
  ])('%d percent is %d to the last bit', (percent, ratio) => {
    expect(ratioOfPercent(percent)).toBe(ratio);
  });

  test('is taken at the top and in an objective', () => {
    expect(parseSloInput({ name: 'api', target_percent: 99.9 }).objectives[0]?.target).toBe(0.999);
    expect(parseSloInput(listed({ name: 'a', target_percent: 99.5 })).objectives[0]?.target).toBe(0.995);
  });
});

describe('the wire form', () => {
  test('is read back as the same definition, and fits its own schema', () => {
    for (const input of [
      api,
      {
        ...api,
        labels: { team: 'payments' },
        description: 'two\nlines',
        time_window: { ...calendar, count: 3, time_zone: 'Europe/Paris' },
      },
      sliced({ time_slice_target: 0.95 }, { time_slice_window: '5m' }),
      latency({ op: 'lte', value: 200 }),
    ]) {
      const definition = parseSloInput(input);
      const wire = definitionToWire(definition);
      expect(sloDefinitionSchema.parse(wire)).toEqual(wire);
      expect(parseSloInput(JSON.parse(JSON.stringify(wire)))).toEqual(definition);
    }
  });

  test('names its fields as the contract does', () => {
    expect(
      definitionToWire(parseSloInput({ ...api, service: 'checkout', labels: { team: 'payments' } })),
    ).toEqual({
      name: 'api',
      display_name: '',
      description: '',
      project: 'default',
      service: 'checkout',
      labels: { team: 'payments' },
      budgeting_method: 'occurrences',
      time_slice_window: null,
      time_window: { type: 'rolling', duration: '28d' },
      sli: { type: 'ratio', incremental: false, alignment: 'drop', source: { type: 'push' } },
      objectives: [{ name: 'default', display_name: '', target: 0.999, primary: true }],
      alert_policy: { conditions: 'default' },
    });
  });

  test('shows the slice of time slices, the bound of thresholds, two weeks as 14d', () => {
    expect(definitionToWire(parseSloInput(sliced({ time_slice_target: 0.95 })))).toMatchObject({
      time_slice_window: '1m',
      objectives: [{ time_slice_target: 0.95 }],
    });
    expect(definitionToWire(parseSloInput(latency({ op: 'gt', value: 0 }))).objectives[0]).toMatchObject({
      op: 'gt',
      value: 0,
    });
    const fortnight = { ...api, time_window: { type: 'rolling', duration: '2w' } };
    expect(definitionToWire(parseSloInput(fortnight)).time_window).toEqual({
      type: 'rolling',
      duration: '14d',
    });
  });
});

describe('each fault has its path', () => {
  const rfc1123 = 'must be lower-case letters, digits and inner hyphens (an RFC 1123 label)';
  const slice =
    'must be whole minutes that divide an hour: 1m, 2m, 3m, 4m, 5m, 6m, 10m, 12m, 15m, 20m, 30m or 1h';
  const start =
    'must be a local date and time of whole minutes without an offset, such as 2024-01-01T00:00:00';
  const zone = 'must be an IANA time zone such as Europe/Paris or UTC';
  const ops = 'must be one of "lt", "lte", "gt", "gte"';

  test.each<[string, unknown, string[]]>([
    ['no object', null, [': must be an object']],
    ['a list', [], [': must be an object']],
    ['a text', 'slo', [': must be an object']],
    ['nothing', {}, ['name: is required', 'target: is required, unless a list of objectives is given']],
    ['an unknown field', { ...api, tagret: 1 }, ['tagret: is not a known field']],
    ['an upper-case name', { ...api, name: 'Api' }, [`name: ${rfc1123}`]],
    ['a dot in a name', { ...api, name: 'a.b' }, [`name: ${rfc1123}`]],
    ['a hyphen at the end', { ...api, name: 'api-' }, [`name: ${rfc1123}`]],
    ['an empty name', { ...api, name: '' }, ['name: must not be empty']],
    ['a name of 64', { ...api, name: 'a'.repeat(64) }, ['name: must have at most 63 characters']],
    ['a number for a name', { ...api, name: 7 }, ['name: must be a string']],
    ['a bad project', { ...api, project: 'A' }, [`project: ${rfc1123}`]],
    ['an empty service', { ...api, service: '' }, ['service: must not be empty']],
    ['a long service', { ...api, service: 's'.repeat(201) }, ['service: must have at most 200 characters']],
    ['a NUL', { ...api, display_name: 'a\u0000b' }, ['display_name: must be one line of plain text']],
    ['two lines', { ...api, service: 'a\nb' }, ['service: must be one line of plain text']],
    [
      'half a surrogate pair',
      { ...api, display_name: '\ud800' },
      ['display_name: must be one line of plain text'],
    ],
    [
      'a long display name',
      { ...api, display_name: 'd'.repeat(201) },
      ['display_name: must have at most 200 characters'],
    ],
    [
      'a long description',
      { ...api, description: 'd'.repeat(2001) },
      ['description: must have at most 2000 characters'],
    ],
    ['a NUL in the description', { ...api, description: 'a\n\u0000' }, ['description: must be plain text']],
    ['labels as a list', { ...api, labels: [] }, ['labels: must be an object']],
    [
      'a bad label key',
      { ...api, labels: { Team: 'x' } },
      ['labels.Team: the name must be a lower-case letter, then at most 62 of a-z, 0-9, "_", "." and "-"'],
    ],
    ['a label of a number', { ...api, labels: { team: 1 } }, ['labels.team: must be a string']],
    [
      'a long label',
      { ...api, labels: { team: 'x'.repeat(201) } },
      ['labels.team: must have at most 200 characters'],
    ],
    [
      '51 labels',
      { ...api, labels: Object.fromEntries(Array.from({ length: 51 }, (_, k) => [`k${k}`, ''])) },
      ['labels: must have at most 50 labels'],
    ],
    ['a target of 0', { name: 'api', target: 0 }, ['target: must be above 0']],
    ['a target of 1', { name: 'api', target: 1 }, ['target: must be below 1']],
    ['a target of NaN', { name: 'api', target: Number.NaN }, ['target: must be a finite number']],
    [
      'an infinite target',
      { name: 'api', target: Number.POSITIVE_INFINITY },
      ['target: must be a finite number'],
    ],
    ['a target of a text', { name: 'api', target: '0.9' }, ['target: must be a number']],
    ['100 percent', { name: 'api', target_percent: 100 }, ['target_percent: must be below 100']],
    [
      'a percentage that no double tells from 100',
      { name: 'api', target_percent: 100 - 1e-14 },
      ['target_percent: must be above 0 and below 100'],
    ],
    [
      'two targets',
      { ...api, target_percent: 99.9 },
      ['target_percent: give either target or target_percent, not both'],
    ],
    [
      'a target beside objectives',
      { ...api, objectives: [{ name: 'a', target: 0.9 }] },
      ['target: give either a target or a list of objectives, not both'],
    ],
    ['no objectives', listed(), ['objectives: must hold at least one objective']],
    [
      '21 objectives',
      listed(...Array.from({ length: 21 }, (_, k) => ({ name: `o${k}`, target: 0.9 }))),
      ['objectives: must have at most 20 items'],
    ],
    ['an objective of a text', listed('a'), ['objectives[0]: must be an object']],
    ['an objective without a target', listed({ name: 'a' }), ['objectives[0].target: is required']],
    ['an objective without a name', listed({ target: 0.9 }), ['objectives[0].name: is required']],
    [
      'an objective of two targets',
      listed({ name: 'a', target: 0.9, target_percent: 90 }),
      ['objectives[0].target_percent: give either target or target_percent, not both'],
    ],
    [
      'two objectives of one name',
      listed({ name: 'a', target: 0.9 }, { name: 'a', target: 0.99 }),
      ['objectives[1].name: is the name of an earlier one'],
    ],
    [
      'two primary objectives',
      listed({ name: 'a', target: 0.9, primary: true }, { name: 'b', target: 0.99, primary: true }),
      ['objectives[1].primary: only one objective can be primary'],
    ],
    [
      'an unknown field of an objective',
      listed({ name: 'a', target: 0.9, x: 1 }),
      ['objectives[0].x: is not a known field'],
    ],
    [
      'an unknown method',
      { ...api, budgeting_method: 'events' },
      ['budgeting_method: must be one of "occurrences", "timeslices"'],
    ],
    ['a window of a text', { ...api, time_window: '28d' }, ['time_window: must be an object']],
    [
      'a window without a type',
      { ...api, time_window: { duration: '7d' } },
      ['time_window.type: is required'],
    ],
    [
      'a window of another type',
      { ...api, time_window: { type: 'sliding' } },
      ['time_window.type: must be one of "rolling", "calendar"'],
    ],
    [
      'a rolling window without a duration',
      { ...api, time_window: { type: 'rolling' } },
      ['time_window.duration: is required'],
    ],
    [
      'no duration',
      { ...api, time_window: { type: 'rolling', duration: '28' } },
      ['time_window.duration: must be a duration such as 5m, 1h, 28d or 2w'],
    ],
    [
      'a short window',
      { ...api, time_window: { type: 'rolling', duration: '4m' } },
      ['time_window.duration: must be from 5m to 90d'],
    ],
    [
      'a long window',
      { ...api, time_window: { type: 'rolling', duration: '91d' } },
      ['time_window.duration: must be from 5m to 90d'],
    ],
    [
      'half a minute',
      { ...api, time_window: { type: 'rolling', duration: '330s' } },
      ['time_window.duration: must be whole minutes'],
    ],
    [
      'a unit in a rolling window',
      { ...api, time_window: { type: 'rolling', duration: '7d', unit: 'day' } },
      ['time_window.unit: is not a known field'],
    ],
    [
      'a calendar without a unit',
      { ...api, time_window: { type: 'calendar' } },
      ['time_window.unit: is required'],
    ],
    [
      'a count of 0',
      { ...api, time_window: { ...calendar, count: 0 } },
      ['time_window.count: must be at least 1'],
    ],
    [
      'a count of 401',
      { ...api, time_window: { ...calendar, count: 401 } },
      ['time_window.count: must be at most 400'],
    ],
    [
      'a count of 1.5',
      { ...api, time_window: { ...calendar, count: 1.5 } },
      ['time_window.count: must be a whole number'],
    ],
    [
      'no zone',
      { ...api, time_window: { ...calendar, time_zone: 'Mars' } },
      [`time_window.time_zone: ${zone}`],
    ],
    [
      'an offset for a zone',
      { ...api, time_window: { ...calendar, time_zone: '+01:00' } },
      [`time_window.time_zone: ${zone}`],
    ],
    [
      'no date',
      { ...api, time_window: { ...calendar, start: '2026-02-30T00:00:00' } },
      [`time_window.start: ${start}`],
    ],
    [
      'a start with an offset',
      { ...api, time_window: { ...calendar, start: '2026-01-01T00:00:00Z' } },
      [`time_window.start: ${start}`],
    ],
    [
      'a start of seconds',
      { ...api, time_window: { ...calendar, start: '2026-01-01T00:00:01' } },
      [`time_window.start: ${start}`],
    ],
    [
      'slices without a slice target',
      sliced({}),
      ['objectives[0].time_slice_target: is required for time slices'],
    ],
    [
      'a slice target of 0',
      sliced({ time_slice_target: 0 }),
      ['objectives[0].time_slice_target: must be above 0'],
    ],
    [
      'a slice target above 1',
      sliced({ time_slice_target: 1.1 }),
      ['objectives[0].time_slice_target: must be at most 1'],
    ],
    [
      'a slice of 7m',
      sliced({ time_slice_target: 0.9 }, { time_slice_window: '7m' }),
      [`time_slice_window: ${slice}`],
    ],
    [
      'a slice of 90s',
      sliced({ time_slice_target: 0.9 }, { time_slice_window: '90s' }),
      [`time_slice_window: ${slice}`],
    ],
    [
      'a window that is no multiple of the slice',
      sliced(
        { time_slice_target: 0.9 },
        { time_slice_window: '30m', time_window: { type: 'rolling', duration: '100m' } },
      ),
      ['time_window.duration: must be a multiple of the time slice of 30m'],
    ],
    [
      'a slice target for occurrences',
      listed({ name: 'a', target: 0.9, time_slice_target: 0.9 }),
      ['objectives[0].time_slice_target: applies only to time slices'],
    ],
    [
      'a slice for occurrences',
      { ...api, time_slice_window: '5m' },
      ['time_slice_window: applies only to time slices'],
    ],
    [
      'time slices with a target alone',
      { ...api, budgeting_method: 'timeslices' },
      ['objectives: is required for time slices: each needs a time_slice_target'],
    ],
    [
      'a threshold without a bound',
      latency({}),
      [
        'objectives[0].op: is required for threshold SLIs',
        'objectives[0].value: is required for threshold SLIs',
      ],
    ],
    ['an unknown operator', latency({ op: 'eq', value: 1 }), [`objectives[0].op: ${ops}`]],
    [
      'an infinite bound',
      latency({ op: 'lt', value: Number.POSITIVE_INFINITY }),
      ['objectives[0].value: must be a finite number'],
    ],
    [
      'a bound for a ratio',
      listed({ name: 'a', target: 0.9, op: 'lt', value: 1 }),
      [
        'objectives[0].op: applies only to threshold SLIs',
        'objectives[0].value: applies only to threshold SLIs',
      ],
    ],
    ['an SLI without a type', { ...api, sli: {} }, ['sli.type: is required']],
    [
      'an unknown SLI',
      { ...api, sli: { type: 'mean' } },
      ['sli.type: must be one of "ratio", "threshold", "composite"'],
    ],
    [
      'an unknown source',
      { ...api, sli: { type: 'ratio', source: { type: 'ftp' } } },
      ['sli.source.type: must be one of "push", "uptime", "synthetic", "table", "prometheus"'],
    ],
    [
      'an unknown alignment',
      { ...api, sli: { type: 'ratio', alignment: 'left' } },
      ['sli.alignment: must be one of "drop", "interpolate"'],
    ],
    [
      'an unknown alert policy',
      { ...api, alert_policy: { conditions: 'none' } },
      ['alert_policy.conditions: must be "default" or a list of conditions'],
    ],
  ])('%s', (_, input, faults) => {
    expect(faultsOf(input)).toEqual(faults);
  });

  test.each<[string, object, string[]]>([
    ['nothing', { components: [] }, ['sli.components: must hold at least one component']],
    [
      'a component twice',
      { components: [{ slo: 'b' }, { slo: 'b' }] },
      ['sli.components[1]: is the same as an earlier one'],
    ],
    [
      'a weight of nothing',
      { components: [{ slo: 'b', weight: 0 }] },
      ['sli.components[0].weight: must be above 0'],
    ],
    [
      'a delay of seconds',
      { components: [{ slo: 'b' }], max_delay: '30s' },
      ['sli.max_delay: must be from 1m to 1d', 'sli.max_delay: must be whole minutes'],
    ],
  ])('a composite of %s', (_, sli, faults) => {
    expect(faultsOf({ ...api, sli: { type: 'composite', ...sli } })).toEqual(faults);
  });

  test('a composite of two objectives', () => {
    const objectives = [
      { name: 'a', target: 0.9 },
      { name: 'b', target: 0.99 },
    ];
    const input = { name: 'api', objectives, sli: { type: 'composite', components: [{ slo: 'b' }] } };
    expect(faultsOf(input)).toEqual(['objectives: must be exactly one for a composite']);
  });

  test('several faults are told at once, those of single fields and those between fields', () => {
    const input = {
      name: 'API',
      budgeting_method: 'timeslices',
      time_window: { type: 'rolling', duration: '1y' },
      objectives: [{ name: 'a', target: 2 }, { name: 'a' }],
    };
    expect(faultsOf(input).map((fault) => fault.split(':')[0])).toEqual([
      'name',
      'time_window.duration',
      'objectives[0].target',
      'objectives[0].time_slice_target',
      'objectives[1].name',
      'objectives[1].time_slice_target',
      'objectives[1].target',
    ]);
  });

  test('keys that would become a prototype are unknown fields, wherever they stand', () => {
    const body = JSON.parse(
      '{"name":"api","target":0.9,"__proto__":{"a":1},"labels":{"__proto__":"x"},' +
        '"time_window":{"type":"rolling","duration":"7d","__proto__":1}}',
    );
    expect(faultsOf(body).sort()).toEqual([
      '__proto__: is not a known field',
      'labels.__proto__: is not a known field',
      'time_window.__proto__: is not a known field',
    ]);
    expect(faultsOf({ ...api, constructor: 1 })).toEqual(['constructor: is not a known field']);
  });

  test('a flood of unknown fields makes a hundred details', () => {
    const flood = Object.fromEntries(Array.from({ length: 100_000 }, (_, k) => [`f${k}`, 1]));
    expect(faultsOf({ ...api, ...flood })).toHaveLength(100);
  });

  test('a name of a megabyte is not echoed', () => {
    expect(faultsOf({ ...api, name: 'a'.repeat(1_000_000) })).toEqual([
      'name: must have at most 63 characters',
    ]);
    const [fault] = faultsOf({ ...api, ['k'.repeat(1_000_000)]: 1 });
    expect(fault?.length).toBeLessThan(100);
  });
});

test('the schema alone takes what needs no second look', () => {
  expect(sloInputSchema.safeParse(api).success).toBe(true);
  expect(sloInputSchema.safeParse({ ...api, x: 1 }).success).toBe(false);
});
