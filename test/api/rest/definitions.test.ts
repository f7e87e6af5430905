import { describe, expect, test } from 'vitest';
import { createRestClient } from './rest-client.ts';

const rest = await createRestClient();
await rest.ask('POST', '/api/v1/slos', { json: { name: 'kept', target: 0.9 } });

const LONG = 'x'.repeat(1_000_000);
const GOOD = { name: 'x', target: 0.9 };
const objective = (fields: Record<string, unknown>) => ({
  target: undefined,
  objectives: [{ name: 'a', target: 0.9, ...fields }],
});
const calendar = (fields: Record<string, unknown>) => ({
  time_window: { type: 'calendar', unit: 'month', ...fields },
});
const slices = (fields: Record<string, unknown>) => ({
  budgeting_method: 'timeslices',
  target: undefined,
  objectives: [{ name: 'a', target: 0.9, time_slice_target: 0.9 }],
  ...fields,
});

/** What is wrong, and where the answer has to say so. */
const FAULTS: readonly [name: string, change: Record<string, unknown>, path: string][] = [
  ['name missing', { name: undefined }, 'name'],
  ['name a number', { name: 7 }, 'name'],
  ['name empty', { name: '' }, 'name'],
  ['name in capitals', { name: 'API' }, 'name'],
  ['name with a dot', { name: 'a.b' }, 'name'],
  ['name that ends in a hyphen', { name: 'a-' }, 'name'],
  ['name of 64 characters', { name: 'a'.repeat(64) }, 'name'],
  ['name of a megabyte', { name: LONG.slice(0, 900_000) }, 'name'],
  ['project with a space', { project: 'a b' }, 'project'],
  ['display_name a list', { display_name: ['x'] }, 'display_name'],
  ['display_name with a NUL', { display_name: 'a\0b' }, 'display_name'],
  ['display_name with half a character', { display_name: '\ud800' }, 'display_name'],
  ['display_name too long', { display_name: LONG.slice(0, 201) }, 'display_name'],
  ['description too long', { description: LONG.slice(0, 2001) }, 'description'],
  ['description with a bell', { description: '\u0007' }, 'description'],
  ['service empty', { service: '' }, 'service'],
  ['service a number', { service: 1 }, 'service'],
  ['labels a list', { labels: [] }, 'labels'],
  ['label a number', { labels: { team: 1 } }, 'labels.team'],
  ['label name in capitals', { labels: { Team: 'x' } }, 'labels.Team'],
  [
    '51 labels',
    { labels: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`l${i}`, 'x'])) },
    'labels',
  ],
  ['budgeting_method unknown', { budgeting_method: 'events' }, 'budgeting_method'],
  ['target missing', { target: undefined }, 'target'],
  ['target 0', { target: 0 }, 'target'],
  ['target 1', { target: 1 }, 'target'],
  ['target negative', { target: -0.5 }, 'target'],
  ['target a text', { target: '0.9' }, 'target'],
  ['target and target_percent', { target_percent: 90 }, 'target_percent'],
  ['target_percent 100', { target: undefined, target_percent: 100 }, 'target_percent'],
  ['target and objectives', { objectives: [{ name: 'a', target: 0.9 }] }, 'target'],
  ['objectives empty', { target: undefined, objectives: [] }, 'objectives'],
  ['objectives an object', { target: undefined, objectives: {} }, 'objectives'],
  ['objective a number', { target: undefined, objectives: [1] }, 'objectives[0]'],
  ['objective without a name', objective({ name: undefined }), 'objectives[0].name'],
  ['objective without a target', objective({ target: undefined }), 'objectives[0].target'],
  ['objective with a target of 1.5', objective({ target: 1.5 }), 'objectives[0].target'],
  ['objective with an unknown field', objective({ goal: 1 }), 'objectives[0].goal'],
  ['objective primary a text', objective({ primary: 'yes' }), 'objectives[0].primary'],
  ['objective op on a ratio', objective({ op: 'lt' }), 'objectives[0].op'],
  ['objective value on a ratio', objective({ value: 1 }), 'objectives[0].value'],
  [
    'time_slice_target without slices',
    objective({ time_slice_target: 0.9 }),
    'objectives[0].time_slice_target',
  ],
  [
    'slices without a time_slice_target',
    slices({ objectives: [{ name: 'a', target: 0.9 }] }),
    'objectives[0].time_slice_target',
  ],
  ['time_slice_window that divides no hour', slices({ time_slice_window: '7m' }), 'time_slice_window'],
  ['time_slice_window in seconds', slices({ time_slice_window: '90s' }), 'time_slice_window'],
  ['time_slice_window without slices', { time_slice_window: '5m' }, 'time_slice_window'],
  ['threshold without op', { sli: { type: 'threshold' }, ...objective({ value: 1 }) }, 'objectives[0].op'],
  [
    'threshold without value',
    { sli: { type: 'threshold' }, ...objective({ op: 'lt' }) },
    'objectives[0].value',
  ],
  [
    'threshold op unknown',
    { sli: { type: 'threshold' }, ...objective({ op: '<', value: 1 }) },
    'objectives[0].op',
  ],
  ['time_window a text', { time_window: '28d' }, 'time_window'],
  ['time_window.type unknown', { time_window: { type: 'fixed' } }, 'time_window.type'],
  ['time_window.duration missing', { time_window: { type: 'rolling' } }, 'time_window.duration'],
  [
    'time_window.duration no duration',
    { time_window: { type: 'rolling', duration: '1 month' } },
    'time_window.duration',
  ],
  [
    'time_window.duration too long',
    { time_window: { type: 'rolling', duration: '91d' } },
    'time_window.duration',
  ],
  [
    'time_window.duration too short',
    { time_window: { type: 'rolling', duration: '4m' } },
    'time_window.duration',
  ],
  [
    'time_window.duration without end',
    { time_window: { type: 'rolling', duration: `${'9'.repeat(500)}d` } },
    'time_window.duration',
  ],
  ['time_window.unit unknown', calendar({ unit: 'decade' }), 'time_window.unit'],
  ['time_window.count 0', calendar({ count: 0 }), 'time_window.count'],
  ['time_window.count a fraction', calendar({ count: 1.5 }), 'time_window.count'],
  ['time_window.time_zone unknown', calendar({ time_zone: 'Europe/Nowhere' }), 'time_window.time_zone'],
  ['time_window.start no date', calendar({ start: '2024-02-30T00:00:00' }), 'time_window.start'],
  ['time_window.start with an offset', calendar({ start: '2024-01-01T00:00:00Z' }), 'time_window.start'],
  [
    'time_window of both kinds',
    { time_window: { type: 'rolling', duration: '1d', unit: 'day' } },
    'time_window.unit',
  ],
  ['sli.type unknown', { sli: { type: 'count' } }, 'sli.type'],
  ['sli.source.type unknown', { sli: { type: 'ratio', source: { type: 'magic' } } }, 'sli.source.type'],
  ['sli.incremental a text', { sli: { type: 'ratio', incremental: 'no' } }, 'sli.incremental'],
  ['sli.alignment unknown', { sli: { type: 'ratio', alignment: 'guess' } }, 'sli.alignment'],
  ['alert_policy unknown', { alert_policy: { conditions: 'none' } }, 'alert_policy.conditions'],
  ['an unknown field', { targets: 0.9 }, 'targets'],
  ['a field of the service', { id: 'x' }, 'id'],
];

describe('every field is validated', () => {
  test.each(FAULTS)('%s: 422 at its path', async (_name, change, path) => {
    const answer = await rest.ask('POST', '/api/v1/slos', { json: { ...GOOD, ...change } });
    expect(answer).toMatchObject({ status: 422, body: { code: 'invalid' } });
    expect(answer.body.details.map((detail: { path: string }) => detail.path)).toContain(path);
    for (const { message } of answer.body.details) expect(message).toMatch(/\S/);
    expect(answer.text.length).toBeLessThan(20_000);
  });

  test('all faults are told at once', async () => {
    const { body } = await rest.ask('POST', '/api/v1/slos', { json: { name: 'A', target: 2, extra: 1 } });
    expect(body.details.map(({ path }: { path: string }) => path).sort()).toEqual([
      'extra',
      'name',
      'target',
    ]);
  });

  test.each(FAULTS.filter(([, change]) => !('name' in change || 'id' in change)))(
    'as a change too, %s is refused',
    async (_name, change) => {
      const fields = Object.entries(change).filter(([, value]) => value !== undefined);
      const answer = await rest.ask('PATCH', '/api/v1/slos/default.kept', {
        json: Object.fromEntries(fields),
      });
      // What is only missing, or fits the SLO that is there, is no fault of a change.
      if (answer.status !== 200) expect(answer).toMatchObject({ status: 422, body: { code: 'invalid' } });
    },
  );
});

describe('queries are validated', () => {
  test.each([
    ['/api/v1/slos?limit=0', 'limit'],
    ['/api/v1/slos?limit=1001', 'limit'],
    ['/api/v1/slos?limit=ten', 'limit'],
    ['/api/v1/slos?limit=', 'limit'],
    ['/api/v1/slos?limit=1e2', 'limit'],
    ['/api/v1/slos?limit=0x10', 'limit'],
    ['/api/v1/slos?limit=5&limit=6', 'limit'],
    ['/api/v1/slos?offset=-1', 'offset'],
    ['/api/v1/slos?offset=99999999999999999999', 'offset'],
    ['/api/v1/slos?state=fine', 'state'],
    ['/api/v1/slos?project=NOT%20A%20NAME', 'project'],
    ['/api/v1/slos?project=', 'project'],
    ['/api/v1/slos?project=a.b', 'project'],
    ['/api/v1/reports?project=NOT%20A%20NAME', 'project'],
    ['/api/v1/reports?project=&format=csv', 'project'],
    ['/api/v1/slos?sort=magic', 'sort'],
    ['/api/v1/slos?label=team', 'label[0]'],
    ['/api/v1/slos?label=team=a&label==b', 'label[1]'],
    ['/api/v1/slos?q=%00', 'q'],
    ['/api/v1/slos?status=yes', 'status'],
    ['/api/v1/slos?at=yesterday', 'at'],
    ['/api/v1/slos?pages=1', 'pages'],
    ['/api/v1/slos?__proto__=1', '__proto__'],
    ['/api/v1/slos/default.kept?at=2026-02-30T00:00:00Z', 'at'],
    ['/api/v1/slos/default.kept?at=2026-03-10', 'at'],
    ['/api/v1/slos/default.kept?at=1773144000', 'at'],
    ['/api/v1/slos/default.kept?at=', 'at'],
    ['/api/v1/slos/default.kept?when=now', 'when'],
    ['/api/v1/slos/default.kept/burn-rate?at=NaN', 'at'],
    ['/api/v1/slos/default.kept/burn-rate?objective=nope', 'objective'],
    ['/api/v1/slos/default.kept/snapshots?from=x', 'from'],
    ['/api/v1/slos/default.kept/snapshots?to=x', 'to'],
    ['/api/v1/slos/default.kept/snapshots?step=30s', 'step'],
    ['/api/v1/slos/default.kept/snapshots?step=0m', 'step'],
    ['/api/v1/slos/default.kept/snapshots?limit=10001', 'limit'],
    ['/api/v1/slos/default.kept/snapshots?cursor=abc', 'cursor'],
    ['/api/v1/slos/default.kept/snapshots?objective=nope', 'objective'],
    ['/api/v1/slos/default.kept/snapshots?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z', 'from'],
    ['/api/v1/reports?period=decade', 'period'],
    ['/api/v1/reports?format=xml', 'format'],
    ['/api/v1/reports?from=x', 'from'],
    ['/api/v1/reports?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z', 'from'],
    ['/api/v1/reports?period=day&from=0001-01-01T00:00:00Z', 'from'],
    ['/api/v1/openapi.json?x=1', 'x'],
    ['/slos?x=1', 'x'],
  ])('%s: 422', async (path, parameter) => {
    const answer = await rest.ask('GET', path);
    expect(answer).toMatchObject({ status: 422, body: { code: 'invalid' } });
    expect(answer.body.details).toEqual([{ path: parameter, message: expect.any(String) }]);
  });

  test('a change takes no query', async () => {
    const answer = await rest.ask('PATCH', '/api/v1/slos/default.kept?dry_run=1', { json: {} });
    expect(answer).toMatchObject({ status: 422, body: { details: [{ path: 'dry_run' }] } });
  });

  test.each(['9999-12-31T23:59:59Z', '0001-01-01T00:00:00Z', '2026-11-10T00:00:00.123456+14:00'])(
    'the time %s, however far, has an answer',
    async (at) => {
      const answers = await Promise.all(
        ['', '/burn-rate'].map((end) =>
          rest.ask('GET', `/api/v1/slos/default.kept${end}?at=${encodeURIComponent(at)}`),
        ),
      );
      for (const { status } of answers) expect([200, 422]).toContain(status);
    },
  );
});
