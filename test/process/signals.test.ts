import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { apiClient } from '../support/api-client.ts';
import { usedDataDir } from '../support/data-dir.ts';
import {
  type ProcessOptions,
  startProcess,
  type TestProcess,
  temporaryDirectory,
} from '../support/process.ts';

const SECRET = 'a-secret-for-these-tests';

async function start(options: Pick<ProcessOptions, 'command'> = {}): Promise<TestProcess> {
  return startProcess({ ...options, env: { DATA_DIR: await usedDataDir(), PLUGIN_SECRET: SECRET } });
}

/** A stream of measurements that is under way: `finish` sends its last line and gives the answer's status. */
function beginStream(url: string): { begun: Promise<void>; finish(): Promise<number> } {
  const outgoing = request(`${url}/api/v1/measurements`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${SECRET}`,
      'content-type': 'application/x-ndjson',
      expect: '100-continue',
    },
  });
  const answer = new Promise<number>((resolve, reject) => {
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
  });
  const at = new Date(Date.now() - 120_000).toISOString();
  const line = `${JSON.stringify({ slo: 'default.drained', at, good: 1, total: 1 })}\n`;
  answer.catch(() => undefined);
  // The server has the request once it says to continue.
  const begun = new Promise<void>((resolve) => outgoing.once('continue', () => resolve()));
  outgoing.flushHeaders();
  return {
    begun: begun.then(() => void outgoing.write(line)),
    finish() {
      outgoing.end(line);
      return answer;
    },
  };
}

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
  it('lets a request under way finish, takes no new one, and exits with 0', async () => {
    const started = await start();
    const url = await started.url();
    expect(await apiClient(url, SECRET).createSlo('drained')).toBe(201);
    const stream = beginStream(url);
    await stream.begun;
    const exit = started.kill(signal);
    await started.line(/stopping/);
    await expect(fetch(`${url}/health`)).rejects.toThrow();
    await sleep(500);
    expect(await stream.finish()).toBe(202);
    expect(await exit).toEqual({ code: 0, signal: null });
    expect(started.stderr).toEqual([]);
  });
});

describe('SIGTERM', () => {
  it('exits with 0 within ten seconds though a request never ends', async () => {
    const started = await start();
    const stream = beginStream(await started.url());
    await stream.begun;
    const before = performance.now();
    expect(await started.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(performance.now() - before).toBeLessThan(10_000);
  });

  it('during the first start ends it', async () => {
    const started = await startProcess({ env: { DATA_DIR: join(await temporaryDirectory(), 'data') } });
    await started.line(/NSELF_PLUGIN_LICENSE_KEY/);
    expect(await started.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  it('that arrives twice by two ways is one', async () => {
    const started = await start();
    const url = await started.url();
    expect(await apiClient(url, SECRET).createSlo('drained')).toBe(201);
    const stream = beginStream(url);
    await stream.begun;
    const exit = started.kill('SIGINT');
    started.child.kill('SIGINT');
    await started.line(/stopping/);
    expect(await stream.finish()).toBe(202);
    expect(await exit).toEqual({ code: 0, signal: null });
  });

  it('a second time exits at once', async () => {
    const started = await start();
    const stream = beginStream(await started.url());
    await stream.begun;
    void started.kill('SIGTERM');
    await sleep(700);
    const before = performance.now();
    expect(await started.kill('SIGTERM')).toEqual({ code: 1, signal: null });
    expect(performance.now() - before).toBeLessThan(1500);
  });
});

describe('npm start', () => {
  it('passes SIGTERM on and exits with 0', async () => {
    const started = await start({ command: ['npm', 'start'] });
    const url = await started.url();
    expect(await started.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    await expect(fetch(`${url}/health`)).rejects.toThrow();
  });

  it('that is killed leaves no service behind', async () => {
    const started = await start({ command: ['npm', 'start'] });
    const url = await started.url();
    await started.kill('SIGKILL');
    await expect(fetch(`${url}/health`)).rejects.toThrow();
    // The database may end at the same time, and then has the last word in the log.
    expect(started.stdout.join('\n')).toMatch(/npm is gone: stopping/);
  });
});
