import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { floorTo, HOUR_MS, MINUTE_MS } from '../../../src/lib/duration.ts';
import { freePort } from '../../../src/lib/free-port.ts';
import { createSlo } from '../../../src/services/create-slo.ts';
import { evaluate } from '../../../src/services/evaluate.ts';
import { SLO_METRICS } from '../../../src/slo/slo-metrics.ts';
import { actingAs } from '../../support/environment.ts';
import { recordMinutes } from '../../support/hourly-slo.ts';
import { generateExpressions } from './expressions.ts';
import { hasPrograms, run, scratchDirectory, start } from './http-server.ts';
import { createPrometheusClient, type PrometheusClient } from './prometheus-client.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const NOW = floorTo(Date.now(), MINUTE_MS);
const FROM = NOW - 5 * HOUR_MS;
/** Between two samples, so that Prometheus 2.42, whose windows include their left end, sees the same ones. */
const AT = (NOW - 20 * MINUTE_MS + 30_500) / 1000;

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: [number, string];
  readonly values?: [number, string][];
}

let prometheus: PrometheusClient;
let oracle = '';

async function fill(): Promise<void> {
  const env = prometheus.environment;
  const ctx = actingAs(env, 'primary');
  const window = { time_window: { type: 'rolling', duration: '2h' } };
  await createSlo({ ctx, input: { name: 'ratio', service: 'web', target: 0.9, ...window } });
  await createSlo({ ctx, input: { name: 'gappy', service: 'web', target: 0.95, ...window } });
  await createSlo({
    ctx,
    input: {
      name: 'latency',
      sli: { type: 'threshold' },
      objectives: [
        { name: 'fast', target: 0.6, op: 'lt', value: 200 },
        { name: 'ok', target: 0.9, op: 'lte', value: 500 },
      ],
      ...window,
    },
  });
  await createSlo({
    ctx,
    input: {
      name: 'slices',
      budgeting_method: 'timeslices',
      time_slice_window: '5m',
      objectives: [{ name: 'default', target: 0.7, time_slice_target: 0.9 }],
      ...window,
    },
  });
  await createSlo({
    ctx,
    input: {
      name: 'bundle',
      service: 'web',
      target: 0.9,
      sli: {
        type: 'composite',
        max_delay: '2m',
        components: [
          { slo: 'ratio', weight: 3 },
          { slo: 'gappy', weight: 1, when_delayed: 'count_as_bad' },
        ],
      },
      ...window,
    },
  });
  const record = (id: string, pointOf: (n: number) => object | null) =>
    recordMinutes(ctx, id, { fromMs: FROM, count: 300 }, pointOf);
  await record('default.ratio', (n) => ({ good: 90 + ((n * 7) % 11), total: 101 + (n % 3) }));
  await record('default.gappy', (n) => (n % 60 > 25 && n % 60 < 40 ? null : { bad: n % 4, total: 20 + n }));
  await record('default.latency', (n) => ({ value: 150 + ((n * 37) % 400) }));
  await record('default.slices', (n) => ({ good: 8 + ((n * 13) % 3), total: 10 }));
  await evaluate(env);
}

/** All samples of the tracker as OpenMetrics. */
async function openMetrics(): Promise<string> {
  let text = '';
  for (const { name } of SLO_METRICS) {
    const { body } = await prometheus.ask('/query', { query: `${name}[6h]`, time: NOW / 1000 });
    text += `# TYPE ${name} gauge\n`;
    for (const { metric, values } of body.data.result) {
      const labels = Object.entries(metric)
        .filter(([label]) => label !== '__name__')
        .map(([label, value]) => `${label}="${value}"`);
      for (const [at, value] of values) text += `${name}{${labels.join(',')}} ${value} ${at}\n`;
    }
  }
  return `${text}# EOF\n`;
}

async function startOracle(): Promise<string> {
  const directory = await scratchDirectory();
  const storage = join(directory, 'data');
  await mkdir(storage);
  await writeFile(join(directory, 'samples.om'), await openMetrics());
  await run('promtool', [
    'tsdb',
    'create-blocks-from',
    'openmetrics',
    '--quiet',
    join(directory, 'samples.om'),
    storage,
  ]);
  await writeFile(join(directory, 'prometheus.yml'), 'global: {}\n');
  const port = await freePort();
  start('prometheus', [
    `--config.file=${join(directory, 'prometheus.yml')}`,
    `--storage.tsdb.path=${storage}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=error',
    '--enable-feature=promql-at-modifier,promql-negative-offset',
  ]);
  const url = `http://127.0.0.1:${port}`;
  await vi.waitFor(async () => expect((await fetch(`${url}/-/ready`)).ok).toBe(true), {
    timeout: 120_000,
    interval: 200,
  });
  return url;
}

async function askOracle(path: string, form: Record<string, string>) {
  const response = await fetch(`${oracle}/api/v1${path}`, {
    method: 'POST',
    body: new URLSearchParams(form),
  });
  return { status: response.status, body: await response.json() };
}

const keyOf = ({ metric }: Series): string => JSON.stringify(Object.entries(metric).sort());

/** The series by their labels, each with its points. */
function seriesOf(result: readonly Series[]): Map<string, [number, number][]> {
  return new Map(
    result.map((series) => [
      keyOf(series),
      (series.values ?? (series.value === undefined ? [] : [series.value])).map(([at, value]) => [
        at,
        value === '+Inf'
          ? Number.POSITIVE_INFINITY
          : value === '-Inf'
            ? Number.NEGATIVE_INFINITY
            : Number(value),
      ]),
    ]),
  );
}

function isClose(a: number, b: number): boolean {
  if (Object.is(a, b) || a === b) return true;
  if (Number.isNaN(a) || Number.isNaN(b)) return false;
  return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));
}

/** What differs, in words; null for nothing. */
function difference(ours: readonly Series[], theirs: readonly Series[]): string | null {
  const [own, other] = [seriesOf(ours), seriesOf(theirs)];
  for (const key of new Set([...own.keys(), ...other.keys()])) {
    const [mine, yours] = [own.get(key) ?? [], other.get(key) ?? []];
    if (mine.length !== yours.length) return `${key}: ${mine.length} points, Prometheus has ${yours.length}`;
    for (const [i, [at, value]] of mine.entries()) {
      const [otherAt, otherValue] = yours[i] ?? [Number.NaN, Number.NaN];
      if (at !== otherAt || !isClose(value, otherValue)) {
        return `${key} at ${at}: ${value}, Prometheus has ${otherValue} at ${otherAt}`;
      }
    }
  }
  return null;
}

interface Tally {
  readonly faults: string[];
  answers: number;
  points: number;
  refused: number;
}

async function compare(path: string, forms: readonly Record<string, string>[]): Promise<Tally> {
  const tally: Tally = { faults: [], answers: 0, points: 0, refused: 0 };
  for (const form of forms) {
    const ours = await prometheus.ask(path, form, { method: 'POST' });
    const theirs = await askOracle(path, form);
    if (ours.status !== theirs.status) {
      tally.faults.push(
        `${form.query}: ${ours.status} ${ours.body.error}, Prometheus ${theirs.status} ${theirs.body.error}`,
      );
    } else if (ours.status !== 200) {
      tally.refused += 1;
    } else {
      const found = difference(ours.body.data.result, theirs.body.data.result);
      if (found !== null) tally.faults.push(`${form.query}: ${found}`);
      if (ours.body.data.result.length > 0) tally.answers += 1;
      for (const [, points] of seriesOf(ours.body.data.result)) tally.points += points.length;
    }
  }
  return tally;
}

describe.skipIf(!hasPrograms('prometheus', 'promtool'))(
  'beside a real Prometheus with the same samples',
  () => {
    beforeAll(async () => {
      prometheus = await createPrometheusClient(NOW + 1000);
      await fill();
      oracle = await startOracle();
    });

    test('all 22 metrics have samples', async () => {
      const { body } = await prometheus.ask('/query', {
        query: 'count by (__name__) (last_over_time({slo=~".+"}[1h]))',
        time: String(AT),
      });
      const names = body.data.result.map(({ metric }: Series) => metric.__name__);
      expect(names.sort()).toEqual(SLO_METRICS.map(({ name }) => name).sort());
    });

    test('300 generated queries have the same answer at an instant', async () => {
      const expressions = generateExpressions(300, 20_260_310);
      const { faults, answers, refused } = await compare(
        '/query',
        expressions.map((query) => ({ query, time: String(AT) })),
      );
      expect(faults).toEqual([]);
      // Most of them say something, and few are refused.
      expect(answers).toBeGreaterThan(150);
      expect(refused).toBeLessThan(60);
    });

    test('100 generated queries have the same answer over a range', async () => {
      const expressions = generateExpressions(100, 7);
      const { faults, points } = await compare(
        '/query_range',
        expressions.map((query) => ({ query, start: String(AT - 3 * 3600), end: String(AT), step: '171' })),
      );
      expect(faults).toEqual([]);
      expect(points).toBeGreaterThan(5000);
    });
  },
);
