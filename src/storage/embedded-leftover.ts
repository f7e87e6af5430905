import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { STOP_SIGNALS, serverMarker } from './embedded-server.ts';

const run = promisify(execFile);

const POLL_MS = 50;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function commandLine(pid: number): Promise<string[]> {
  if (process.platform === 'linux') {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  }
  const listed = await run('ps', ['-ww', '-o', 'command=', '-p', String(pid)]).catch(() => null);
  return listed === null ? [] : listed.stdout.trim().split(' ');
}

/**
 * What `postmaster.pid` says about a server of this directory: its process id where one runs, `stale` where
 * that id is now another program's, null where nothing runs under it.
 */
export async function findServer(dir: string): Promise<number | 'stale' | null> {
  const text = await readFile(join(dir, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Math.abs(Number.parseInt(text, 10));
  if (Number.isNaN(pid) || pid === 0 || !isAlive(pid)) return null;
  const command = await commandLine(pid);
  const isPostgres = /^postgres(\.exe)?$/.test(basename(command[0] ?? ''));
  const named = command.includes(serverMarker(dir)) || command.includes(dir);
  return isPostgres && named ? pid : 'stale';
}

/** Stops a server that an earlier process of ours left behind. False when it would not go. */
export async function stopServer(pid: number): Promise<boolean> {
  for (const [signal, patienceMs] of STOP_SIGNALS) {
    try {
      process.kill(pid, signal);
    } catch {
      return !isAlive(pid);
    }
    for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += POLL_MS) {
      if (!isAlive(pid)) return true;
      await sleep(POLL_MS);
    }
  }
  return !isAlive(pid);
}
