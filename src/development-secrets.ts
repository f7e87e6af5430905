import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { DevelopmentSecrets } from './config.ts';
import { StartError } from './lib/errors.ts';

const kept = z.object({
  pluginSecret: z.string().min(16),
  accessKeySecret: z.string().min(32),
  /** Of the embedded PostgreSQL. */
  databasePassword: z.string().min(16),
});

export type KeptSecrets = z.infer<typeof kept> & DevelopmentSecrets;

function read(path: string): KeptSecrets | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  try {
    return kept.parse(JSON.parse(text));
  } catch (cause) {
    throw new StartError(
      `DATA_DIR: ${path} is damaged: remove it, and new secrets are made at the next start`,
      1,
      { cause },
    );
  }
}

function make(dataDir: string, path: string): void {
  const secrets: KeptSecrets = {
    pluginSecret: randomBytes(24).toString('base64url'),
    accessKeySecret: randomBytes(32).toString('base64url'),
    databasePassword: randomBytes(24).toString('base64url'),
  };
  const own = join(dataDir, `secrets-${randomBytes(6).toString('hex')}`);
  writeFileSync(own, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600, flag: 'wx', flush: true });
  try {
    // Of two processes the first one to link wins, and nobody reads half a file.
    linkSync(own, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

/**
 * The secrets that development needs and nobody set: made once, kept in `secrets.json` (mode 0600) under the
 * data directory, the same at every start. Throws a StartError.
 */
export function keepDevelopmentSecrets(dataDir: string): KeptSecrets {
  const path = join(dataDir, 'secrets.json');
  try {
    const found = read(path);
    if (found !== null) return found;
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    make(dataDir, path);
    const made = read(path);
    if (made !== null) return made;
    throw new Error('it was removed at once');
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    const reason = cause instanceof Error ? cause.message.split(',')[0] : 'unknown reason';
    throw new StartError(`DATA_DIR: ${path} cannot be made or read (${reason})`, 1, { cause });
  }
}
