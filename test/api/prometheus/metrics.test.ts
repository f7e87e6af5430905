import { beforeAll, describe, expect, test } from 'vitest';
import { MINUTE_MS } from '../../../src/lib/duration.ts';
import { createSlo } from '../../../src/services/create-slo.ts';
import { evaluate } from '../../../src/services/evaluate.ts';
import { recordMeasurements } from '../../../src/services/record-measurements.ts';
import { updateSlo } from '../../../src/services/update-slo.ts';
import { actingAs } from '../../support/environment.ts';
import { createHourlySlo, recordMinutes } from '../../support/hourly-slo.ts';
import { createPrometheusClient, type PrometheusClient } from './prometheus-client.ts';

const CREATED = Date.UTC(2026, 2, 10, 12, 0, 30);
const NOON = Date.UTC(2026, 2, 10, 12, 0);

let prometheus: PrometheusClient;

const minute = (n: number): number => NOON + n * MINUTE_MS;
const iso = (ms: number): string => new Date(ms).toISOString();

/** The values by objective at an instant. */
async function valuesAt(query: string, atMs: number): Promise<Record<string, number>> {
  const { body } = await prometheus.ask('/query', { query, time: atMs / 1000 });
  expect(body.status, JSON.stringify(body)).toBe('success');
  return Object.fromEntries(
    body.data.result.map(({ metric, value }: { metric: Record<string, string>; value: [number, string] }) => [
      metric.objective,
      Number(value[1]),
    ]),
  );
}

/** All samples in `(from, to]`, of one series. */
async function samples(query: string, fromMs: number, toMs: number): Promise<[number, number][]> {
  const range = `${query}[${(toMs - fromMs) / 1000}s]`;
  const { body } = await prometheus.ask('/query', { query: range, time: toMs / 1000 });
  expect(body.status, JSON.stringify(body)).toBe('success');
  return (body.data.result[0]?.values ?? []).map(([at, value]: [number, string]) => [
    at * 1000,
    Number(value),
  ]);
}

beforeAll(async () => {
  prometheus = await createPrometheusClient(CREATED);
  const env = prometheus.environment;
  const ctx = actingAs(env, 'primary');
  await createHourlySlo(ctx, { name: 'ratio', service: 'web', target: 0.9 });
  await createHourlySlo(ctx, {
    name: 'latency',
    sli: { type: 'threshold' },
    objectives: [
      { name: 'fast', target: 0.9, op: 'lt', value: 200 },
      { name: 'ok', target: 0.99, op: 'lt', value: 500 },
    ],
  });
  await createHourlySlo(ctx, {
    name: 'slices',
    budgeting_method: 'timeslices',
    time_slice_window: '5m',
    objectives: [{ name: 'default', target: 0.5, time_slice_target: 0.8 }],
  });
  // Two minutes before the creation, then twenty; those of a threshold rise from 100 to 575.
  env.clock.set(minute(20) + 5000);
  await recordMinutes(ctx, 'default.ratio', { fromMs: minute(-2) + 10_000, count: 1 }, () => ({
    good: 9,
    total: 10,
  }));
  await recordMinutes(ctx, 'default.ratio', { fromMs: NOON, count: 20 }, (n) =>
    n === 7 ? { good: 8, bad: 2 } : { good: n === 3 ? 4 : 10, total: 10 },
  );
  await recordMinutes(ctx, 'default.latency', { fromMs: NOON + 1000, count: 20 }, (n) => ({
    value: 100 + 25 * n,
  }));
  // The slice from 12:05 to 12:10 is bad: 30 of 50; the one after it has no data.
  await recordMinutes(ctx, 'default.slices', { fromMs: NOON, count: 10 }, (n) => ({
    good: n < 5 ? 10 : 6,
    total: 10,
  }));
  await evaluate(env);
});

describe('every instant', () => {
  test('reliability, budget, burn rate and counts are the status at the timestamp', async () => {
    // At 12:05, minutes 11:58 and 12:00 to 12:04 are in the window: 9 + 4 * 10 + 4 of 60 are good.
    const at = minute(5);
    const bad = (60 - 53) / 60;
    expect((await valuesAt('reliability{slo="ratio"}', at)).default).toBeCloseTo(53 / 60, 12);
    expect((await valuesAt('budget{slo="ratio"}', at)).default).toBeCloseTo(1 - bad / 0.1, 12);
    expect((await valuesAt('burn_rate{slo="ratio"}', at)).default).toBeCloseTo(bad / 0.1, 12);
    expect(await valuesAt('count_good{slo="ratio"}', at)).toEqual({ default: 53 });
    expect(await valuesAt('count_total{slo="ratio"}', at)).toEqual({ default: 60 });
  });

  test('samples stand at the ends of minutes, one each, and the look-back is five minutes', async () => {
    expect((await samples('reliability{slo="ratio"}', minute(9), minute(12))).map(([at]) => at)).toEqual([
      minute(10),
      minute(11),
      minute(12),
    ]);
    // Snapshots are there up to 12:20; the minute after is not complete.
    expect(await valuesAt('count_total{slo="ratio"}', minute(24) + 59_000)).toEqual({ default: 210 });
    expect(await valuesAt('count_total{slo="ratio"}', minute(25))).toEqual({});
  });

  test('the minute that has not ended has no sample, even when its points are in', async () => {
    const { environment } = prometheus;
    const ctx = actingAs(environment, 'primary');
    const at = iso(environment.clock.now() + MINUTE_MS);
    await recordMeasurements({
      ctx,
      input: { id: 'default.ratio', body: { points: [{ at, good: 0, total: 10 }] } },
    });
    expect(await samples('sli_ratio_used_total{slo="ratio"}', minute(19), minute(23))).toEqual([
      [minute(20), 10],
    ]);
  });
});

describe("a minute's own numbers", () => {
  test('received is what came in, and used is what counts', async () => {
    const only = '{slo="ratio"}';
    expect(await samples(`sli_ratio_received_good${only}`, minute(3), minute(5))).toEqual([
      [minute(4), 4],
      [minute(5), 10],
    ]);
    expect(await samples(`sli_ratio_received_total${only}`, minute(3), minute(4))).toEqual([[minute(4), 10]]);
    expect(await samples(`sli_ratio_received_bad${only}`, minute(3), minute(7))).toEqual([]);
    expect(await samples(`sli_ratio_received_bad${only}`, minute(7), minute(9))).toEqual([[minute(8), 2]]);
    expect(await samples(`sli_ratio_used_good${only}`, minute(7), minute(8))).toEqual([[minute(8), 8]]);
    expect(await samples(`sli_ratio_received_total${only}`, minute(7), minute(8))).toEqual([]);
    expect(await samples(`sli_ratio_used_total${only}`, minute(7), minute(8))).toEqual([[minute(8), 10]]);
    expect(await samples(`sli_ratio_used_total${only}`, minute(-2), minute(1))).toEqual([
      [minute(-1), 10],
      [minute(1), 10],
    ]);
  });

  test('a threshold SLI has its last value, judged for each objective by its own bound', async () => {
    // The value of minute 4 is 200, that of minute 5 is 225.
    expect(await valuesAt('sli_threshold', minute(5))).toEqual({ fast: 200, ok: 200 });
    expect(await valuesAt('sli_threshold_status', minute(4))).toEqual({ fast: 1, ok: 1 });
    expect(await valuesAt('sli_threshold_status', minute(5))).toEqual({ fast: 0, ok: 1 });
  });

  test('a slice stands at its end, where it was observed', async () => {
    const all = [minute(-10), minute(20)] as const;
    expect(await samples('time_slice_reliability', ...all)).toEqual([
      [minute(5), 1],
      [minute(10), 0.6],
    ]);
    expect(await samples('time_slice_status', ...all)).toEqual([
      [minute(5), 1],
      [minute(10), 0],
    ]);
  });
});

describe('what is configured', () => {
  test('target, threshold and allowance are there since the first data, or since the creation', async () => {
    // The ratio has data since 11:58, the others since 12:00, before their creation at 12:00:30.
    expect(await valuesAt('target{slo="ratio"}', minute(-2))).toEqual({ default: 0.9 });
    expect(await valuesAt('target{slo="ratio"}', minute(-2) - 1)).toEqual({});
    expect(await valuesAt('target{slo="latency"}', minute(0))).toEqual({ fast: 0.9, ok: 0.99 });
    expect(await valuesAt('target{slo="latency"}', minute(0) - 1)).toEqual({});
    expect(await valuesAt('threshold', minute(600))).toEqual({ fast: 200, ok: 500 });
    expect(await valuesAt('time_slice_allowance', minute(10))).toEqual({ default: 0.8 });
  });

  test('an SLO without data has its target since its creation, at once', async () => {
    const ctx = actingAs(prometheus.environment, 'silent');
    await createSlo({ ctx, input: { name: 'silent', target: 0.75 } });
    const createdMs = prometheus.environment.clock.now();
    for (const [atMs, expected] of [
      [createdMs - 1, []],
      [createdMs, [0.75]],
      [createdMs + 1, [0.75]],
    ] as const) {
      const { body } = await prometheus.ask(
        '/query',
        { query: 'target or reliability', time: atMs / 1000 },
        { account: 'silent' },
      );
      expect(body.data.result.map(({ value }: { value: [number, string] }) => Number(value[1]))).toEqual(
        expected,
      );
    }
  });

  test('it has a sample in every minute for ranges', async () => {
    const found = await samples('target{slo="ratio"}', minute(-5), minute(3));
    expect(found).toEqual(Array.from({ length: 6 }, (_, n) => [minute(n - 2), 0.9]));
  });

  test('a change is told of the past too, while the budget of the past keeps the target of its time', async () => {
    const before = await valuesAt('budget{slo="ratio"}', minute(5));
    const ctx = actingAs(prometheus.environment, 'primary');
    await updateSlo({
      ctx,
      input: { id: 'default.ratio', patch: { objectives: [{ name: 'default', target: 0.8 }] } },
    });
    expect(await valuesAt('target{slo="ratio"}', minute(5))).toEqual({ default: 0.8 });
    expect(await valuesAt('budget{slo="ratio"}', minute(5))).toEqual(before);
  });

  test('a changed bound judges from the change on', async () => {
    const ctx = actingAs(prometheus.environment, 'primary');
    await updateSlo({
      ctx,
      input: {
        id: 'default.latency',
        patch: {
          objectives: [
            { name: 'fast', target: 0.9, op: 'lt', value: 50 },
            { name: 'ok', target: 0.99, op: 'lt', value: 500 },
          ],
        },
      },
    });
    expect(await valuesAt('threshold', minute(4))).toEqual({ fast: 50, ok: 500 });
    expect(await valuesAt('sli_threshold_status', minute(4))).toEqual({ fast: 1, ok: 1 });
  });
});

describe('which metrics there are', () => {
  test.each([
    ['ratio', ['sli_ratio_received_good', 'sli_ratio_used_total', 'reliability', 'target'], 11],
    ['latency', ['sli_threshold', 'sli_threshold_status', 'threshold'], 9],
    ['slices', ['time_slice_allowance', 'time_slice_reliability', 'time_slice_status'], 14],
  ])('%s has those of its kind alone', async (slo, some, count) => {
    const { body } = await prometheus.ask('/label/__name__/values', { 'match[]': `{slo="${slo}"}` });
    expect(body.data).toEqual(expect.arrayContaining(some));
    expect(body.data).toHaveLength(count);
    expect(body.data).not.toContain('component_weight');
  });

  test('labels are project, slo, objective and service, as configured now', async () => {
    const { body } = await prometheus.ask('/query', {
      query: 'reliability{slo="ratio"}',
      time: minute(5) / 1000,
    });
    expect(body.data.result[0].metric).toEqual({
      __name__: 'reliability',
      project: 'default',
      slo: 'ratio',
      objective: 'default',
      service: 'web',
    });
    const ctx = actingAs(prometheus.environment, 'primary');
    await updateSlo({ ctx, input: { id: 'default.ratio', patch: { service: 'shop' } } });
    const moved = await prometheus.ask('/query', {
      query: 'reliability{service="shop"}',
      time: minute(5) / 1000,
    });
    expect(moved.body.data.result).toHaveLength(1);
  });

  test('metrics of components are declared and empty while there are no composites', async () => {
    const { body } = await prometheus.ask('/query', { query: 'component_impact or composite_max_delay' });
    expect(body.data).toEqual({ resultType: 'vector', result: [] });
  });
});
