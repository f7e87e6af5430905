import { toldAlerts } from '../slo/told-alerts.ts';
import { type SloKey, selectToldSlos } from '../storage/alert-outbox.ts';
import type { ReceiverClient } from './alert-receivers.ts';
import type { ServiceEnvironment } from './context.ts';
import type { SendResult } from './post-alert.ts';

const SLOS_A_PAGE = 100;

export interface RepeatOptions {
  readonly client: ReceiverClient;
  /** The virtual shards whose accounts are meant; null for all. */
  readonly held: () => readonly number[] | null;
  readonly cut: AbortSignal;
}

/**
 * Says again what fires, to a receiver that forgets what is not repeated. Not while one of its messages is under
 * way: the end of an alert must not be overtaken. Returns how the first request went that did not go well, or the last;
 * null when nothing fires.
 */
export async function repeatFiring(
  env: ServiceEnvironment,
  { client, held, cut }: RepeatOptions,
): Promise<SendResult | null> {
  if (client.repeat === null) return null;
  let after: SloKey | null = null;
  let last: SendResult | null = null;
  for (;;) {
    const shards = held();
    if (shards?.length === 0) return last;
    const page: Awaited<ReturnType<typeof selectToldSlos>> = await env.db.owner((tx) =>
      selectToldSlos(tx, shards, after, SLOS_A_PAGE),
    );
    const firing = page.flatMap((slo) => toldAlerts(slo, client.name));
    if (firing.length > 0) last = await client.repeat(firing, { nowMs: env.clock.now(), signal: cut });
    if (last !== null && last.kind !== 'taken' && last.kind !== 'refused') return last;
    if (page.length < SLOS_A_PAGE) return last;
    after = page.at(-1) ?? null;
  }
}
