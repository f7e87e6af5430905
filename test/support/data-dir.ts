import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inject } from 'vitest';
import { startProcess, temporaryDirectory } from './process.ts';

const run = promisify(execFile);

/**
 * A data directory as a first start leaves it, its database made and migrated, for tests that are not about that:
 * it takes half of the time of most of them. Made once a run, and copied. Removed after the test.
 */
export async function usedDataDir(): Promise<string> {
  const made = join(inject('scratchFolder'), 'data');
  if (!existsSync(made)) await make(made);
  const copy = join(await temporaryDirectory(), 'data');
  // With its owners: root has PostgreSQL run as somebody else.
  await run('cp', ['-a', made, copy]);
  return copy;
}

async function make(path: string): Promise<void> {
  const draft = await mkdtemp(`${path}-`);
  const first = await startProcess({ env: { DATA_DIR: draft } });
  await first.url();
  const { code } = await first.kill('SIGTERM');
  if (code !== 0) throw new Error(`the first start ended with ${code}:\n${first.stderr.join('\n')}`);
  // Another file may have made one meanwhile.
  await rename(draft, path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    await rm(draft, { recursive: true });
  });
}
