import type { AlertReceiver } from '../slo/alert-message.ts';
import { type AlertOutbox, tidyOutbox } from '../slo/alert-outbox.ts';
import { lockOutbox, saveOutboxes, selectOutboxes } from '../storage/alert-outbox.ts';
import type { ServiceEnvironment } from './context.ts';

/** What a receiver has not taken, in messages. */
export interface Undelivered {
  readonly receiver: AlertReceiver;
  readonly waiting: number;
  readonly givenUp: number;
  /** For how long the one has waited that has waited longest, in milliseconds; 0 for none. */
  readonly longestMs: number;
}

export interface TidyOptions {
  readonly receivers: readonly AlertReceiver[];
  /** The virtual shards whose accounts are meant; null for all. */
  readonly held: () => readonly number[] | null;
}

/** Clears outboxes of what nobody is to be told any more, and counts what each receiver has not taken. */
export async function tidyOutboxes(
  env: ServiceEnvironment,
  { receivers, held }: TidyOptions,
): Promise<Undelivered[]> {
  const shards = held();
  const nowMs = env.clock.now();
  const all = shards?.length === 0 ? [] : await env.db.owner((tx) => selectOutboxes(tx, shards));
  for (const slo of all) {
    if (tidyOutbox(slo.outbox, { receivers, nowMs }) === slo.outbox) continue;
    await env.db.owner(async (tx) => {
      const outbox = await lockOutbox(tx, slo);
      if (outbox !== null)
        await saveOutboxes(tx, [{ ...slo, outbox: tidyOutbox(outbox, { receivers, nowMs }) }]);
    });
  }
  const outboxes = all.map(({ outbox }) => tidyOutbox(outbox, { receivers, nowMs }));
  return receivers.map((receiver) => undeliveredTo(receiver, outboxes, nowMs));
}

function undeliveredTo(
  receiver: AlertReceiver,
  outboxes: readonly AlertOutbox[],
  nowMs: number,
): Undelivered {
  let waiting = 0;
  let givenUp = 0;
  let longestMs = 0;
  for (const { deliveries, decidedMs, dueMs } of outboxes.flat()) {
    const state = deliveries[receiver]?.state ?? (dueMs === null ? 'taken' : 'waiting');
    if (state === 'given_up') givenUp += 1;
    if (state !== 'waiting') continue;
    waiting += 1;
    longestMs = Math.max(longestMs, nowMs - decidedMs);
  }
  return { receiver, waiting, givenUp, longestMs };
}
