import { MINUTE_MS, SECOND_MS } from '../lib/duration.ts';
import { retryWaitMs } from '../lib/retry-wait.ts';
import type { AlertMessage, AlertReceiver } from '../slo/alert-message.ts';
import { claimMessages, type DeliveryOutcome, settleMessage } from '../slo/alert-outbox.ts';
import { lockDueOutboxes, lockOutbox, saveOutboxes } from '../storage/alert-outbox.ts';
import type { ReceiverClient } from './alert-receivers.ts';
import type { ServiceEnvironment } from './context.ts';
import type { SendResult } from './post-alert.ts';
import type { ClaimedMessage, RemovedOutboxes } from './removed-outboxes.ts';

/** Sent at once to one receiver. */
const BATCH = 8;
/** Longer than a request may last: when it has passed, whoever claimed the message is gone. */
const LEASE_MS = MINUTE_MS;
/** When a message is tried again. */
const RETRY = { firstMs: 5 * SECOND_MS, longestMs: MINUTE_MS };
/**
 * When a receiver that is not well is asked again, by one message. Sooner than the message: it may be that message
 * alone, and a page must not wait for it.
 */
const PAUSE = { firstMs: 5 * SECOND_MS, longestMs: 15 * SECOND_MS };

/** What a round came to, in messages. */
export interface DeliveryRound {
  readonly receiver: AlertReceiver;
  readonly taken: number;
  /** To be tried again. */
  readonly failed: number;
  readonly givenUp: number;
  /** Whether more may be due. */
  readonly hasMore: boolean;
}

/** How one receiver is told, by this replica. */
export interface DeliveryLane {
  /** Sends what is due, a batch of it. Rejects when the database is away. */
  round(): Promise<DeliveryRound>;
  /** Whether the receiver is left alone for a while, since it is not well. */
  isPaused(): boolean;
  /** Notes how a request to the receiver went that is none of a round's. */
  note(result: SendResult): void;
}

export interface LaneOptions {
  readonly client: ReceiverClient;
  /** Every receiver of the configuration. */
  readonly receivers: readonly AlertReceiver[];
  /** The virtual shards whose accounts are meant; null for all. Asked before each round. */
  readonly held: () => readonly number[] | null;
  /** SLOs that this replica has deleted. */
  readonly removed: RemovedOutboxes;
  /** Cuts requests short. */
  readonly cut: AbortSignal;
  /** From 0 to 1. */
  readonly random?: () => number;
}

/**
 * Claims messages in the database, sends them, and marks them there. Each is sent at least once: what a replica has
 * claimed and then died over is sent again when the claim has run out, and so at most once more than it had to.
 */
export function createDeliveryLane(
  env: ServiceEnvironment,
  { client, receivers, held, removed, cut, random = Math.random }: LaneOptions,
): DeliveryLane {
  const receiver = client.name;
  /** Rounds in a row in which the receiver was not well. */
  let failures = 0;
  let pausedUntilMs = Number.NEGATIVE_INFINITY;
  /** Messages whose outcome the database did not take: not to be sent again. */
  const unmarked = new Map<string, DeliveryOutcome>();

  async function claim(shards: readonly number[] | null): Promise<ClaimedMessage[]> {
    const nowMs = env.clock.now();
    const options = { receivers, nowMs, leaseMs: LEASE_MS };
    // One tries whether the receiver is back.
    const limit = failures > 0 ? 1 : BATCH;
    const ofRemoved = removed.claim(receiver, { ...options, limit });
    if (ofRemoved.length > 0 || shards?.length === 0) return ofRemoved;
    return env.db.owner(async (tx) => {
      let left = limit;
      const due = await lockDueOutboxes(tx, receiver, nowMs, shards, left);
      const claimed: ClaimedMessage[] = [];
      const changed = due.map((slo) => {
        const own = claimMessages(slo.outbox, receiver, { ...options, limit: left });
        left -= own.claimed.length;
        claimed.push(...own.claimed.map((message) => ({ key: slo, message })));
        return { ...slo, outbox: own.outbox };
      });
      await saveOutboxes(tx, changed);
      return claimed;
    });
  }

  function outcomeOf(result: SendResult, { deliveries }: AlertMessage): DeliveryOutcome {
    switch (result.kind) {
      case 'taken':
      case 'cut':
        return result;
      case 'refused':
        return { kind: 'refused', error: `${client.title} ${result.error}` };
      case 'failed': {
        const waitMs = retryWaitMs((deliveries[receiver]?.attempts ?? 1) - 1, RETRY, random());
        const dueMs = env.clock.now() + Math.max(waitMs, result.retryAfterMs);
        return { kind: 'failed', error: `${client.title} ${result.error}`, dueMs };
      }
    }
  }

  /** Returns how the delivery stands afterwards. */
  async function mark(claimed: ClaimedMessage, outcome: DeliveryOutcome): Promise<'waiting' | 'over'> {
    const { key, message } = claimed;
    unmarked.set(message.id, outcome);
    const time = { receivers, nowMs: env.clock.now() };
    // Its SLO may have been deleted since it was claimed.
    const settled =
      removed.settle(claimed, receiver, outcome, time) ??
      (await env.db.owner(async (tx) => {
        const outbox = await lockOutbox(tx, key);
        if (outbox === null) return [];
        const next = settleMessage(outbox, receiver, message, outcome, time);
        if (next !== outbox) await saveOutboxes(tx, [{ ...key, outbox: next }]);
        return next;
      }));
    unmarked.delete(message.id);
    const state = settled.find(({ id }) => id === message.id)?.deliveries[receiver]?.state;
    return state === 'waiting' ? 'waiting' : 'over';
  }

  async function deliver(claimed: ClaimedMessage): Promise<{ result: SendResult; isOver: boolean }> {
    const { key, message } = claimed;
    const known = unmarked.get(message.id);
    if (known !== undefined) {
      return { result: { kind: 'cut' }, isOver: (await mark(claimed, known)) === 'over' };
    }
    const result = await client.send(message, { nowMs: env.clock.now(), signal: cut });
    const outcome = outcomeOf(result, message);
    const isOver = (await mark(claimed, outcome)) === 'over';
    if (isOver && (outcome.kind === 'refused' || outcome.kind === 'failed')) {
      env.logger.warn(
        { receiver, account: key.accountId, slo: key.id, alert: message.alert, error: outcome.error },
        'an alert is given up',
      );
    }
    return { result, isOver };
  }

  function noteAll(results: readonly SendResult[]): void {
    const failed = results.filter((result) => result.kind === 'failed');
    const isWell = results.some(({ kind }) => kind === 'taken' || kind === 'refused');
    const askedMs = Math.max(0, ...failed.map(({ retryAfterMs }) => retryAfterMs));
    if (isWell && failures > 0) env.logger.info({ receiver }, `${client.title} takes alerts again`);
    if (isWell) failures = 0;
    const waitMs = isWell || failed.length === 0 ? 0 : retryWaitMs(failures, PAUSE, random());
    if (waitMs > 0) failures += 1;
    if (Math.max(askedMs, waitMs) === 0) return;
    pausedUntilMs = env.clock.now() + Math.max(askedMs, waitMs);
    env.logger.warn(
      {
        receiver,
        error: failed[0]?.error,
        retryInSeconds: Math.round((pausedUntilMs - env.clock.now()) / SECOND_MS),
      },
      `${client.title} does not take alerts`,
    );
  }

  const isPaused = (): boolean => env.clock.now() < pausedUntilMs;
  return {
    isPaused,
    note: (result) => noteAll([result]),
    async round() {
      const shards = held();
      const none = { receiver, taken: 0, failed: 0, givenUp: 0, hasMore: false };
      if (isPaused() || (shards?.length === 0 && removed.size === 0)) return none;
      const claimed = await claim(shards);
      const sent = await Promise.allSettled(claimed.map(deliver));
      const done = sent.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      noteAll(done.map(({ result }) => result));
      const unsaved = sent.find((one) => one.status === 'rejected');
      if (unsaved !== undefined) throw unsaved.reason;
      const taken = done.filter(({ result }) => result.kind === 'taken').length;
      const over = done.filter(({ result, isOver }) => isOver && result.kind !== 'taken').length;
      return {
        receiver,
        taken,
        givenUp: over,
        failed: done.length - taken - over,
        hasMore: claimed.length > 0 && !isPaused(),
      };
    },
  };
}
