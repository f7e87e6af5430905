import { setImmediate as letOthers, setTimeout as sleep } from 'node:timers/promises';

/** Who asks one thing after another mostly asks the next one within this time, in milliseconds. */
const LULL_MS = 20;
/** How often to look whether it is quiet, in milliseconds. */
const LOOK_MS = 10;
/** The longest that a piece of work waits, in milliseconds: what takes fifty of them gets a fifth of the time. */
export const LONGEST_WAIT_MS = 200;

/**
 * Lets background work give way to requests. Such work is cut into pieces of some ten milliseconds, and takes a turn
 * before each; it holds no lock and no transaction meanwhile.
 */
export interface Courtesy {
  /** Answers a request, which is under way until `answer` is done: the head of a stream, not the stream. */
  answering<T>(answer: () => T | Promise<T>): Promise<T>;
  /**
   * Resolves once no request has been under way for a moment, and after `LONGEST_WAIT_MS` in any case, so that the work
   * gets done however many requests there are. What waits for this thread goes first always. Rejects when `signal` is
   * aborted.
   */
  turn(signal?: AbortSignal): Promise<void>;
}

/** What time it is, for tests to set. */
export interface CourtesyTime {
  /** In milliseconds that only ever grow. */
  now(): number;
  sleep(ms: number, signal: AbortSignal | undefined): Promise<void>;
}

const REAL_TIME: CourtesyTime = {
  now: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
};

export function createCourtesy({ now, sleep: wait }: CourtesyTime = REAL_TIME): Courtesy {
  let underWay = 0;
  let endedMs = Number.NEGATIVE_INFINITY;
  const isQuiet = (): boolean => underWay === 0 && now() - endedMs >= LULL_MS;
  return {
    async answering(answer) {
      underWay += 1;
      try {
        return await answer();
      } finally {
        underWay -= 1;
        endedMs = now();
      }
    },
    async turn(signal) {
      signal?.throwIfAborted();
      await letOthers();
      const untilMs = now() + LONGEST_WAIT_MS;
      while (!isQuiet() && now() < untilMs) await wait(LOOK_MS, signal);
      signal?.throwIfAborted();
    },
  };
}
