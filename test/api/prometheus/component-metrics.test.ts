import { beforeAll, describe, expect, test } from 'vitest';
import { MINUTE_MS } from '../../../src/lib/duration.ts';
import { evaluate } from '../../../src/services/evaluate.ts';
import { updateSlo } from '../../../src/services/update-slo.ts';
import { actingAs } from '../../support/environment.ts';
import { createHourlySlo, recordMinutes } from '../../support/hourly-slo.ts';
import { createPrometheusClient, type Form, type PrometheusClient } from './prometheus-client.ts';

const NOON = Date.UTC(2026, 2, 10, 12, 0);
const minute = (n: number): number => NOON + n * MINUTE_MS;
const seconds = (n: number): number => minute(n) / 1000;

type Values = Readonly<Record<string, number>>;
interface Shown {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
  readonly values: readonly (readonly [number, string])[];
}

let prometheus: PrometheusClient;

async function ask(account: string, path: string, form: Form): Promise<readonly Shown[]> {
  const { body } = await prometheus.ask(path, form, { account });
  expect(body.status, JSON.stringify(body)).toBe('success');
  return body.data.result;
}

/** The values by component at the end of minute `n`. */
async function byComponent(account: string, query: string, n: number): Promise<Values> {
  const result = await ask(account, '/query', { query, time: seconds(n) });
  return Object.fromEntries(
    result.map(({ metric, value }) => [metric.component_slo ?? '', Number(value[1])]),
  );
}

async function number(account: string, query: string, n: number): Promise<number> {
  return (await byComponent(account, query, n))[''] ?? Number.NaN;
}

/** Minutes from noon and values of one series. */
async function samples(account: string, query: string, n: number): Promise<[number, number][]> {
  const [series] = await ask(account, '/query', { query: `${query}[1h]`, time: seconds(n) });
  return (series?.values ?? []).map(([at, value]) => [(at * 1000 - NOON) / MINUTE_MS, Number(value)]);
}

async function make(account: string, name: string, more: object = {}): Promise<void> {
  const ctx = actingAs(prometheus.environment, account);
  await createHourlySlo(ctx, { name, service: 'web', target: 0.9, ...more });
}

/** Minutes `[from, to)` of `good` in 10. */
async function record(account: string, slo: string, from: number, to: number, good: number): Promise<void> {
  const ctx = actingAs(prometheus.environment, account);
  const minutes = { fromMs: minute(from), count: to - from };
  await recordMinutes(ctx, slo, minutes, () => ({ good, total: 10 }));
}

async function evaluateAt(n: number): Promise<void> {
  prometheus.environment.clock.set(minute(n) + 5000);
  await evaluate(prometheus.environment);
}

beforeAll(async () => {
  prometheus = await createPrometheusClient(NOON + 30_000);
});

describe('a composite of two, one of which falls silent', () => {
  const ACCOUNT = 'silent';
  beforeAll(async () => {
    await make(ACCOUNT, 'api');
    await make(ACCOUNT, 'site', { project: 'shop' });
    await make(ACCOUNT, 'all', {
      sli: {
        type: 'composite',
        max_delay: '2m',
        components: [
          { slo: 'api', weight: 3 },
          { project: 'shop', slo: 'site', weight: 1, when_delayed: 'count_as_bad' },
        ],
      },
    });
    prometheus.environment.clock.set(minute(20) + 5000);
    await record(ACCOUNT, 'default.api', 0, 20, 10);
    await record(ACCOUNT, 'shop.site', 0, 10, 8);
    await evaluateAt(20);
  });

  test('labels name the composite and the component', async () => {
    const [series] = await ask(ACCOUNT, '/query', {
      query: 'component_impact{component_project="shop"}',
      time: seconds(20),
    });
    expect(series?.metric).toEqual({
      __name__: 'component_impact',
      project: 'default',
      slo: 'all',
      objective: 'default',
      service: 'web',
      component_project: 'shop',
      component_slo: 'site',
      component_objective: 'default',
    });
  });

  test('the weight is the configured one, at every instant since the first data', async () => {
    expect(await byComponent(ACCOUNT, 'component_weight', 0)).toEqual({ api: 3, site: 1 });
    expect(await byComponent(ACCOUNT, 'component_weight', 500)).toEqual({ api: 3, site: 1 });
    expect(await byComponent(ACCOUNT, 'component_weight', -1)).toEqual({});
  });

  test('impacts are the shares of the budget, and add up to what is gone of it', async () => {
    // By 12:10 the site was bad by 0.2 in each minute, at a quarter of the weight: 0.25 * 0.2 / 0.1.
    const early = await byComponent(ACCOUNT, 'component_impact', 10);
    expect(early.api).toBeCloseTo(0, 12);
    expect(early.site).toBeCloseTo(0.5, 9);
    // By 12:20 ten minutes of silence count as bad: (10 * 0.05 + 10 * 0.25) / (20 * 0.1).
    const late = await byComponent(ACCOUNT, 'component_impact', 20);
    expect(late.site).toBeCloseTo(1.5, 9);
    expect(await number(ACCOUNT, 'sum(component_impact)', 20)).toBeCloseTo(
      1 - (await number(ACCOUNT, 'budget{slo="all"}', 20)),
      9,
    );
  });

  test('the delay grows with the silence, in seconds behind the newest data', async () => {
    expect(await byComponent(ACCOUNT, 'component_delay', 10)).toEqual({ api: 0, site: 0 });
    expect(await byComponent(ACCOUNT, 'component_delay', 12)).toEqual({ api: 0, site: 120 });
    expect(await samples(ACCOUNT, 'component_delay{component_slo="site"}', 20)).toEqual(
      Array.from({ length: 20 }, (_, n) => [n + 1, Math.max(0, n - 9) * 60]),
    );
  });

  test('how each entered its minute: by its data, or as bad', async () => {
    expect(await byComponent(ACCOUNT, 'component_was_delayed', 10)).toEqual({ api: 0, site: 0 });
    expect(await samples(ACCOUNT, 'component_was_delayed{component_slo="site"}', 20)).toEqual(
      Array.from({ length: 20 }, (_, n) => [n + 1, n < 10 ? 0 : 2]),
    );
  });

  test('steps far apart read the same, each component by itself', async () => {
    const result = await ask(ACCOUNT, '/query_range', {
      query: 'component_delay',
      start: seconds(2),
      end: seconds(22),
      step: 600,
    });
    const found = result.map(({ metric, values }) => [
      metric.component_slo,
      values.map(([, v]) => Number(v)),
    ]);
    // At 12:02, 12:12 and, by the sample of 12:20, 12:22.
    expect(Object.fromEntries(found)).toEqual({ api: [0, 0, 0], site: [0, 120, 600] });
  });

  test('they are discovered by their labels', async () => {
    const find = async (path: string, form: Form) =>
      (await prometheus.ask(path, form, { account: ACCOUNT })).body.data;
    expect(await find('/label/component_slo/values', {})).toEqual(['api', 'site']);
    expect(await find('/label/component_project/values', {})).toEqual(['default', 'shop']);
    expect(await find('/series', { 'match[]': '{component_slo="api"}' })).toHaveLength(4);
    expect(await find('/label/__name__/values', { 'match[]': '{slo="all"}' })).toEqual([
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
      'target',
    ]);
    expect(await find('/series', { 'match[]': '{slo="api",component_slo!=""}' })).toEqual([]);
  });

  test('data that comes late replaces what had been counted as bad', async () => {
    await record(ACCOUNT, 'shop.site', 15, 16, 10);
    await evaluateAt(20);
    const entered = await samples(ACCOUNT, 'component_was_delayed{component_slo="site"}', 20);
    expect(entered.filter(([n]) => n > 14 && n < 18)).toEqual([
      [15, 2],
      [16, 0],
      [17, 2],
    ]);
  });
});

test('a changed composite: weights as of now, delays as of then, and what a former component has cost', async () => {
  const account = 'changed';
  for (const name of ['a', 'b']) await make(account, name);
  await make(account, 'all', {
    sli: { type: 'composite', max_delay: '2m', components: [{ slo: 'a' }, { slo: 'b' }] },
  });
  prometheus.environment.clock.set(minute(30) + 5000);
  await record(account, 'default.a', 21, 30, 9);
  await record(account, 'default.b', 21, 30, 8);
  await evaluateAt(30);
  await updateSlo({
    ctx: actingAs(prometheus.environment, account),
    input: {
      id: 'default.all',
      patch: { sli: { max_delay: '5m', components: [{ slo: 'a', weight: 7 }] } },
    },
  });
  prometheus.environment.clock.set(minute(36) + 5000);
  await record(account, 'default.a', 30, 36, 9);
  await record(account, 'default.b', 30, 36, 8);
  await evaluateAt(36);
  // The past too is told of what is configured now.
  expect(await byComponent(account, 'component_weight', 25)).toEqual({ a: 7 });
  const delays = await samples(account, 'component_delay{component_slo="b"}', 36);
  expect(delays.map(([n]) => n)).toEqual([22, 23, 24, 25, 26, 27, 28, 29, 30]);
  expect(await byComponent(account, 'component_delay', 36)).toEqual({ a: 0 });
  // The minute in which the change came is judged by what was in force at its start.
  expect((await samples(account, 'composite_max_delay', 36)).filter(([n]) => n > 29)).toEqual([
    [30, 120],
    [31, 120],
    [32, 300],
    [33, 300],
    [34, 300],
    [35, 300],
    [36, 300],
  ]);
  const impacts = await byComponent(account, 'component_impact', 36);
  expect(impacts.b).toBeGreaterThan(0);
  expect(await number(account, 'sum(component_impact)', 36)).toBeCloseTo(
    1 - (await number(account, 'budget{slo="all"}', 36)),
    9,
  );
  // The window of an hour that ends at 13:35 has nothing of it any more.
  prometheus.environment.clock.set(minute(95) + 5000);
  await record(account, 'default.a', 36, 95, 9);
  await evaluateAt(95);
  expect(Object.keys(await byComponent(account, 'component_impact', 95))).toEqual(['a']);
});
