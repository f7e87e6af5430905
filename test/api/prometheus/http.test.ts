import { beforeAll, describe, expect, test } from 'vitest';
import { MINUTE_MS } from '../../../src/lib/duration.ts';
import { createSlo } from '../../../src/services/create-slo.ts';
import { actingAs } from '../../support/environment.ts';
import { createHourlySlo, recordMinutes } from '../../support/hourly-slo.ts';
import {
  BASE,
  createPrometheusClient,
  type Form,
  type PrometheusClient,
  prometheusOn,
  SECRET,
} from './prometheus-client.ts';

const NOON = Date.UTC(2026, 2, 10, 12, 0);
const T = NOON / 1000;

let prometheus: PrometheusClient;

beforeAll(async () => {
  prometheus = await createPrometheusClient(NOON + 5000);
  const ctx = actingAs(prometheus.environment, 'primary');
  const minutes = { fromMs: NOON - 30 * MINUTE_MS, count: 30 };
  for (const [name, good] of [
    ['checkout', 9],
    ['search', 10],
  ] as const) {
    await createHourlySlo(ctx, { name, target: 0.9 });
    await recordMinutes(ctx, `default.${name}`, minutes, () => ({ good, total: 10 }));
  }
  await createSlo({ ctx: actingAs(prometheus.environment, 'other'), input: { name: 'secret', target: 0.5 } });
});

const labels = (slo: string, metric: string) => ({
  __name__: metric,
  objective: 'default',
  project: 'default',
  service: slo,
  slo,
});

describe('query', () => {
  test('answers a vector stamped with the evaluation time', async () => {
    const { status, body, headers } = await prometheus.ask('/query', {
      query: 'reliability',
      time: T - 29.75,
    });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/json');
    expect(body).toEqual({
      status: 'success',
      data: {
        resultType: 'vector',
        result: [
          { metric: labels('checkout', 'reliability'), value: [T - 29.75, '0.9'] },
          { metric: labels('search', 'reliability'), value: [T - 29.75, '1'] },
        ],
      },
    });
  });

  test('without a time it is now, by GET and by form POST, from the URL and from the body', async () => {
    const expected = { resultType: 'vector', result: [{ metric: {}, value: [T + 5, '1.9'] }] };
    const query = 'sum(reliability)';
    expect((await prometheus.ask('/query', { query })).body.data).toEqual(expected);
    expect((await prometheus.ask('/query', { query }, { method: 'POST' })).body.data).toEqual(expected);
    // As vmalert sends it: all in the URL, a JSON content type, an empty body.
    const headers = { authorization: `Bearer ${SECRET}`, 'content-type': 'application/json' };
    const url = `http://localhost${BASE}/query?query=${encodeURIComponent(query)}`;
    const answer = await prometheus.send(new Request(url, { method: 'POST', headers }));
    expect(answer.body.data).toEqual(expected);
  });

  test('the body wins over the URL, and the first of repeated values counts', async () => {
    const headers = {
      authorization: `Bearer ${SECRET}`,
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
    };
    const request = new Request(`http://localhost${BASE}/query?query=1&query=2`, {
      method: 'POST',
      headers,
      body: 'query=3&query=4',
    });
    expect((await prometheus.send(request)).body.data.result[1]).toBe('3');
    const { body } = await prometheus.ask('/query', { query: ['1', '2'] });
    expect(body.data.result[1]).toBe('1');
  });

  test.each([
    ['NaN', 'scalar', 'NaN'],
    ['1/0', 'scalar', '+Inf'],
    ['-1/0', 'scalar', '-Inf'],
    ['-0', 'scalar', '-0'],
    ['1e-7', 'scalar', '0.0000001'],
    ['1e21', 'scalar', '1000000000000000000000'],
    ['0.1 + 0.2', 'scalar', '0.30000000000000004'],
    ['vector(1e-7)', 'vector', '1e-07'],
    ['vector(1.5e-10)', 'vector', '1.5e-10'],
    ['vector(1e-6)', 'vector', '0.000001'],
    ['vector(1e21)', 'vector', '1e+21'],
    ['vector(123456789012345680000)', 'vector', '123456789012345680000'],
    ['vector(-0)', 'vector', '-0'],
    ['vector(0/0)', 'vector', 'NaN'],
  ])('%s is written as %s %s', async (query, type, text) => {
    const { data } = (await prometheus.ask('/query', { query, time: T })).body;
    expect(data.resultType).toBe(type);
    expect(type === 'scalar' ? data.result : data.result[0].value).toEqual([T, text]);
  });

  test('a string and a range selector have their own types', async () => {
    const text = await prometheus.ask('/query', { query: '"a\\"b"', time: T });
    expect(text.body.data).toEqual({ resultType: 'string', result: [T, 'a"b'] });
    const matrix = await prometheus.ask('/query', { query: 'count_good{slo="search"}[2m]', time: T });
    expect(matrix.body.data).toEqual({
      resultType: 'matrix',
      result: [
        {
          metric: labels('search', 'count_good'),
          values: [
            [T - 60, '290'],
            [T, '300'],
          ],
        },
      ],
    });
  });

  test('an unknown metric is an empty vector or matrix', async () => {
    expect((await prometheus.ask('/query', { query: 'nothing' })).body.data).toEqual({
      resultType: 'vector',
      result: [],
    });
    const range = { query: 'nothing', start: T - 60, end: T, step: 60 };
    expect((await prometheus.ask('/query_range', range)).body.data).toEqual({
      resultType: 'matrix',
      result: [],
    });
  });

  test('a limit cuts, and says so', async () => {
    const cut = (await prometheus.ask('/query', { query: 'reliability', limit: 1 })).body;
    expect(cut.data.result).toHaveLength(1);
    expect(cut.warnings).toEqual(['results truncated due to limit']);
    const whole = (await prometheus.ask('/query', { query: 'reliability', limit: 2 })).body;
    expect(whole.data.result).toHaveLength(2);
    expect(whole).not.toHaveProperty('warnings');
  });

  test('rate of a gauge adds an info, and stats come when asked for', async () => {
    const { body } = await prometheus.ask('/query', { query: 'rate(count_good[5m])', stats: 'all', time: T });
    expect(body.infos).toHaveLength(1);
    expect(body.infos[0]).toMatch(/metric might not be a counter/);
    expect(body.data.stats.samples.totalQueryableSamples).toBe(10);
    expect(body.data.stats.timings.execTotalTime).toBeGreaterThan(0);
  });

  test('lookback_delta says how old a sample may be', async () => {
    const old = { query: 'count(reliability)', time: T + 400 };
    expect((await prometheus.ask('/query', old)).body.data.result).toEqual([]);
    for (const lookback_delta of ['10m', '600', '10m0s']) {
      const { body } = await prometheus.ask('/query', { ...old, lookback_delta });
      expect(body.data.result[0].value[1]).toBe('2');
    }
  });
});

describe('query_range', () => {
  test('answers a matrix sorted by labels, with a point at each step that has a sample', async () => {
    const form = {
      query: 'count_total',
      start: new Date((T - 120) * 1000).toISOString(),
      end: T,
      step: '1m',
    };
    const { body } = await prometheus.ask('/query_range', form);
    expect(body.data.resultType).toBe('matrix');
    expect(body.data.result.map(({ metric }: { metric: object }) => metric)).toEqual([
      labels('checkout', 'count_total'),
      labels('search', 'count_total'),
    ]);
    expect(body.data.result[0].values).toEqual([
      [T - 120, '280'],
      [T - 60, '290'],
      [T, '300'],
    ]);
  });

  test('a scalar is a matrix too, and times may have milliseconds', async () => {
    const form = { query: '7', start: T + 0.1, end: T + 0.2, step: 0.05 };
    expect((await prometheus.ask('/query_range', form)).body.data.result).toEqual([
      {
        metric: {},
        values: [
          [T + 0.1, '7'],
          [T + 0.15, '7'],
          [T + 0.2, '7'],
        ],
      },
    ]);
  });

  test('11,000 points and the one at the start are allowed, and no more', async () => {
    const most = { query: '1', start: 0, end: 11_000, step: 1 };
    expect((await prometheus.ask('/query_range', most)).body.data.result[0].values).toHaveLength(11_001);
    const more = await prometheus.ask('/query_range', { ...most, end: 11_001 });
    expect(more).toMatchObject({
      status: 400,
      body: {
        status: 'error',
        errorType: 'bad_data',
        error:
          'exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)',
      },
    });
  });
});

const RANGE = { query: 'reliability', start: T - 60, end: T, step: 60 };

describe('what is wrong is said as Prometheus says it', () => {
  test.each<[string, Form, number, string, string | RegExp]>([
    ['/query', { query: 'foo(' }, 400, 'bad_data', /^invalid parameter "query": 1:\d+: parse error: /],
    [
      '/query',
      {},
      400,
      'bad_data',
      /^invalid parameter "query": .*parse error: no expression found in input/,
    ],
    ['/query', { query: 'nofun(1)' }, 400, 'bad_data', /unknown function with name "nofun"/],
    ['/query', { query: 'rate(reliability)' }, 400, 'bad_data', /expected type range vector/],
    [
      '/query',
      { query: '1', time: 'x' },
      400,
      'bad_data',
      'invalid parameter "time": invalid time value for \'time\': cannot parse "x" to a valid timestamp',
    ],
    ['/query', { query: '1', time: '1e30' }, 400, 'bad_data', /cannot parse "1e30" to a valid timestamp/],
    ['/query', { query: '1', time: 'NaN' }, 400, 'bad_data', /cannot parse "NaN"/],
    [
      '/query',
      { query: '1', timeout: 'x' },
      400,
      'bad_data',
      'invalid parameter "timeout": cannot parse "x" to a valid duration',
    ],
    [
      '/query',
      { query: '1', lookback_delta: 'x' },
      400,
      'bad_data',
      'error parsing lookback delta duration: cannot parse "x" to a valid duration',
    ],
    [
      '/query',
      { query: '1', limit: '-1' },
      400,
      'bad_data',
      'invalid parameter "limit": limit must be non-negative',
    ],
    ['/query', { query: '1', limit: 'x' }, 400, 'bad_data', /^invalid parameter "limit": /],
    ['/query', { query: 'reliability * on(objective) budget' }, 422, 'execution', /many-to-many|duplicate/],
    ['/query', { query: 'reliability', timeout: '0.000001' }, 503, 'timeout', /timed out/],
    [
      '/query_range',
      { ...RANGE, start: 'x' },
      400,
      'bad_data',
      'invalid parameter "start": cannot parse "x" to a valid timestamp',
    ],
    [
      '/query_range',
      { ...RANGE, end: '' },
      400,
      'bad_data',
      'invalid parameter "end": cannot parse "" to a valid timestamp',
    ],
    [
      '/query_range',
      { ...RANGE, end: T - 61 },
      400,
      'bad_data',
      'invalid parameter "end": end timestamp must not be before start time',
    ],
    [
      '/query_range',
      { ...RANGE, step: 0 },
      400,
      'bad_data',
      'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer',
    ],
    ['/query_range', { ...RANGE, step: -1 }, 400, 'bad_data', /zero or negative query resolution/],
    ['/query_range', { ...RANGE, step: 'NaN' }, 400, 'bad_data', /^invalid parameter "step": /],
    ['/query_range', { ...RANGE, step: '1e300' }, 400, 'bad_data', /overflows int64/],
    [
      '/query_range',
      { ...RANGE, start: -1e9, end: 1e9, step: 1 },
      400,
      'bad_data',
      /exceeded maximum resolution/,
    ],
    [
      '/query_range',
      { ...RANGE, query: 'reliability[5m]' },
      400,
      'bad_data',
      'invalid parameter "query": invalid expression type "range vector" for range query, must be Scalar or instant Vector',
    ],
    [
      '/query_range',
      { ...RANGE, query: '"x"' },
      400,
      'bad_data',
      /invalid expression type "string" for range query/,
    ],
    ['/query_range', { ...RANGE, start: T - 401 * 86_400, step: 86_400 }, 400, 'bad_data', /400 days/],
    ['/query', { query: 'avg_over_time(reliability[500d])' }, 400, 'bad_data', /400 days/],
    ['/series', {}, 400, 'bad_data', 'no match[] parameter provided'],
    [
      '/series',
      { 'match[]': '{slo=~".*"}' },
      400,
      'bad_data',
      'match[] must contain at least one non-empty matcher',
    ],
    ['/labels', { 'match[]': '{}' }, 400, 'bad_data', 'match[] must contain at least one non-empty matcher'],
    [
      '/labels',
      { 'match[]': 'rate(x[5m])' },
      400,
      'bad_data',
      /^invalid parameter "match\[\]": 1:5: parse error: /,
    ],
    ['/labels', { start: 'x' }, 400, 'bad_data', /invalid time value for 'start'/],
    ['/metadata', { limit: 'x' }, 400, 'bad_data', 'limit must be a number'],
    ['/format_query', { query: '(' }, 400, 'bad_data', /^invalid parameter "query": /],
    ['/parse_query', { query: '' }, 400, 'bad_data', /^invalid parameter "query": /],
  ])('%s %j: %i %s', async (path, form, status, errorType, error) => {
    const answer = await prometheus.ask(path, form);
    expect(answer.body).toMatchObject({ status: 'error', errorType });
    if (typeof error === 'string') expect(answer.body.error).toBe(error);
    else expect(answer.body.error).toMatch(error);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('trace-id')).toMatch(/^\S{8,}$/);
  });

  test('paths, methods and credentials', async () => {
    const unknown = await prometheus.ask('/rules');
    expect([unknown.status, unknown.text, unknown.headers.get('content-type')]).toEqual([
      404,
      '404 page not found\n',
      'text/plain; charset=utf-8',
    ]);
    const put = await prometheus.ask('/query', { query: '1' }, { method: 'PUT' });
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, OPTIONS, POST']);
    for (const path of ['/metadata', '/label/slo/values', '/status/buildinfo']) {
      expect((await prometheus.ask(path, {}, { method: 'POST' })).status).toBe(405);
    }
    for (const path of [
      '/query',
      '/labels',
      '/label/slo/values',
      '/series',
      '/metadata',
      '/status/buildinfo',
    ]) {
      const request = new Request(`http://localhost${BASE}${path}?query=1`);
      const anonymous = await prometheus.send(request);
      expect(anonymous.status, path).toBe(401);
      expect(anonymous.headers.get('content-type')).toMatch(/^text\/plain/);
      expect(anonymous.headers.get('www-authenticate')).toMatch(/^Basic /);
    }
    const nobody = await prometheus.ask('/query', { query: '1' }, { role: 'nobody' });
    expect(nobody.status).toBe(403);
    expect((await prometheus.ask('/query', { query: '1' }, { role: 'viewer' })).status).toBe(200);
  });

  test('only the own account is there', async () => {
    const { body } = await prometheus.ask('/query', { query: 'target' }, { account: 'other' });
    expect(body.data.result.map(({ metric }: { metric: { slo: string } }) => metric.slo)).toEqual(['secret']);
    const mine = await prometheus.ask('/series', { 'match[]': '{slo="secret"}' });
    expect(mine.body.data).toEqual([]);
  });
});

describe('bad input is refused fast, and the process stays up', () => {
  const deep = 10_000;
  test.each<[string, Form]>([
    ['an expression of a megabyte', { query: `1${' + 1'.repeat(262_144)}` }],
    ['10,000 parentheses', { query: `${'('.repeat(deep)}1${')'.repeat(deep)}` }],
    ['10,000 signs', { query: '-'.repeat(deep) }],
    ['a regular expression that does not parse', { query: 'reliability{slo=~"(((a+)+)+"}' }],
    ['200 years of milliseconds', { query: 'count_over_time(vector(1)[200y:1ms])' }],
    ['a day of milliseconds of a metric', { query: 'sum_over_time(target[1d:1ms])' }],
    ['a binary body', { query: '\u0000\uffff' }],
  ])('%s', async (_, form) => {
    const startedMs = performance.now();
    const { status, body } = await prometheus.ask('/query', form, { method: 'POST' });
    expect(body).toMatchObject({ status: 'error', errorType: 'bad_data' });
    expect(status).toBe(400);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect((await prometheus.ask('/query', { query: '1' })).status).toBe(200);
  });

  test('a regular expression built to explode takes linear time', async () => {
    const startedMs = performance.now();
    const query = `reliability{slo=~"(${'a?'.repeat(500)}${'a'.repeat(500)})*b",service=~"(a|aa|aaa|${'x*'.repeat(200)})+$"}`;
    expect((await prometheus.ask('/query', { query })).body.data.result).toEqual([]);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });

  test('a body beyond 10 MiB is given up', async () => {
    const { status, body } = await prometheus.ask(
      '/query',
      { query: 'x'.repeat(10 * 1024 * 1024 + 1) },
      { method: 'POST' },
    );
    expect(status).toBe(400);
    expect(body).toMatchObject({ errorType: 'bad_data', error: /too large/ });
  });
});

describe('rates', () => {
  test('an account that asks too often gets 429 and when to come back; another one goes on', async () => {
    const { environment } = prometheus;
    const limited = prometheusOn(environment, { prometheusRateLimit: { perMinute: 30, burst: 3 } });
    for (let i = 0; i < 3; i += 1)
      expect((await limited.ask('/query', { query: '1' }, { account: 'busy' })).status).toBe(200);
    const refused = await limited.ask('/labels', {}, { account: 'busy' });
    expect(refused.status).toBe(429);
    // 30 a minute is one in two seconds.
    expect(refused.headers.get('retry-after')).toBe('2');
    expect(refused.body).toMatchObject({ status: 'error', errorType: 'too_many_requests' });
    expect((await limited.ask('/query', { query: '1' }, { account: 'calm' })).status).toBe(200);
    environment.clock.advance(2000);
    expect((await limited.ask('/query', { query: '1' }, { account: 'busy' })).status).toBe(200);
  });
});

describe('expressions', () => {
  test('are written out, and taken apart', async () => {
    const formatted = await prometheus.ask('/format_query', { query: 'sum by(slo)(rate(x[5m]))' });
    expect(formatted.body.data).toBe('sum by (slo) (rate(x[5m]))');
    const parsed = await prometheus.ask('/parse_query', { query: 'x{a="b"}' }, { method: 'POST' });
    expect(parsed.body.data).toMatchObject({ type: 'vectorSelector', name: 'x' });
  });
});
