import { exec, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { hasPrograms } from '../api/prometheus/http-server.ts';
import { createTestDatabase } from '../support/database.ts';
import { CHECKOUT, startProcess } from '../support/process.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const run = promisify(exec);
const MINUTE = 60_000;

/** The commands of a page, block by block, as a reader pastes them. */
function blocksOf(page: string): string[] {
  const text = readFileSync(join(CHECKOUT, 'docs', page), 'utf8');
  return [...text.matchAll(/^```bash\n(.*?)^```$/gms)].map(([, block = '']) => block);
}

describe('the commands of the pages', () => {
  let environment: NodeJS.ProcessEnv;

  /** Pastes the blocks one after the other into one shell; answers what each printed. */
  async function paste(blocks: readonly string[]): Promise<string[]> {
    const script = ['set -euo pipefail', ...blocks].join("\nprintf '\\n@@\\n'\n");
    const { stdout } = await run(script, { env: environment, cwd: CHECKOUT, shell: '/bin/bash' });
    const [, ...answers] = stdout.split('@@\n').map((answer) => answer.trim());
    return answers;
  }

  /** Pastes a command that goes on for ever, and answers the first line that matches. */
  async function firstLine(block: string, pattern: RegExp): Promise<string> {
    const child = spawn('bash', ['-c', `exec ${block}`], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      for await (const line of createInterface({ input: child.stdout })) if (pattern.test(line)) return line;
      throw new Error(`it ended without ${pattern}`);
    } finally {
      child.kill();
    }
  }

  beforeEach(async () => {
    const database = await createTestDatabase();
    const secrets = { PLUGIN_SECRET: 'a-secret-for-the-pages', ACCESS_KEY_SECRET: 'k'.repeat(40) };
    const service = await startProcess({ env: { DATABASE_URL: database.url, ...secrets } });
    const { PATH, HOME } = process.env;
    environment = { PATH, HOME, ...secrets, URL: await service.url(), TOKEN: secrets.PLUGIN_SECRET };
    // The README's SLO, with an hour of its measurements: every second minute one of 1,000 requests fails.
    const now = Math.floor(Date.now() / MINUTE) * MINUTE;
    const points = Array.from({ length: 60 }, (_, i) => ({
      at: new Date(now - (i + 1) * MINUTE).toISOString(),
      ...{ good: 1000 - (i % 2), total: 1000 },
    }));
    for (const [path, body] of [
      ['slos', { name: 'checkout', target: 0.999, labels: { team: 'payments' } }],
      ['slos/default.checkout/measurements', { points }],
    ] as const) {
      const headers = {
        authorization: `Bearer ${secrets.PLUGIN_SECRET}`,
        'content-type': 'application/json',
      };
      const url = `${environment.URL}/api/v1/${path}`;
      const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
      expect(response.ok).toBe(true);
    }
  });

  it('prometheus.md: ask for budgets, burn rates and labels, with either kind of credentials', async () => {
    const blocks = blocksOf('prometheus.md');
    const [instant = '', range = '', labels = '', ...more] = await paste(
      blocks.filter((block) => !block.startsWith('promtool')),
    );
    expect(more).toEqual([]);
    // Half of the budget is left: 0.0005 of 0.001 failed.
    const series = { slo: 'checkout', project: 'default', objective: 'default', service: 'checkout' };
    expect(JSON.parse(instant)).toEqual({
      status: 'success',
      data: {
        resultType: 'vector',
        result: [
          { metric: { __name__: 'budget', ...series }, value: [expect.any(Number), expect.any(String)] },
        ],
      },
    });
    expect(Number(JSON.parse(instant).data.result[0].value[1])).toBeCloseTo(0.5, 1);
    expect(JSON.parse(range).data).toMatchObject({ resultType: 'matrix', result: [{ metric: series }] });
    expect(JSON.parse(labels).data).toEqual(expect.arrayContaining(['__name__', ...Object.keys(series)]));
  });

  it.skipIf(!hasPrograms('promtool'))('prometheus.md: promtool asks with an access key', async () => {
    const isMeant = /^(API|KEY)=|^promtool /;
    const answers = await paste(blocksOf('prometheus.md').filter((block) => isMeant.test(block)));
    expect(answers.at(-1)).toMatch(/^burn_rate\{.*slo="checkout".*\} => 0\.\d+ @\[\d+/);
  });

  it('live.md: both streams begin with how things stand', async () => {
    const [events = '', subscription = '', ...more] = blocksOf('live.md');
    expect(more).toEqual([]);
    const told = await firstLine(events, /^data: \{/);
    expect(JSON.parse(told.slice('data: '.length))).toMatchObject({ slo: 'checkout', state: 'healthy' });
    const changed = await firstLine(subscription, /^data: \{/);
    expect(JSON.parse(changed.slice('data: '.length))).toMatchObject({
      data: { sloStatusChanged: { name: 'checkout', state: 'HEALTHY' } },
    });
  });

  it('reports.md: sums up by label', async () => {
    const [csv = '', ...more] = await paste(blocksOf('reports.md'));
    expect(more).toEqual([]);
    expect(csv.split('\r\n')[1]).toMatch(/payments/);
  });

  it('sources.md: name a source, and read its past', async () => {
    const [created = '', started = '', ...more] = await paste(blocksOf('sources.md'));
    expect(more).toEqual([]);
    expect(JSON.parse(created)).toMatchObject({
      name: 'api-up',
      sli: { source: { type: 'uptime', target: 'api' } },
    });
    expect(JSON.parse(started)).toMatchObject({
      data: { backfillSlo: { slo: { backfill: { state: 'RUNNING' } }, errors: [] } },
    });
  });
});
