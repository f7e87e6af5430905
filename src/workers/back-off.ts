import { MINUTE_MS, SECOND_MS } from '../lib/duration.ts';
import { retryWaitMs } from '../lib/retry-wait.ts';

const SCHEDULE = { firstMs: 5 * SECOND_MS, longestMs: 5 * MINUTE_MS };

/** When to try again, and how much to ask for: after failures in a row, and after one success nothing is left. */
export interface BackOff {
  readonly isWaiting: (nowMs: number) => boolean;
  /** The most minutes to ask for, in milliseconds; `limitMs` unless it was too much. */
  sliceMs(limitMs: number): number;
  /** Returns how long to wait. */
  failed(nowMs: number, isTooMuch: boolean): number;
  succeeded(): void;
}

/** `random` gives numbers from 0 to 1, so that those who failed together do not come back together. */
export function createBackOff(random: () => number = Math.random): BackOff {
  let failures = 0;
  let retryAtMs = Number.NEGATIVE_INFINITY;
  let cut = 1;
  return {
    isWaiting: (nowMs) => nowMs < retryAtMs,
    sliceMs: (limitMs) => Math.max(MINUTE_MS, Math.floor(limitMs / cut / MINUTE_MS) * MINUTE_MS),
    failed(nowMs, isTooMuch) {
      const waitMs = retryWaitMs(failures, SCHEDULE, random());
      failures += 1;
      if (isTooMuch) cut = Math.min(2 * 24 * 60, cut * 4);
      retryAtMs = nowMs + waitMs;
      return waitMs;
    },
    succeeded() {
      failures = 0;
      retryAtMs = Number.NEGATIVE_INFINITY;
      cut = Math.max(1, cut / 2);
    },
  };
}
