import { MINUTE_MS, SECOND_MS } from '../lib/duration.ts';
import type { ReceiverClient } from '../services/alert-receivers.ts';
import type { ServiceEnvironment } from '../services/context.ts';
import { createDeliveryLane, type DeliveryRound } from '../services/deliver-alerts.ts';
import type { RemovedOutboxes } from '../services/removed-outboxes.ts';
import { repeatFiring } from '../services/repeat-firing.ts';
import { tidyOutboxes, type Undelivered } from '../services/tidy-outboxes.ts';
import { repeat } from './repeat.ts';
import type { Worker } from './worker.ts';

/** How often to look for messages that are due. */
const LOOK_MS = SECOND_MS;
/** As often as Alertmanager asks its clients for. */
const REPEAT_MS = 3 * MINUTE_MS;
const TIDY_MS = MINUTE_MS;
/** What is under way when the worker stops has so long to be answered. */
const DRAIN_MS = 3 * SECOND_MS;

export interface NotifierOptions {
  readonly receivers: readonly ReceiverClient[];
  /** The virtual shards whose accounts are meant; null for all. */
  readonly held: () => readonly number[] | null;
  readonly removed: RemovedOutboxes;
  readonly onRound?: (round: Omit<DeliveryRound, 'hasMore'>) => void;
  readonly onTidy?: (undelivered: readonly Undelivered[]) => void;
}

/**
 * Tells receivers of alerts, for the accounts of its shards. Each receiver has a loop of its own, so that none waits
 * for another.
 */
export function createNotifier(
  env: ServiceEnvironment,
  { receivers, held, removed, onRound = () => undefined, onTidy = () => undefined }: NotifierOptions,
): Worker {
  const cut = new AbortController();
  const names = receivers.map(({ name }) => name);

  function createLoop(client: ReceiverClient): Worker {
    const lane = createDeliveryLane(env, { client, receivers: names, held, removed, cut: cut.signal });
    let repeatAtMs = env.clock.now() + REPEAT_MS;
    const loop = repeat(
      async (signal) => {
        for (let hasMore = true; hasMore && !signal.aborted; ) {
          const done = await lane.round();
          onRound(done);
          hasMore = done.hasMore;
        }
        const nowMs = env.clock.now();
        if (signal.aborted || lane.isPaused() || nowMs < repeatAtMs) return;
        const result = await repeatFiring(env, { client, held, cut: cut.signal });
        if (result !== null) lane.note(result);
        if (result?.kind !== 'failed') repeatAtMs = nowMs + REPEAT_MS;
      },
      {
        pauseMs: () => LOOK_MS,
        onError: (error) =>
          env.logger.error({ err: error, receiver: client.name }, 'alerts could not be looked for'),
      },
    );
    return {
      start: loop.start,
      async stop() {
        await loop.stop();
        // Nobody else knows of these.
        if (removed.size > 0 && !cut.signal.aborted) onRound(await lane.round());
      },
    };
  }

  const tidy = repeat(async () => onTidy(await tidyOutboxes(env, { receivers: names, held })), {
    pauseMs: () => TIDY_MS,
    onError: (error) => env.logger.error({ err: error }, 'the alerts to be told could not be looked over'),
  });
  const loops = receivers.length === 0 ? [] : [...receivers.map(createLoop), tidy];
  return {
    start() {
      for (const loop of loops) loop.start();
    },
    async stop() {
      const timer = setTimeout(() => cut.abort(), DRAIN_MS);
      const stopped = await Promise.allSettled(loops.map((loop) => loop.stop()));
      clearTimeout(timer);
      for (const one of stopped) {
        if (one.status === 'rejected')
          env.logger.error({ err: one.reason }, 'the last alerts could not be told');
      }
      if (removed.size > 0)
        env.logger.warn({ slos: removed.size }, 'nobody is told that alerts of deleted SLOs are over');
    },
  };
}
