import { beforeAll, describe, expect, test } from 'vitest';
import { createSlo } from '../../../src/services/create-slo.ts';
import { deleteSlo } from '../../../src/services/delete-slo.ts';
import { recordMeasurements } from '../../../src/services/record-measurements.ts';
import { actingAs } from '../../support/environment.ts';
import {
  createPrometheusClient,
  type Form,
  type PrometheusClient,
  prometheusOn,
} from './prometheus-client.ts';

const NOON = Date.UTC(2026, 2, 10, 12, 0);

let prometheus: PrometheusClient;
beforeAll(async () => {
  prometheus = await createPrometheusClient(NOON);
  const ctx = actingAs(prometheus.environment, 'primary');
  await createSlo({ ctx, input: { name: 'checkout', service: 'web', target: 0.9 } });
  await createSlo({ ctx, input: { name: 'search', project: 'shop', target: 0.9 } });
});

const data = async (path: string, form: Form = {}, method: 'GET' | 'POST' = 'GET') => {
  const { status, body } = await prometheus.ask(path, form, { method });
  expect(status, JSON.stringify(body)).toBe(200);
  return body.data;
};

const OBJECTIVE = ['__name__', 'objective', 'project', 'service', 'slo'];
const ALL = ['__name__', 'component_objective', 'component_project', 'component_slo', ...OBJECTIVE.slice(1)];
const METRICS = [
  'budget',
  'burn_rate',
  'component_delay',
  'component_impact',
  'component_was_delayed',
  'component_weight',
  'composite_max_delay',
  'count_good',
  'count_total',
  'reliability',
  'sli_ratio_received_bad',
  'sli_ratio_received_good',
  'sli_ratio_received_total',
  'sli_ratio_used_good',
  'sli_ratio_used_total',
  'sli_threshold',
  'sli_threshold_status',
  'target',
  'threshold',
  'time_slice_allowance',
  'time_slice_reliability',
  'time_slice_status',
];

describe('labels', () => {
  test.each<[string, Form, string[]]>([
    ['all', {}, ALL],
    ['of reliability', { 'match[]': 'reliability' }, OBJECTIVE],
    ['of component_weight', { 'match[]': 'component_weight' }, ALL],
    ['of an unknown metric', { 'match[]': 'nothing' }, []],
    ['of a label that the metric has not', { 'match[]': 'reliability{component_slo="x"}' }, []],
    ['of one SLO', { 'match[]': '{slo="search"}' }, OBJECTIVE],
  ])('%s', async (_, form, expected) => {
    expect(await data('/labels', form)).toEqual(expected);
    expect(await data('/labels', form, 'POST')).toEqual(expected);
  });

  test('sorted first, then limited, with a warning', async () => {
    const { body } = await prometheus.ask('/labels', { limit: 2 });
    expect(body).toEqual({
      status: 'success',
      data: ['__name__', 'component_objective'],
      warnings: ['results truncated due to limit'],
    });
  });
});

describe('label values', () => {
  test.each<[string, Form, string[]]>([
    ['__name__', {}, METRICS],
    ['__name__', { 'match[]': 'reliability' }, ['reliability']],
    ['__name__', { 'match[]': ['budget', 'reliability'] }, ['budget', 'reliability']],
    ['__name__', { 'match[]': '{__name__=~"count_.+"}' }, ['count_good', 'count_total']],
    [
      '__name__',
      { 'match[]': '{__name__=~"sli_.*",__name__!~".*ratio.*"}' },
      ['sli_threshold', 'sli_threshold_status'],
    ],
    ['__name__', { 'match[]': 'nothing' }, []],
    ['slo', {}, ['checkout', 'search']],
    ['project', {}, ['default', 'shop']],
    ['service', { 'match[]': '{project!="shop",slo!=""}' }, ['web']],
    ['slo', { 'match[]': 'reliability{slo=~"c.*"}' }, ['checkout']],
    ['slo', { limit: '1' }, ['checkout']],
    ['component_slo', {}, []],
    ['unknown', {}, []],
    ['un%2Fknown', {}, []],
  ])('%s %j', async (name, form, expected) => {
    expect(await data(`/label/${name}/values`, form)).toEqual(expected);
  });

  test('a name that is no text is refused', async () => {
    const { status, body } = await prometheus.ask('/label/%ff/values');
    expect(status).toBe(400);
    expect(body).toMatchObject({ errorType: 'bad_data', error: /^invalid label name/ });
  });
});

test('series are those that the selectors select, whether they have samples or not', async () => {
  expect(await data('/series', { 'match[]': ['budget{slo="checkout"}', '{__name__="target"}'] })).toEqual([
    { __name__: 'budget', objective: 'default', project: 'default', service: 'web', slo: 'checkout' },
    { __name__: 'target', objective: 'default', project: 'default', service: 'web', slo: 'checkout' },
    { __name__: 'target', objective: 'default', project: 'shop', service: 'search', slo: 'search' },
  ]);
});

test('discovery follows the definitions: an SLO is there before its first data, and gone with it', async () => {
  const ctx = actingAs(prometheus.environment, 'primary');
  const { id } = await createSlo({ ctx, input: { name: 'new', target: 0.9 } });
  expect(await data('/label/slo/values')).toEqual(['checkout', 'new', 'search']);
  await deleteSlo({ ctx, input: { id } });
  expect(await data('/label/slo/values')).toEqual(['checkout', 'search']);
  expect(await data('/series', { 'match[]': 'target{slo="new"}' })).toEqual([]);
});

test('metadata has 22 gauges; an empty metric means all, a limit of 0 none', async () => {
  const all = await data('/metadata', { metric: '' });
  expect(Object.keys(all).sort()).toEqual(METRICS);
  for (const [entry] of Object.values<{ type: string; help: string }[]>(all)) {
    expect(entry).toMatchObject({ type: 'gauge', help: expect.stringMatching(/.{10}/) });
  }
  expect(all.composite_max_delay).toEqual([{ type: 'gauge', help: expect.any(String), unit: 'seconds' }]);
  expect(Object.keys(await data('/metadata', { metric: 'budget' }))).toEqual(['budget']);
  expect(await data('/metadata', { metric: 'nothing' })).toEqual({});
  expect(await data('/metadata', { limit: 0 })).toEqual({});
  expect(Object.keys(await data('/metadata', { limit: 3 }))).toHaveLength(3);
});

test('buildinfo says what runs', async () => {
  const info = await data('/status/buildinfo');
  for (const name of ['version', 'revision', 'branch', 'goVersion']) {
    expect(info[name], name).toMatch(/\S/);
  }
});

test('a late write through one replica is seen by the very next query of another', async () => {
  const { environment } = prometheus;
  const other = prometheusOn(environment);
  const ctx = actingAs(environment, 'two');
  await createSlo({ ctx, input: { name: 'api', target: 0.9 } });
  const at = (back: number): string => new Date(NOON - back * 60_000).toISOString();
  const push = (back: number, good: number) =>
    recordMeasurements({
      ctx,
      input: { id: 'default.api', body: { points: [{ at: at(back), good, total: 10 }] } },
    });
  const ask = async (replica: PrometheusClient) => {
    const form = { query: 'count_good * 100 + sum_over_time(sli_ratio_used_good[1h])', time: NOON / 1000 };
    const { body } = await replica.ask('/query', form, { account: 'two' });
    return Number(body.data.result[0].value[1]);
  };
  await push(1, 10);
  expect([await ask(prometheus), await ask(other)]).toEqual([1010, 1010]);
  // What was known of the minute is replaced, so that the sum is 10 and 5, 10 and 7, 4 and 7, and 1 more.
  for (const [back, good, sum] of [
    [30, 5, 15],
    [30, 7, 17],
    [1, 4, 11],
    [50, 1, 12],
  ] as const) {
    await push(back, good);
    expect([await ask(prometheus), await ask(other)]).toEqual([sum * 101, sum * 101]);
  }
});
