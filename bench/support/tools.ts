import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProgram } from './processes.ts';
import { progress } from './progress.ts';

const POSTGRAPHILE = 'postgraphile@5.1.5';
const NODE = `node-linux-${process.arch}@24`;

export interface Tools {
  /** Where they are installed: what lies here finds PostGraphile. */
  readonly directory: string;
  /** The program of Node.js 24. */
  readonly node24: string;
}

/**
 * Installs PostGraphile 5, which wants Node.js 22, and Node.js 24 outside of the repository; they stay there for the
 * next time.
 */
export async function installTools(): Promise<Tools> {
  const directory = join(tmpdir(), 'nself-slo-tracker-bench-tools');
  const node24 = join(directory, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
  if (!existsSync(join(directory, 'node_modules', 'postgraphile')) || !existsSync(node24)) {
    progress(`installing ${POSTGRAPHILE} and ${NODE}`);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'package.json'), '{"private": true, "type": "module"}\n');
    await startProgram({
      command: 'npm',
      args: ['install', '--no-audit', '--no-fund', POSTGRAPHILE, NODE],
      cwd: directory,
      env: { HOME: process.env.HOME ?? directory },
    }).output();
  }
  return { directory, node24 };
}
