import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { atEnd } from './cleanup.ts';

const CHECKOUT = join(import.meta.dirname, '..', '..');

/** An empty directory, removed at the end. */
export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'nself-slo-tracker-bench-'));
  atEnd(() => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
  return path;
}

const READY_MS = 120_000;
/** Linux counts a hundred ticks a second for programs, on every machine. */
const MS_A_TICK = 10;

export interface ProgramOptions {
  readonly command?: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** Beside PATH and HOME; nothing else is passed on. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Program {
  readonly child: ChildProcess;
  readonly pid: number;
  /** The first line on stdout that matches. Rejects when the program ends without it. */
  line(pattern: RegExp): Promise<string>;
  /** As many of those lines, oldest first. */
  lines(pattern: RegExp, count: number): Promise<string[]>;
  /** All of stdout, once it has ended well. Rejects when it ends otherwise. */
  output(): Promise<string>;
  stop(): Promise<void>;
}

/** Starts a program in a process of its own, which is stopped at the end. */
export function startProgram({
  command = process.execPath,
  args,
  cwd = CHECKOUT,
  env = {},
}: ProgramOptions): Program {
  const child = spawn(command, [...args], {
    cwd,
    env: { PATH: process.env.PATH, HOME: tmpdir(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const errors: string[] = [];
  const watchers = new Set<() => void>();
  const wake = (): void => {
    for (const watch of watchers) watch();
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    wake();
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    errors.push(line);
    if (errors.length > 50) errors.shift();
  });
  let ended = false;
  const exit = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
  const failure = (why: string): Error =>
    new Error(`${command} ${args.join(' ')} ${why}:\n${[...lines.slice(-20), ...errors].join('\n')}`);
  exit.then(
    () => {
      ended = true;
      wake();
    },
    () => undefined,
  );
  const firstLines = (pattern: RegExp, count: number): Promise<string[]> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        watchers.delete(watch);
        reject(failure(`does not print ${pattern}`));
      }, READY_MS);
      const watch = (): void => {
        const found = lines.filter((line) => pattern.test(line)).slice(0, count);
        if (found.length < count && !ended) return;
        clearTimeout(timer);
        watchers.delete(watch);
        if (found.length < count) reject(failure(`ended without ${pattern}`));
        else resolve(found);
      };
      watchers.add(watch);
      exit.catch(reject);
      watch();
    });
  const stop = async (): Promise<void> => {
    if (ended) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await exit;
    clearTimeout(timer);
  };
  atEnd(stop);
  return {
    child,
    pid: child.pid ?? 0,
    line: async (pattern) => (await firstLines(pattern, 1))[0] ?? '',
    lines: firstLines,
    async output() {
      const code = await exit;
      if (code !== 0) throw failure(`ended with ${code}`);
      return lines.join('\n');
    },
    stop,
  };
}

/** Runs a TypeScript program of ours to its end; answers what it printed. */
export function runScript(script: string, args: readonly string[]): Promise<string> {
  return startProgram({ args: ['--import', 'tsx', script, ...args] }).output();
}

/** The memory of a process that is resident at this moment, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

/** What a process has worked so far, in milliseconds, whatever else ran on the machine. */
export async function processorMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name, in parentheses, may hold anything; the times are the 12th and 13th field after it, in ticks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_A_TICK;
}

export interface MemoryWatch {
  /** The most that was resident since the watch began, in bytes. */
  stop(): number;
}

/** Samples a process's resident memory ten times a second. */
export function watchMemory(pid: number): MemoryWatch {
  let most = 0;
  const sample = (): void => {
    residentBytes(pid).then(
      (bytes) => {
        most = Math.max(most, bytes);
      },
      () => undefined,
    );
  };
  sample();
  const timer = setInterval(sample, 100);
  return {
    stop() {
      clearInterval(timer);
      return most;
    },
  };
}
