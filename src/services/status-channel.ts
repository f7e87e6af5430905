import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { SECOND_MS } from '../lib/duration.ts';
import type { LiveSelection, LiveSlo } from './live-slo.ts';

/** What a watcher is told. */
export type LiveEvent =
  | { readonly type: 'status'; readonly live: LiveSlo }
  | { readonly type: 'removed'; readonly live: LiveSlo };

/** Who watches SLOs of one account. */
export interface Watcher {
  /** Null: all of the project. They shrink when an SLO is removed. */
  readonly ids: ReadonlySet<string> | null;
  /** Null: of any project. */
  readonly project: string | null;
  /** Must not block: a watcher that is slow keeps the latest of each SLO. */
  tell(sloId: string, event: LiveEvent): void;
}

/** One account's SLOs as far as somebody watches them: read once for all watchers, when a change is heard of. */
export interface StatusChannel {
  /** Tells the watcher how its SLOs stand, and from then on what changes. */
  join(watcher: Watcher): void;
  leave(watcher: Watcher): void;
  readonly isEmpty: boolean;
  /** These may have changed; null: any. */
  touch(sloIds: readonly string[] | null): void;
}

export interface StatusChannelOptions {
  /** Reads them as they are now. Two calls never overlap. */
  readonly read: (selection: LiveSelection) => Promise<ReadonlyMap<string, LiveSlo>>;
  readonly logger: Logger;
}

/** The least time from one look to the next, so that a flood of writes costs a few looks a second. */
const PAUSE_MS = 200;
const RETRY_MS = SECOND_MS;

const wants = ({ ids, project }: Watcher, { slo }: LiveSlo): boolean =>
  (ids === null || ids.has(slo.id)) && (project === null || project === slo.project);

export function createStatusChannel({ read, logger }: StatusChannelOptions): StatusChannel {
  const watchers = new Set<Watcher>();
  /** Those that were not yet told how all of their SLOs stand. */
  const newcomers = new Set<Watcher>();
  let known = new Map<string, LiveSlo>();
  let touched = new Set<string>();
  let isAllTouched = false;
  let isLooking = false;

  function isWatched(live: LiveSlo): boolean {
    for (const watcher of watchers) if (!newcomers.has(watcher) && wants(watcher, live)) return true;
    return false;
  }

  /** Whether all that the watcher wants is known, since another one watches at least as much. */
  function isCovered({ ids, project }: Watcher): boolean {
    if (ids !== null) {
      return [...ids].every((id) => {
        const live = known.get(id);
        return live !== undefined && isWatched(live);
      });
    }
    for (const other of watchers) {
      if (newcomers.has(other) || other.ids !== null) continue;
      if (other.project === null || other.project === project) return true;
    }
    return false;
  }

  /** What is to be read: of what was touched, what somebody watches. */
  function selectionOf(sloIds: ReadonlySet<string> | null): LiveSelection | null {
    const isWide = [...watchers].some(({ ids }) => ids === null);
    if (isWide && sloIds === null) return 'all';
    if (isWide && sloIds !== null) return { ids: [...sloIds] };
    const ids = new Set<string>();
    for (const watcher of watchers) {
      for (const id of watcher.ids ?? []) if (sloIds === null || sloIds.has(id)) ids.add(id);
    }
    return ids.size === 0 ? null : { ids: [...ids] };
  }

  /** `isWhole`: all that anybody watches was read. */
  function publish(
    {
      selection,
      isWhole,
      arrived,
    }: { selection: LiveSelection; isWhole: boolean; arrived: ReadonlySet<Watcher> },
    read: ReadonlyMap<string, LiveSlo>,
  ): void {
    const before = known;
    known = new Map(isWhole ? [] : before);
    for (const [id, live] of read) {
      const isNews = before.get(id)?.fingerprint !== live.fingerprint;
      let isWanted = false;
      for (const watcher of watchers) {
        // Who came while this was read is told when the own turn comes.
        if (newcomers.has(watcher) || !wants(watcher, live)) continue;
        isWanted = true;
        if (isNews || arrived.has(watcher)) watcher.tell(id, { type: 'status', live });
      }
      if (isWanted) known.set(id, live);
      else known.delete(id);
    }
    for (const id of selection === 'all' ? before.keys() : selection.ids) {
      const gone = before.get(id);
      if (read.has(id) || gone === undefined) continue;
      known.delete(id);
      for (const watcher of watchers) {
        if (wants(watcher, gone)) watcher.tell(id, { type: 'removed', live: gone });
      }
    }
  }

  async function look(): Promise<void> {
    const sloIds = isAllTouched ? null : touched;
    const arrived = new Set(newcomers);
    touched = new Set();
    isAllTouched = false;
    try {
      const selection = selectionOf(sloIds);
      if (selection === null) return;
      const slos = await read(selection);
      for (const watcher of arrived) newcomers.delete(watcher);
      publish({ selection, isWhole: sloIds === null, arrived }, slos);
    } catch (error) {
      logger.warn({ err: error }, 'statuses could not be read for those who watch them; trying again');
      if (sloIds === null) isAllTouched = true;
      for (const id of sloIds ?? []) touched.add(id);
      await sleep(RETRY_MS);
    }
  }

  async function keepLooking(): Promise<void> {
    isLooking = true;
    while (watchers.size > 0 && (isAllTouched || touched.size > 0)) {
      await look();
      await sleep(PAUSE_MS);
    }
    isLooking = false;
  }

  function touch(sloIds: readonly string[] | null): void {
    if (sloIds === null) isAllTouched = true;
    else for (const id of sloIds) touched.add(id);
    if (!isLooking) void keepLooking();
  }

  return {
    join(watcher) {
      const covered = isCovered(watcher);
      watchers.add(watcher);
      if (covered) {
        for (const [id, live] of known) {
          if (wants(watcher, live)) watcher.tell(id, { type: 'status', live });
        }
        return;
      }
      newcomers.add(watcher);
      touch(watcher.ids === null ? null : [...watcher.ids]);
    },
    leave(watcher) {
      watchers.delete(watcher);
      newcomers.delete(watcher);
    },
    get isEmpty() {
      return watchers.size === 0;
    },
    touch,
  };
}
