import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { StartError } from '../lib/errors.ts';

const run = promisify(execFile);

/** Ids to run PostgreSQL with; empty for the user we are. Fits into the options of `spawn`. */
export type ServerOwner = { readonly uid: number; readonly gid: number } | Record<string, never>;

/** Accounts that exist on most systems, `postgres` first, so that none has to be made. */
const UNPRIVILEGED = ['postgres', 'nobody'];

async function idsOf(user: string): Promise<ServerOwner | null> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', user]), run('id', ['-g', user])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return null;
  }
}

/**
 * PostgreSQL refuses to run as root, so root hands the server to whoever owns the data already, else to an
 * unprivileged account. Throws a StartError when there is none.
 */
export async function chooseServerOwner(clusterDir: string): Promise<ServerOwner> {
  if (process.getuid?.() !== 0) return {};
  const existing = await stat(clusterDir).catch(() => null);
  if (existing !== null && existing.uid !== 0) return { uid: existing.uid, gid: existing.gid };
  for (const user of UNPRIVILEGED) {
    const ids = await idsOf(user);
    if (ids !== null) return ids;
  }
  throw new StartError(
    'The embedded PostgreSQL cannot run as root, and there is no user postgres or nobody to run it as: ' +
      'start as another user, or set DATABASE_URL to a PostgreSQL 15 or later',
    1,
  );
}
