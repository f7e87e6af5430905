import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { StartError } from '../lib/errors.ts';

const run = promisify(execFile);

const ATTEMPTS = 12;
const RETRY_MS = 250;
const CANDIDATE = 'lock-';

/** Tells a process from a later one with the same id: when it began, and in which boot. Null: not alive. */
async function identityOf(pid: number): Promise<string | null> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return null;
  }
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    // The name, in parentheses, may hold blanks; the start time is the 22nd field, the 20th after it.
    const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
    return startTicks === undefined ? null : `${boot.trim()} ${startTicks}`;
  }
  const listed = await run('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => null);
  return listed === null ? 'unknown' : listed.stdout.trim();
}

async function isHeld(text: string): Promise<boolean> {
  const [pid, ...identity] = text.split('\n');
  const alive = await identityOf(Number(pid));
  return alive !== null && alive === identity.join('\n');
}

/**
 * Takes the data directory for this process, and gives back a function that frees it. A lock whose process
 * is gone counts for nothing, whatever runs under its id now. Throws a StartError when another process has it.
 */
export async function lockDataDir(dataDir: string): Promise<() => Promise<void>> {
  const path = join(dataDir, 'lock');
  const own = join(dataDir, `${CANDIDATE}${randomUUID()}`);
  const text = `${process.pid}\n${await identityOf(process.pid)}`;
  await writeFile(own, text, { mode: 0o600, flag: 'wx' });
  try {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      // A hard link is made whole or not at all, so nobody reads half a lock.
      const taken = await link(own, path).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'EEXIST') return false;
          throw error;
        },
      );
      if (taken) {
        await sweep(dataDir);
        return async () => {
          if ((await readFile(path, 'utf8').catch(() => '')) === text) await rm(path, { force: true });
        };
      }
      const found = await readFile(path, 'utf8').catch(() => null);
      if (found === null) continue;
      if (await isHeld(found)) {
        // The holder may be stopping just now.
        if (attempt < ATTEMPTS) {
          await sleep(RETRY_MS);
          continue;
        }
        throw new StartError(
          `DATA_DIR ${dataDir} is in use by another nself-slo-tracker (process ${found.split('\n')[0]}): ` +
            'stop that one, or give this one a DATA_DIR and a PORT of its own',
          1,
        );
      }
      await setAside(path, found);
    }
    throw new StartError(`DATA_DIR ${dataDir} is being opened by several processes at once: start one`, 1);
  } finally {
    await rm(own, { force: true });
  }
}

/** Removes what processes left that were killed while they took the lock. */
async function sweep(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    const path = join(dataDir, name);
    if (!name.startsWith(CANDIDATE)) continue;
    if (!(await isHeld(await readFile(path, 'utf8').catch(() => '')))) await rm(path, { force: true });
  }
}

/** Removes a dead lock, but never one that another process has put there since it was read. */
async function setAside(path: string, expected: string): Promise<void> {
  const aside = join(dirname(path), `${CANDIDATE}${randomUUID()}`);
  const moved = await rename(path, aside).then(
    () => true,
    () => false,
  );
  if (!moved) return;
  if ((await readFile(aside, 'utf8')) !== expected) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}
