import { ServiceError } from '../lib/errors.ts';
import { createGate } from '../lib/gate.ts';
import type { ChangeFeed } from '../storage/change-feed.ts';
import type { ServiceEnvironment } from './context.ts';
import { readLiveSlos } from './live-slo.ts';
import { createStatusChannel, type StatusChannel, type Watcher } from './status-channel.ts';

export type { ChangeFeed } from '../storage/change-feed.ts';

/** A watcher that can be sent away. */
export interface Guest extends Watcher {
  /** The service stops. */
  readonly end: () => void;
}

/** All who watch statuses on this replica, by account. What one account's watchers cause is read once. */
export interface StatusHub {
  /**
   * Lets the guest watch until it leaves by the result. Throws `rate_limited` when the account has as many as it
   * may on this replica, `unavailable` once the service stops.
   */
  join(accountId: string, guest: Guest): () => void;
  /** How many watch at this moment. */
  readonly watchers: number;
  /** Sends all of them away, and lets nobody in any more. */
  stop(): void;
}

/** Streams of one account on one replica, over whatever transport. */
const MAX_WATCHERS_AN_ACCOUNT = 5000;
/** Accounts that are read for at a time: the connections to the database are there for requests too. */
const READS_AT_A_TIME = 2;

interface Room {
  readonly channel: StatusChannel;
  readonly guests: Set<Guest>;
}

export function createStatusHub(env: ServiceEnvironment, feed: Pick<ChangeFeed, 'listen'>): StatusHub {
  const rooms = new Map<string, Room>();
  const gate = createGate(READS_AT_A_TIME);
  let isStopped = false;

  feed.listen((event) => {
    if (event.type === 'resync') {
      for (const { channel } of rooms.values()) channel.touch(null);
      return;
    }
    for (const { accountId, sloIds } of event.changes) {
      if (accountId !== null) rooms.get(accountId)?.channel.touch(sloIds);
      else for (const { channel } of rooms.values()) channel.touch(null);
    }
  });

  function roomOf(accountId: string): Room {
    const known = rooms.get(accountId);
    if (known !== undefined) return known;
    // What is read is handed to actors of the account, who all may read.
    const ctx = { ...env, actor: { accountId, role: 'viewer', canWrite: false } };
    const channel = createStatusChannel({
      read: (selection) => gate(() => readLiveSlos(ctx, selection)),
      logger: env.logger,
    });
    const room = { channel, guests: new Set<Guest>() };
    rooms.set(accountId, room);
    return room;
  }

  return {
    join(accountId, guest) {
      if (isStopped) throw new ServiceError('unavailable', 'The service is stopping; try again.');
      const room = roomOf(accountId);
      if (room.guests.size >= MAX_WATCHERS_AN_ACCOUNT) {
        throw new ServiceError(
          'rate_limited',
          `The account has ${MAX_WATCHERS_AN_ACCOUNT} live streams already; close some.`,
        );
      }
      room.guests.add(guest);
      room.channel.join(guest);
      return () => {
        room.guests.delete(guest);
        room.channel.leave(guest);
        if (room.guests.size === 0) rooms.delete(accountId);
      };
    },
    get watchers() {
      let watchers = 0;
      for (const { guests } of rooms.values()) watchers += guests.size;
      return watchers;
    },
    stop() {
      isStopped = true;
      for (const { guests } of rooms.values()) for (const guest of [...guests]) guest.end();
    },
  };
}
