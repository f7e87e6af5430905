import { execFile, spawn } from 'node:child_process';
import { chown, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { StartError } from '../lib/errors.ts';
import type { Cluster } from './embedded-server.ts';
import { dirArgument, SERVER_ENV } from './embedded-server.ts';

const run = promisify(execFile);

/** The major version of the package's programs. */
const MAJOR = '18';
const SUPERUSER = 'postgres';
const UNFINISHED = 'postgres-unfinished-';

function lastLine(error: unknown): string {
  const output = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  return lines.find((line) => /error|fatal|could not/i.test(line)) ?? lines.at(-1) ?? 'no reason given';
}

/** An `initdb` that outlived its killed parent may still write here; then it stays until the next start. */
async function removeUnfinished(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }).catch(() => undefined);
}

async function initialise(cluster: Cluster, dataDir: string, password: string): Promise<void> {
  const { binaries, owner } = cluster;
  // Holds the new directory and, beside it, the password for `initdb`: the server's user may read both, and
  // whatever a killed start leaves of them goes with the next one.
  const unfinished = await mkdtemp(join(dataDir, UNFINISHED));
  const dir = join(unfinished, 'data');
  const passwordFile = join(unfinished, 'password');
  try {
    await mkdir(dir, { mode: 0o700 });
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    if ('uid' in owner) {
      for (const path of [unfinished, dir, passwordFile]) await chown(path, owner.uid, owner.gid);
    }
    const pgdata = dirArgument(dir, owner);
    await run(
      binaries.initdb,
      [
        `--pgdata=${pgdata}`,
        `--username=${SUPERUSER}`,
        // Not joined: the path through /proc is the kernel's to resolve.
        `--pwfile=${pgdata}/../password`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
      ],
      { ...owner, cwd: dir, env: SERVER_ENV },
    );
    await rename(dir, cluster.dir);
  } catch (cause) {
    throw new StartError(
      `The embedded PostgreSQL cannot make its database in DATA_DIR ${dataDir}: ${lastLine(cause)}`,
      1,
      { cause },
    );
  } finally {
    await removeUnfinished(unfinished);
  }
}

/**
 * Makes the data directory where there is none yet. It gets its name only once it is complete, so that a
 * process killed half-way leaves nothing that looks like one. Throws a StartError when it cannot, or when
 * another version made what is there. The caller holds the lock of `dataDir`.
 */
export async function prepareCluster(cluster: Cluster, dataDir: string, password: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    if (name.startsWith(UNFINISHED)) await removeUnfinished(join(dataDir, name));
  }
  const version = await readFile(join(cluster.dir, 'PG_VERSION'), 'utf8').catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw new StartError(
        `${cluster.dir} belongs to another user (${error.code}): choose another DATA_DIR`,
        1,
        { cause: error },
      );
    },
  );
  if (version?.trim() === MAJOR) return;
  if (version !== null) {
    throw new StartError(
      `${cluster.dir} was made by PostgreSQL ${version.trim()}, and the embedded server is ${MAJOR}: move it ` +
        'out of DATA_DIR, or serve it with its own version and set DATABASE_URL',
      1,
    );
  }
  const names = await readdir(cluster.dir).catch(() => []);
  if (names.length > 0) {
    throw new StartError(
      `${cluster.dir} is not a PostgreSQL data directory: move it out of DATA_DIR, or choose another DATA_DIR`,
      1,
    );
  }
  await initialise(cluster, dataDir, password);
}

/** Sets the superuser's password without knowing the old one. The server must not be running. */
export async function resetPassword({ dir, binaries, owner }: Cluster, password: string): Promise<void> {
  const child = spawn(binaries.postgres, ['--single', '-D', dirArgument(dir, owner), 'postgres'], {
    ...owner,
    cwd: dir,
    env: SERVER_ENV,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.stdin.end(`ALTER ROLE ${SUPERUSER} PASSWORD '${password.replaceAll("'", "''")}'\n`);
  const exit = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (exit !== 0) throw new Error(`postgres --single ended with ${exit}`);
}
