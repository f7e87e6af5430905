import { ServiceError } from '../lib/errors.ts';
import type { ServiceContext } from './context.ts';

/** Throws `forbidden` unless the actor may write in its account. */
export function assertMayWrite({ actor }: ServiceContext): void {
  if (!actor.canWrite) throw new ServiceError('forbidden', `The role ${actor.role} may read but not write.`);
}

/** Throws `forbidden` or `license_stale` unless the actor may change definitions. */
export function assertMayDefine(ctx: ServiceContext): void {
  assertMayWrite(ctx);
  ctx.license.assertCanChangeDefinitions();
}
