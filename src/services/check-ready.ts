import type { ServiceEnvironment } from './context.ts';

export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

/** Whether requests can be served: the database answers. Tables are migrated before the service listens. */
export async function checkReady({
  env,
}: {
  env: Pick<ServiceEnvironment, 'db' | 'logger'>;
}): Promise<Readiness> {
  try {
    await env.db.ping();
    return { ready: true };
  } catch (cause) {
    env.logger.warn({ err: cause }, 'not ready');
    return { ready: false, reason: 'The database cannot be reached.' };
  }
}
