import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { freePort } from '../../src/lib/free-port.ts';

const CHECKOUT = join(import.meta.dirname, '../..');
const STARTS_WITHIN_MS = 240_000;

/** The commands of the README's first minute, block by block. */
function firstMinute(readme: string): string[] {
  const section = /^## The first minute$(.*?)^## /ms.exec(readme)?.[1] ?? '';
  return [...section.matchAll(/^```bash\n(.*?)^```$/gms)].map((match) => match[1] ?? '');
}

/** The environment of somebody who has set nothing but the port. */
function environment(port: number): NodeJS.ProcessEnv {
  const { DATABASE_URL, TEST_DATABASE_URL, NODE_ENV, VITEST, DATA_DIR, HOST, ...rest } = process.env;
  return { ...rest, PORT: String(port) };
}

const Point = z.object({ accepted: z.number(), rejected: z.number(), errors: z.array(z.unknown()) });
const Slo = z.object({
  project: z.string(),
  name: z.string(),
  state: z.string(),
  status: z.object({
    objectives: z
      .array(
        z.object({
          reliability: z.number(),
          budget: z.number(),
          burn_rate: z.number(),
          count_total: z.number(),
        }),
      )
      .length(1),
  }),
});
const Answer = z.object({
  data: z.object({
    slo: z.object({
      state: z.string(),
      status: z.object({ objectives: z.array(z.object({ reliability: z.number(), budget: z.number() })) }),
      burnRate: z.object({
        objectives: z.array(
          z.object({ windows: z.array(z.object({ window: z.string(), burnRate: z.number() })) }),
        ),
      }),
    }),
  }),
});

describe("the README's first minute, in a fresh clone", () => {
  const parent = mkdtempSync(join(tmpdir(), 'readme-'));
  const clone = join(parent, 'nself-slo-tracker');
  let service: ChildProcess;
  let printed = '';
  let port: number;
  let answers: string[];

  async function ready(): Promise<void> {
    const deadline = Date.now() + STARTS_WITHIN_MS;
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => null);
      if (answer?.ok === true) return;
      if (hasEnded() || Date.now() > deadline) throw new Error(`it did not start:\n${printed}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  beforeAll(async () => {
    execFileSync('git', ['clone', '--quiet', CHECKOUT, clone]);
    const [start = '', ...commands] = firstMinute(readFileSync(join(clone, 'README.md'), 'utf8'));
    port = await freePort();
    const env = environment(port);
    // A group of its own, as a terminal would make it, for Ctrl-C to reach all of it.
    service = spawn('bash', ['-c', start], { cwd: clone, env, detached: true });
    service.stdout?.on('data', (chunk) => (printed += String(chunk)));
    service.stderr?.on('data', (chunk) => (printed += String(chunk)));
    await ready();
    // The port is the only thing that is not the README's own.
    const script = commands.join("\nprintf '\\n@@\\n'\n").replaceAll(':3835', `:${port}`);
    answers = execFileSync('bash', ['-euo', 'pipefail', '-c', script], { cwd: clone, env, encoding: 'utf8' })
      .split('@@\n')
      .map((answer) => answer.trim());
  }, STARTS_WITHIN_MS + 60_000);

  const hasEnded = () => service.exitCode !== null || service.signalCode !== null;

  afterAll(() => {
    if (service?.pid !== undefined && !hasEnded()) process.kill(-service.pid, 'SIGKILL');
    rmSync(parent, { recursive: true, force: true });
  });

  it('starts with one command, and says where it serves', async () => {
    await expect.poll(() => printed).toContain(`http://127.0.0.1:${port}`);
  });

  it('takes the token without a word, and creates the SLO', () => {
    expect(answers[0]).toBe('');
    expect(JSON.parse(answers[1] ?? '')).toMatchObject({
      name: 'checkout',
      project: 'default',
      state: 'no_data',
    });
  });

  it('takes a month of minutes', () => {
    const minutes = 30 * 24 * 60;
    expect(Point.parse(JSON.parse(answers[2] ?? ''))).toEqual({ accepted: minutes, rejected: 0, errors: [] });
  });

  it('reads the status that the README promises', () => {
    const slo = Slo.parse(JSON.parse(answers[3] ?? ''));
    const objective = slo.status.objectives[0];
    // A minute that ended since the push has no data: at most a few of 40,320 are missing from the window.
    const minutes = 28 * 24 * 60;
    expect(objective?.count_total).toBeGreaterThan((minutes - 5) * 1000);
    expect(objective?.count_total).toBeLessThanOrEqual(minutes * 1000);
    expect(objective?.reliability).toBeCloseTo(1 - 1 / 2000, 7);
    // (1 - 0.9995) / (1 - 0.999) = 0.5 is spent.
    expect(objective?.budget).toBeCloseTo(1 - 0.5, 4);
    expect(slo.state).toBe('healthy');
  });

  it('answers the same over GraphQL, with burn rates near 0.5', () => {
    const { slo } = Answer.parse(JSON.parse(answers[4] ?? '')).data;
    expect(slo.state).toBe('HEALTHY');
    expect(slo.status.objectives[0]?.reliability).toBeCloseTo(1 - 1 / 2000, 7);
    const windows = slo.burnRate.objectives[0]?.windows ?? [];
    const own = windows.find(({ window }) => window === '28d');
    expect(windows.map(({ window }) => window)).toEqual(['5m', '30m', '1h', '2h', '6h', '1d', '3d', '28d']);
    expect(own?.burnRate).toBeCloseTo(0.5, 4);
  });

  it('stops on Ctrl-C, and leaves no database server behind', async () => {
    const exited = once(service, 'exit');
    if (service.pid === undefined) throw new Error('it never ran');
    process.kill(-service.pid, 'SIGINT');
    await exited;
    await expect(fetch(`http://127.0.0.1:${port}/live`)).rejects.toThrow();
    const files = readdirSync(join(clone, '.data'), { recursive: true, encoding: 'utf8' });
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((file) => file.endsWith('postmaster.pid'))).toEqual([]);
  }, 20_000);
});
