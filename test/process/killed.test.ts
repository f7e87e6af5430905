import { execFile, spawn } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type ApiClient, apiClient } from '../support/api-client.ts';
import { usedDataDir } from '../support/data-dir.ts';
import { startProcess, type TestProcess, temporaryDirectory } from '../support/process.ts';

const run = promisify(execFile);
const SECRET = 'a-secret-for-these-tests';

function start(dataDir: string): Promise<TestProcess> {
  return startProcess({ env: { DATA_DIR: dataDir, PLUGIN_SECRET: SECRET } });
}

async function clientOf(started: TestProcess): Promise<ApiClient> {
  return apiClient(await started.url(), SECRET);
}

async function postmaster(dataDir: string): Promise<number> {
  return Number.parseInt(await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8'), 10);
}

/** Whether the process runs; one that has ended and was not fetched by its parent yet does not. */
async function isAlive(pid: number): Promise<boolean> {
  const { stdout } = await run('ps', ['-o', 'stat=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return stdout.trim() !== '' && !stdout.trim().startsWith('Z');
}

/** The small process that would stop the server when ours dies. */
async function guardOf(parent: number): Promise<number> {
  const { stdout } = await run('ps', ['-eo', 'pid=,ppid=,args=']);
  const line = stdout
    .split('\n')
    .find((text) => text.trim().split(/\s+/)[1] === String(parent) && /read -r/.test(text));
  return Number.parseInt(line ?? '', 10);
}

describe('after kill -9', () => {
  it('stops the database server by itself, and the next start finds everything', async () => {
    const dataDir = await usedDataDir();
    const first = await start(dataDir);
    expect(await (await clientOf(first)).createSlo('kept')).toBe(201);
    const server = await postmaster(dataDir);
    await first.kill('SIGKILL');
    const second = await start(dataDir);
    expect(await (await clientOf(second)).sloNames()).toEqual(['kept']);
    await expect.poll(() => isAlive(server)).toBe(false);
  });

  it('takes over from a database server that was left alive', async () => {
    const dataDir = await usedDataDir();
    const first = await start(dataDir);
    expect(await (await clientOf(first)).createSlo('kept')).toBe(201);
    const server = await postmaster(dataDir);
    process.kill(await guardOf(first.pid), 'SIGKILL');
    await first.kill('SIGKILL');
    await sleep(500);
    expect(await isAlive(server)).toBe(true);
    const second = await start(dataDir);
    expect(await (await clientOf(second)).sloNames()).toEqual(['kept']);
    expect(second.stdout.join('\n')).toContain('left behind');
    await expect.poll(() => isAlive(server)).toBe(false);
  });

  it('recovers when the database server was killed too', async () => {
    const dataDir = await usedDataDir();
    const first = await start(dataDir);
    expect(await (await clientOf(first)).createSlo('kept')).toBe(201);
    const server = await postmaster(dataDir);
    process.kill(await guardOf(first.pid), 'SIGKILL');
    await first.kill('SIGKILL');
    process.kill(server, 'SIGKILL');
    expect(await postmaster(dataDir)).toBe(server);
    const second = await start(dataDir);
    expect(await (await clientOf(second)).sloNames()).toEqual(['kept']);
  });

  it('is not misled by another process that got the old ids', async () => {
    const dataDir = await usedDataDir();
    const first = await start(dataDir);
    expect(await (await clientOf(first)).createSlo('kept')).toBe(201);
    const server = await postmaster(dataDir);
    process.kill(await guardOf(first.pid), 'SIGKILL');
    await first.kill('SIGKILL');
    process.kill(server, 'SIGKILL');
    const stranger = spawn('sleep', ['60']);
    try {
      const note = join(dataDir, 'postgres', 'postmaster.pid');
      await writeFile(note, (await readFile(note, 'utf8')).replace(/^\d+/, String(stranger.pid)));
      const lock = join(dataDir, 'lock');
      await writeFile(lock, (await readFile(lock, 'utf8')).replace(/^\d+/, String(stranger.pid)));
      const second = await start(dataDir);
      expect(await (await clientOf(second)).sloNames()).toEqual(['kept']);
      expect(stranger.exitCode).toBe(null);
    } finally {
      stranger.kill();
    }
  });

  it('opens a data directory that was being made or migrated at any moment', async () => {
    const dataDir = join(await temporaryDirectory(), 'data');
    for (const delayMs of [300, 500, 700, 900, 1100, 1300, 1500, 1800, 2100, 2500]) {
      const killed = await start(dataDir);
      await sleep(delayMs);
      await killed.kill('SIGKILL');
    }
    const last = await start(dataDir);
    expect(await (await clientOf(last)).sloNames()).toEqual([]);
    expect((await readdir(dataDir)).sort()).toEqual(['lock', 'postgres', 'secrets.json']);
  });

  it('takes on a new password when the secrets were lost', async () => {
    const dataDir = await usedDataDir();
    const first = await start(dataDir);
    expect(await (await clientOf(first)).createSlo('kept')).toBe(201);
    expect(await first.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    await writeFile(
      join(dataDir, 'secrets.json'),
      JSON.stringify({
        pluginSecret: 'another-plugin-secret',
        accessKeySecret: 'another-access-key-secret-of-32-bytes',
        databasePassword: "another'password-with-a-quote",
      }),
    );
    const second = await start(dataDir);
    expect(await (await clientOf(second)).sloNames()).toEqual(['kept']);
  });
});
