import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { PrometheusDriver } from 'prometheus-query';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { MINUTE_MS } from '../../../src/lib/duration.ts';
import { freePort } from '../../../src/lib/free-port.ts';
import { createAccessKeys } from '../../../src/services/access-keys.ts';
import { actingAs } from '../../support/environment.ts';
import { createHourlySlo, recordMinutes } from '../../support/hourly-slo.ts';
import { hasPrograms, run, scratchDirectory, serve, start } from './http-server.ts';
import { createPrometheusClient } from './prometheus-client.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const keys = {
  accessKeySecret: 'x'.repeat(40),
  accessKeyEpoch: 1,
  accessKeyRevoked: [],
  writeRoles: ['admin'],
};
const USER = 'team:one';
/** Alerts are evaluated by the clock of the machine. */
const NOW = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
const T = NOW / 1000;

let host = '';
let password = '';
beforeAll(async () => {
  const prometheus = await createPrometheusClient(NOW + 1000, keys);
  host = await serve(prometheus);
  password = createAccessKeys(keys)?.issue({ accountId: USER, role: 'viewer' }).password ?? '';
  const ctx = actingAs(prometheus.environment, USER);
  await createHourlySlo(ctx, { name: 'checkout', target: 0.9 });
  const minutes = { fromMs: NOW - 60 * MINUTE_MS, count: 60 };
  await recordMinutes(ctx, 'default.checkout', minutes, () => ({ good: 8, total: 10 }));
});

/** With the access key as Basic credentials in the URL, as promtool takes them. */
const url = (): string => `http://${encodeURIComponent(USER)}:${password}@${host}/api/prometheus/v1`;

describe.skipIf(!hasPrograms('promtool'))('promtool', () => {
  const promtool = (...args: string[]) => run('promtool', ['query', ...args]);

  test('asks for an instant', async () => {
    const out = await promtool('instant', `--time=${T}`, '-o', 'json', url(), 'burn_rate{slo="checkout"}');
    // A fifth fails, where a tenth may.
    expect(JSON.parse(out)).toMatchObject([{ metric: { slo: 'checkout' }, value: [T, '2'] }]);
  });

  test('asks for a range', async () => {
    const out = await promtool(
      'range',
      `--start=${T - 120}`,
      `--end=${T}`,
      '--step=1m',
      '-o',
      'json',
      url(),
      'count_total',
    );
    expect(JSON.parse(out)[0].values).toEqual([
      [T - 120, '580'],
      [T - 60, '590'],
      [T, '600'],
    ]);
  });

  test('asks for series and labels', async () => {
    const series = await promtool('series', '--match=target', url());
    expect(series).toContain(
      '{__name__="target", objective="default", project="default", service="checkout", slo="checkout"}',
    );
    expect((await promtool('labels', url(), 'slo')).trim()).toBe('checkout');
  });

  test('is told of bad PromQL and of bad credentials', async () => {
    await expect(promtool('instant', url(), 'rate(')).rejects.toThrow(
      /bad_data: invalid parameter "query": 1:6: parse error/,
    );
    await expect(promtool('instant', url().replace(password, 'wrong'), '1')).rejects.toThrow(
      /401|client error/,
    );
  });
});

test('prometheus-query for npm asks for instants, ranges, series, labels and values', async () => {
  const client = new PrometheusDriver({
    endpoint: `http://${host}`,
    baseURL: '/api/prometheus/v1/api/v1',
    auth: { username: USER, password },
  });
  const instant = await client.instantQuery('count_good', new Date(NOW));
  expect(instant.resultType).toBe('vector');
  expect(instant.result[0]).toMatchObject({
    metric: { name: 'count_good', labels: { slo: 'checkout' } },
    value: { value: 480 },
  });
  const range = await client.rangeQuery('count_good', new Date(NOW - MINUTE_MS), new Date(NOW), 60);
  expect(range.result[0].values.map(({ value }: { value: number }) => value)).toEqual([472, 480]);
  expect(await client.labelValues('slo')).toEqual(['checkout']);
  expect(await client.labelNames()).toContain('component_slo');
  expect(await client.series('target', new Date(NOW - MINUTE_MS), new Date(NOW))).toHaveLength(1);
  expect(Object.keys(await client.metadata())).toHaveLength(22);
  await expect(client.instantQuery('rate(')).rejects.toThrow();
});

test.skipIf(!hasPrograms('vmalert'))('vmalert evaluates a rule on burn_rate and fires', async () => {
  const directory = await scratchDirectory();
  const rules = join(directory, 'rules.yml');
  await writeFile(
    rules,
    `groups:
  - name: slo
    interval: 1s
    rules:
      - alert: BurnsTooFast
        expr: burn_rate{project="default"} > 1.5
        labels: {severity: page}
`,
  );
  const alerts: { labels: Record<string, string> }[] = [];
  const notifier = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      alerts.push(...JSON.parse(body));
      response.end();
    });
  });
  await new Promise<void>((resolve) => notifier.listen(0, '127.0.0.1', resolve));
  const address = notifier.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const vmalert = start('vmalert', [
    `-rule=${rules}`,
    `-datasource.url=http://${host}/api/prometheus/v1`,
    `-datasource.basicAuth.username=${USER}`,
    `-datasource.basicAuth.password=${password}`,
    `-notifier.url=http://127.0.0.1:${address.port}`,
    `-httpListenAddr=127.0.0.1:${await freePort()}`,
    '-evaluationInterval=1s',
  ]);
  try {
    await expect
      .poll(() => alerts.map(({ labels }) => labels), { timeout: 60_000 })
      .toContainEqual(
        expect.objectContaining({ alertname: 'BurnsTooFast', slo: 'checkout', severity: 'page' }),
      );
  } finally {
    vmalert.kill('SIGKILL');
    notifier.closeAllConnections();
    notifier.close();
  }
});
