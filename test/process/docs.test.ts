import { exec, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
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

interface Reader {
  /** Pastes blocks one after the other into one shell; answers what each printed. */
  paste(blocks: readonly string[]): Promise<string[]>;
  /** Pastes a command that goes on for ever, and answers the first line that matches. */
  firstLine(block: string, pattern: RegExp): Promise<string>;
}

/** A service with the README's SLO in it, and somebody who reads the pages beside it. */
async function startReader(): Promise<Reader> {
  const database = await createTestDatabase();
  const secrets = { PLUGIN_SECRET: 'a-secret-for-the-pages', ACCESS_KEY_SECRET: 'k'.repeat(40) };
  const service = await startProcess({ env: { DATABASE_URL: database.url, ...secrets } });
  const { PATH, HOME } = process.env;
  const environment = { PATH, HOME, ...secrets, URL: await service.url(), TOKEN: secrets.PLUGIN_SECRET };
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

  return {
    async paste(blocks) {
      const script = ['set -euo pipefail', ...blocks].join("\nprintf '\\n@@\\n'\n");
      const { stdout } = await run(script, { env: environment, cwd: CHECKOUT, shell: '/bin/bash' });
      const [, ...answers] = stdout.split('@@\n').map((answer) => answer.trim());
      return answers;
    },
    async firstLine(block, pattern) {
      const child = spawn('bash', ['-c', `exec ${block}`], {
        env: environment,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      try {
        for await (const line of createInterface({ input: child.stdout }))
          if (pattern.test(line)) return line;
        throw new Error(`it ended without ${pattern}`);
      } finally {
        child.kill();
      }
    },
  };
}

async function readPrometheus({ paste }: Reader): Promise<void> {
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
}

async function readLive({ firstLine }: Reader): Promise<void> {
  const streams = blocksOf('live.md').filter((block) => block.startsWith('curl -N '));
  expect(streams.length).toBeGreaterThanOrEqual(2);
  for (const stream of streams) {
    const told = await firstLine(stream, /^data: \{/);
    const event = JSON.parse(told.slice('data: '.length));
    const { slo, name, state } = stream.includes('/graphql') ? event.data.sloStatusChanged : event;
    expect([slo ?? name, state.toLowerCase()], stream).toEqual(['checkout', 'healthy']);
  }
}

async function readSources({ paste }: Reader): Promise<void> {
  const [created = '', started = ''] = await paste(blocksOf('sources.md'));
  expect(JSON.parse(created)).toMatchObject({
    name: 'api-up',
    sli: { source: { type: 'uptime', target: 'api' } },
  });
  expect(JSON.parse(started)).toMatchObject({
    data: { backfillSlo: { slo: { backfill: { state: 'RUNNING' } }, errors: [] } },
  });
}

async function readAlerts({ paste }: Reader): Promise<void> {
  const [pushed = '', fired = '', changed = '', ...more] = await paste(blocksOf('alerts.md'));
  expect(more).toEqual([]);
  expect(JSON.parse(pushed)).toEqual({ accepted: 1 });
  // 1,000 or so of 60,000 failed in the hour, of 60 that may: 17 times the allowed rate.
  expect(JSON.parse(fired).data).toContainEqual({
    ...{ objective: 'default', condition: 'burn_rate:1h:5m:page', severity: 'page' },
    ...{ firing_since: expect.stringMatching(/:00Z$/), resolved_at: null },
  });
  expect(JSON.parse(changed).alert_policy).toMatchObject({
    conditions: [{ type: 'burn_rate' }, { type: 'no_data', for: '30m' }],
    silences: [{ reason: 'known' }],
  });
}

describe('the commands of the pages', () => {
  it('of prometheus.md, live.md, reports.md, sources.md and alerts.md answer when pasted', async () => {
    const reader = await startReader();
    await readPrometheus(reader);
    await readLive(reader);
    const [csv = ''] = await reader.paste(blocksOf('reports.md'));
    expect(csv.split('\r\n')[1]).toMatch(/payments/);
    await readSources(reader);
    await readAlerts(reader);
  });

  it.skipIf(!hasPrograms('promtool'))('prometheus.md: promtool asks with an access key', async () => {
    const { paste } = await startReader();
    const isMeant = /^(API|KEY)=|^promtool /;
    const answers = await paste(blocksOf('prometheus.md').filter((block) => isMeant.test(block)));
    expect(answers.at(-1)).toMatch(/^burn_rate\{.*slo="checkout".*\} => 0\.\d+ @\[\d+/);
  });
});
