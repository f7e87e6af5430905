import type { ServiceEnvironment } from './context.ts';

export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

/** Whether requests can be served: the database answers, and has the tables of this version. */
export async function checkReady({
  env,
}: {
  env: Pick<ServiceEnvironment, 'db' | 'logger'>;
}): Promise<Readiness> {
  try {
    await env.db.ping();
    if (await env.db.migrationsPending()) {
      return { ready: false, reason: 'Migrations are missing: the database is older than this version.' };
    }
    return { ready: true };
  } catch (cause) {
    env.logger.warn({ err: cause }, 'not ready');
    return { ready: false, reason: 'The database cannot be reached.' };
  }
}
