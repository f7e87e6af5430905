import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { startProcess, type TestProcess, temporaryDirectory } from '../support/process.ts';

const run = promisify(execFile);

async function tokenOf(started: TestProcess): Promise<string> {
  return /Bearer token {2}(\S+)/.exec(await started.line(/Bearer token/))?.[1] ?? '';
}

describe('the first start', () => {
  it('prints commands that create an SLO, measure, and read its status when pasted', async () => {
    const env = { DATA_DIR: join(await temporaryDirectory(), 'data') };
    const started = await startProcess({ env });
    await started.url();
    await started.line(/Read its status/);
    await started.line(/^curl .*default\.checkout -H/);
    const commands = started.stdout.filter((line) => line.startsWith('curl '));
    const answers: unknown[] = [];
    for (const command of commands) answers.push(JSON.parse((await run('bash', ['-c', command])).stdout));
    expect(answers).toMatchObject([
      { name: 'checkout', project: 'default', state: 'no_data' },
      { accepted: 1 },
      // 5 of 10000 were bad, and 10 may be: half of the budget is left.
      {
        name: 'checkout',
        status: { objectives: [{ reliability: 0.9995, count_total: 10000, state: 'healthy' }] },
      },
    ]);
  });

  it('makes a bearer token that stays the same', async () => {
    const env = { DATA_DIR: join(await temporaryDirectory(), 'data') };
    const first = await startProcess({ env });
    const token = await tokenOf(first);
    expect(token).toMatch(/^[A-Za-z0-9_-]{32}$/);
    await first.kill('SIGTERM');
    const second = await startProcess({ env });
    expect(await tokenOf(second)).toBe(token);
    const logged = [...first.stdout, ...second.stdout].filter((line) => line.startsWith('{'));
    expect(logged.join('\n')).not.toContain(token);
  });
});
