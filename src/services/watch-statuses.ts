import { z } from 'zod';
import { atInstant } from '../lib/at-instant.ts';
import { ServiceError } from '../lib/errors.ts';
import { createLatestQueue } from '../lib/latest-queue.ts';
import { parseOrThrow } from '../lib/validation.ts';
import { projectFilterSchema } from '../slo/definition-fields.ts';
import type { ServiceContext } from './context.ts';
import { findSlos } from './find-slos.ts';
import type { LiveEvent } from './status-channel.ts';
import type { StatusHub } from './status-hub.ts';

const MAX_IDS = 1000;

/** What is watched. */
export const watchInputSchema = z.strictObject({
  ids: z.array(z.string()).max(MAX_IDS).optional().meta({
    description:
      'Each the UUID or `project.name`; all SLOs when left out, the ones that are yet to come included.',
  }),
  project: projectFilterSchema,
});

export type WatchInput = z.input<typeof watchInputSchema>;

/**
 * How SLOs stand, and then what changes, as fast as it is read: who is slow gets the latest of each SLO. It ends
 * when the actor's credentials do, when the service stops, or when every SLO that was named is gone. Throws
 * `not_found` when one that is named is not the account's, `invalid` for too many of them or a project that cannot be,
 * `rate_limited` and `unavailable` as the hub does.
 */
export async function watchStatuses({
  ctx,
  hub,
  input,
}: {
  ctx: ServiceContext;
  hub: StatusHub;
  input: WatchInput;
}): Promise<AsyncIterableIterator<LiveEvent>> {
  const { ids: references, project } = parseOrThrow(watchInputSchema, input, 'This cannot be watched.');
  const ids = references === undefined ? null : await idsOf(ctx, references);
  const queue = createLatestQueue<string, LiveEvent>(() => {
    leave();
    expiry.cancel();
  });
  // What still waits is not for one whose time is over.
  const cut = (): void => void queue.return();
  const expiry = atInstant(ctx.clock, ctx.actor.expiresAtMs, cut);
  let leave = (): void => undefined;
  try {
    leave = hub.join(ctx.actor.accountId, {
      ids,
      project: project ?? null,
      tell(sloId, event) {
        queue.put(sloId, event);
        if (event.type === 'removed' && ids !== null) {
          ids.delete(sloId);
          if (ids.size === 0) queue.end();
        }
      },
      end: cut,
    });
  } catch (error) {
    expiry.cancel();
    throw error;
  }
  if (ids?.size === 0) queue.end();
  return queue;
}

async function idsOf(ctx: ServiceContext, references: readonly string[]): Promise<Set<string>> {
  const slos = await findSlos({ ctx, input: { ids: references } });
  return new Set(
    slos.map((slo) => {
      if (slo === null) throw new ServiceError('not_found', 'There is no such SLO.');
      return slo.id;
    }),
  );
}
