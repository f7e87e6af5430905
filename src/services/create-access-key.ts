import { ServiceError } from '../lib/errors.ts';
import type { AccessKey } from './access-keys.ts';
import { assertMayWrite } from './authorize.ts';
import type { ServiceContext } from './context.ts';

const DEFAULT_ROLE = 'viewer';

/**
 * Makes an access key for the actor's account, `viewer` where no role is named. The password is not kept: this
 * is the one time that it is seen. Throws `forbidden` for who may not write and where access keys are off,
 * `invalid` for a role without rights.
 */
export function createAccessKey({
  ctx,
  input,
}: {
  ctx: ServiceContext;
  input: { readonly role: string | undefined };
}): AccessKey {
  assertMayWrite(ctx);
  if (ctx.accessKeys === null) {
    throw new ServiceError('forbidden', 'Access keys are off here: ACCESS_KEY_SECRET is not set.');
  }
  return ctx.accessKeys.issue({ accountId: ctx.actor.accountId, role: input.role ?? DEFAULT_ROLE });
}
