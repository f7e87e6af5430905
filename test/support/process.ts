import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, vi } from 'vitest';
import { builtProgram } from './built-program.ts';

// Starts take seconds, and more of them while other files run.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

export const CHECKOUT = join(import.meta.dirname, '..', '..');

/** The service as a process that collects its garbage when it gets SIGUSR2. */
export const collectingService = (): [program: string, ...args: string[]] => [
  process.execPath,
  ...['--expose-gc', '--import', './test/support/collect-on-signal.mjs', builtProgram('src/main.ts')],
];

export interface ProcessOptions {
  /** Beside PATH and an empty HOME, nothing else is passed on. PORT is 0 unless given. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The service as it is built, unless given. */
  readonly command?: readonly [program: string, ...args: string[]];
  readonly owner?: { readonly uid: number; readonly gid: number };
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface TestProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly stdout: string[];
  readonly stderr: string[];
  readonly exit: Promise<Exit>;
  /** The first line on stdout that matches, past or to come. Rejects when the process ends before. */
  line(pattern: RegExp): Promise<string>;
  /** The URL it serves at, once it is ready. */
  url(): Promise<string>;
  kill(signal: NodeJS.Signals): Promise<Exit>;
}

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await cleanup();
});

/** An empty directory, removed after the test. */
export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'nself-slo-tracker-process-'));
  cleanups.push(() => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
  return path;
}

/** Starts the service as a process of its own. Whatever is left of it after the test is killed. */
export async function startProcess(options: ProcessOptions = {}): Promise<TestProcess> {
  const env = options.env ?? {};
  const home = env.HOME ?? (await temporaryDirectory());
  const [program, ...args] = options.command ?? [process.execPath, builtProgram('src/main.ts')];
  const child = spawn(program, args, {
    cwd: options.cwd ?? CHECKOUT,
    env: { PATH: process.env.PATH, PORT: '0', ...env, HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options.owner,
  });
  const stdout: string[] = [];
  const stderr: string[] = [];
  const watchers = new Set<() => void>();
  const exit = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  let ended = false;
  void exit.then(() => {
    ended = true;
    for (const watch of watchers) watch();
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout.push(line);
    for (const watch of watchers) watch();
  });
  createInterface({ input: child.stderr }).on('line', (line) => stderr.push(line));
  const kill = (signal: NodeJS.Signals): Promise<Exit> => {
    child.kill(signal);
    return exit;
  };
  cleanups.push(() => kill('SIGKILL'));

  const line = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const watch = (): void => {
        const found = stdout.find((text) => pattern.test(text));
        if (found === undefined && !ended) return;
        watchers.delete(watch);
        if (found !== undefined) resolve(found);
        else
          reject(
            new Error(
              `ended (${child.exitCode ?? child.signalCode}) without ${pattern}:\n${[...stdout, ...stderr].join('\n')}`,
            ),
          );
      };
      watchers.add(watch);
      watch();
    });
  return {
    child,
    pid: child.pid ?? 0,
    stdout,
    stderr,
    exit,
    line,
    kill,
    async url() {
      return JSON.parse(await line(/"msg":"ready"/)).url;
    },
  };
}
