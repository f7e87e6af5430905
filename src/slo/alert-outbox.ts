import { DAY_MS, HOUR_MS } from '../lib/duration.ts';
import type { AlertMessage, AlertNews, AlertReceiver, Delivery } from './alert-message.ts';

/** Messages of one SLO, in the order in which they were decided on. */
export type AlertOutbox = readonly AlertMessage[];

const MAX_MESSAGES = 100;
/** A message that nobody has taken for so long is given up: more than a weekend. */
const GIVE_UP_MS = 3 * DAY_MS;
/** For so long it is shown that a message was given up. */
export const SHOWN_MS = 7 * DAY_MS;
const STALE_MS = HOUR_MS;

/** The outbox with what is now to be told. Past the most that is kept, those that were given up go first. */
export function withNews(outbox: AlertOutbox, news: readonly AlertNews[], nowMs: number): AlertOutbox {
  if (news.length === 0) return outbox;
  const added = news.map((one): AlertMessage => ({ ...one, deliveries: {}, dueMs: one.decidedMs }));
  const kept = [...withoutStale(outbox, nowMs), ...added];
  const surplus = Math.max(0, kept.length - MAX_MESSAGES);
  const dropped = new Set(kept.filter(({ dueMs }) => dueMs === null).slice(0, surplus));
  return kept.filter((message) => !dropped.has(message)).slice(-MAX_MESSAGES);
}

/**
 * Where nobody sends anything, since no receiver is configured, what has begun and ended unheard is dropped after
 * a while: a receiver that comes later is told of what fires, not of old stories.
 */
function withoutStale(outbox: AlertOutbox, nowMs: number): AlertOutbox {
  if (outbox.some(({ deliveries }) => Object.keys(deliveries).length > 0)) return outbox;
  const begun = new Set(outbox.filter(({ endMs }) => endMs === null).map(episodeOf));
  const stale = new Set(
    outbox
      .filter(({ endMs, decidedMs }) => endMs !== null && decidedMs < nowMs - STALE_MS)
      .map(episodeOf)
      .filter((episode) => begun.has(episode)),
  );
  return outbox.filter((message) => !stale.has(episodeOf(message)));
}

const episodeOf = ({ alert, sinceMs }: AlertMessage): string => `${sinceMs} ${alert}`;

export interface DeliveryTime {
  /** Those of the configuration. */
  readonly receivers: readonly AlertReceiver[];
  readonly nowMs: number;
}

export interface ClaimOptions extends DeliveryTime {
  /** For so long nobody else sends what is claimed. */
  readonly leaseMs: number;
  readonly limit: number;
}

export interface Claim {
  readonly outbox: AlertOutbox;
  /** To be sent now, each of another alert. */
  readonly claimed: readonly AlertMessage[];
}

/**
 * Claims messages that are due for the receiver. The changes of one alert go to it one after the other: a later one
 * waits until the one before is taken or given up.
 */
export function claimMessages(
  outbox: AlertOutbox,
  receiver: AlertReceiver,
  { receivers, nowMs, leaseMs, limit }: ClaimOptions,
): Claim {
  const claimed: AlertMessage[] = [];
  /** By alert, until when its later messages have to wait. */
  const heldUntil = new Map<string, number>();
  const next = outbox.map((message) => {
    const before = message.deliveries[receiver] ?? { ...UNTRIED, dueMs: message.decidedMs };
    if (before.dueMs === null) return message;
    const holdMs = heldUntil.get(message.alert);
    const dueMs = Math.max(before.dueMs, holdMs ?? before.dueMs);
    const isClaimed = holdMs === undefined && dueMs <= nowMs && claimed.length < limit;
    const delivery = isClaimed
      ? { ...before, attempts: before.attempts + 1, dueMs: nowMs + leaseMs }
      : { ...before, dueMs };
    heldUntil.set(message.alert, delivery.dueMs);
    if (!isClaimed && dueMs <= nowMs) return message;
    const kept = withDelivery(message, receiver, delivery, receivers);
    if (isClaimed) claimed.push(kept);
    return kept;
  });
  return { outbox: next, claimed };
}

const UNTRIED: Delivery = { state: 'waiting', attempts: 0, dueMs: null, lastError: null };

/** What has become of an attempt. */
export type DeliveryOutcome =
  | { readonly kind: 'taken' }
  /** The receiver does not want this message, now or later. */
  | { readonly kind: 'refused'; readonly error: string }
  | { readonly kind: 'failed'; readonly error: string; readonly dueMs: number }
  /** The attempt was cut short, so that nobody knows. */
  | { readonly kind: 'cut' };

/** The outbox after the attempt that `message` was claimed for. */
export function settleMessage(
  outbox: AlertOutbox,
  receiver: AlertReceiver,
  { id, alert, deliveries }: AlertMessage,
  outcome: DeliveryOutcome,
  { receivers, nowMs }: DeliveryTime,
): AlertOutbox {
  const place = outbox.findIndex((message) => message.id === id);
  const message = outbox[place];
  const before = message?.deliveries[receiver];
  if (message === undefined || before?.state !== 'waiting') return outbox;
  // Somebody else has claimed it since, and tells how that went.
  const isOverdue = before.attempts !== deliveries[receiver]?.attempts;
  if (isOverdue && outcome.kind !== 'taken') return outbox;
  const delivery = afterOutcome(before, outcome, message.decidedMs, nowMs);
  const settled = withDelivery(message, receiver, delivery, receivers);
  const next: AlertMessage[] = outbox.with(place, settled);
  const following = next.findIndex(
    (later, i) => i > place && later.alert === alert && later.deliveries[receiver]?.state === 'waiting',
  );
  const later = next[following];
  const held = later?.deliveries[receiver];
  if (delivery.state !== 'waiting' && later !== undefined && held?.attempts === 0) {
    next[following] = withDelivery(later, receiver, { ...held, dueMs: nowMs }, receivers);
  }
  return next.filter((one) => one !== settled || !isTaken(one, receivers));
}

function afterOutcome(
  before: Delivery,
  outcome: DeliveryOutcome,
  decidedMs: number,
  nowMs: number,
): Delivery {
  switch (outcome.kind) {
    case 'taken':
      return { ...before, state: 'taken', dueMs: null, lastError: null };
    case 'refused':
      return { ...before, state: 'given_up', dueMs: null, lastError: outcome.error };
    case 'failed':
      return nowMs - decidedMs >= GIVE_UP_MS
        ? { ...before, state: 'given_up', dueMs: null, lastError: outcome.error }
        : { ...before, dueMs: outcome.dueMs, lastError: outcome.error };
    case 'cut':
      return { ...before, dueMs: nowMs };
  }
}

/** The outbox without what receivers that are not configured any more have left, and without what is long given up. */
export function tidyOutbox(outbox: AlertOutbox, { receivers, nowMs }: DeliveryTime): AlertOutbox {
  const kept = outbox.flatMap((message) => {
    // What was given up stays so, also where a receiver has come that was never told.
    const dueMs = message.dueMs === null ? null : dueOf(message, receivers);
    const isOld = dueMs === null && message.decidedMs < nowMs - SHOWN_MS;
    if (isOld || isTaken(message, receivers)) return [];
    return [dueMs === message.dueMs ? message : { ...message, dueMs }];
  });
  const isSame = kept.length === outbox.length && kept.every((message, i) => message === outbox[i]);
  return isSame ? outbox : kept;
}

function withDelivery(
  message: AlertMessage,
  receiver: AlertReceiver,
  delivery: Delivery,
  receivers: readonly AlertReceiver[],
): AlertMessage {
  const next = { ...message, deliveries: { ...message.deliveries, [receiver]: delivery } };
  return { ...next, dueMs: dueOf(next, receivers) };
}

function dueOf(
  { deliveries, decidedMs }: Pick<AlertMessage, 'deliveries' | 'decidedMs'>,
  receivers: readonly AlertReceiver[],
): number | null {
  const due = receivers.flatMap((receiver) => {
    const delivery = deliveries[receiver];
    const dueMs = delivery === undefined ? decidedMs : delivery.dueMs;
    return dueMs === null ? [] : [dueMs];
  });
  return due.length === 0 ? null : Math.min(...due);
}

function isTaken({ deliveries }: AlertMessage, receivers: readonly AlertReceiver[]): boolean {
  return receivers.every((receiver) => deliveries[receiver]?.state === 'taken');
}
