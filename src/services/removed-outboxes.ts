import { type AlertMessage, type AlertReceiver, nextDueMs } from '../slo/alert-message.ts';
import {
  type AlertOutbox,
  type ClaimOptions,
  claimMessages,
  type DeliveryOutcome,
  type DeliveryTime,
  settleMessage,
  tidyOutbox,
} from '../slo/alert-outbox.ts';
import type { Slo } from '../slo/definition.ts';
import type { SloKey, SloOutbox } from '../storage/alert-outbox.ts';
import { lastNews } from './judge-alerts.ts';

/** SLOs of which it is remembered; past them, those that were deleted first are forgotten. */
const MAX_SLOS = 1000;

export interface ClaimedMessage {
  readonly key: SloKey;
  readonly message: AlertMessage;
}

/**
 * What is still to be told of SLOs that are deleted, such as that their alerts are over. An outbox goes with the row of
 * its SLO; from then on it is kept here, in the memory of the replica that has deleted the SLO.
 */
export interface RemovedOutboxes {
  /** Of how many SLOs something is to be told. */
  readonly size: number;
  /** Takes over what the row held of an SLO that is gone. */
  add(slo: Slo, nowMs: number): void;
  /** As `claimMessages`, longest deleted first. */
  claim(receiver: AlertReceiver, options: ClaimOptions): ClaimedMessage[];
  /** As `settleMessage`: the outbox as it is then. Null where the SLO is none of these. */
  settle(
    claimed: ClaimedMessage,
    receiver: AlertReceiver,
    outcome: DeliveryOutcome,
    time: DeliveryTime,
  ): AlertOutbox | null;
}

/** `receivers`: those of the configuration. */
export function createRemovedOutboxes(receivers: readonly AlertReceiver[]): RemovedOutboxes {
  const bySlo = new Map<string, SloOutbox>();

  /** Until nothing waits any more: what is given up cannot be shown on an SLO that is gone. */
  function keep(slo: SloOutbox): void {
    if (nextDueMs(slo.outbox) === null) bySlo.delete(slo.id);
    else bySlo.set(slo.id, slo);
  }

  return {
    get size() {
      return bySlo.size;
    },
    add(slo, nowMs) {
      const outbox = tidyOutbox(lastNews(slo, nowMs), { receivers, nowMs });
      keep({ accountId: slo.accountId, id: slo.id, outbox });
      for (const id of bySlo.keys()) {
        if (bySlo.size <= MAX_SLOS) break;
        bySlo.delete(id);
      }
    },
    claim(receiver, options) {
      const all: ClaimedMessage[] = [];
      for (const slo of [...bySlo.values()]) {
        const { outbox, claimed } = claimMessages(slo.outbox, receiver, {
          ...options,
          limit: options.limit - all.length,
        });
        keep({ ...slo, outbox });
        all.push(...claimed.map((message) => ({ key: slo, message })));
        if (all.length >= options.limit) break;
      }
      return all;
    },
    settle({ key, message }, receiver, outcome, time) {
      const slo = bySlo.get(key.id);
      if (slo === undefined) return null;
      const outbox = settleMessage(slo.outbox, receiver, message, outcome, time);
      keep({ ...slo, outbox });
      return outbox;
    },
  };
}
