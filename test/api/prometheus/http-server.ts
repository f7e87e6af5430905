import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { getRequestListener } from '@hono/node-server';
import { afterAll } from 'vitest';
import type { PrometheusClient } from './prometheus-client.ts';

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterAll(async () => {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await cleanup();
});

/** Whether tests with these programs run. With REQUIRE_ALL=1 they do, and fail where one is missing. */
export function hasPrograms(...programs: readonly string[]): boolean {
  return process.env.REQUIRE_ALL === '1' || programs.every((program) => existsSync(`/usr/bin/${program}`));
}

/** Serves the face on a port of its own; answers `host:port`. */
export async function serve({ app }: PrometheusClient): Promise<string> {
  const listener = getRequestListener((request) => app.fetch(request, '127.0.0.1'), {
    overrideGlobalObjects: false,
  });
  const server = createServer((request, response) => void listener(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `127.0.0.1:${address.port}`;
}

/** An empty directory, removed after the file's last test. */
export async function scratchDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'nself-slo-tracker-prometheus-'));
  cleanups.push(() => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
  return path;
}

const execute = promisify(execFile);

/** Runs a program to its end; answers what it printed. Rejects when it fails. */
export async function run(program: string, args: readonly string[]): Promise<string> {
  return (await execute(program, [...args], { maxBuffer: 64 * 1024 * 1024 })).stdout;
}

/** Starts a program that goes on until the file's last test. */
export function start(program: string, args: readonly string[]): ChildProcess {
  const child = spawn(program, [...args], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  cleanups.push(() => {
    child.kill('SIGKILL');
    return ended;
  });
  return child;
}
