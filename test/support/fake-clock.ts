import type { Clock } from '../../src/lib/clock.ts';

export interface FakeClock extends Clock {
  set(nowMs: number): void;
  advance(byMs: number): void;
}

/** A clock that stands still until told otherwise. Instants as epoch milliseconds or as RFC 3339 text. */
export function fakeClock(start: number | string): FakeClock {
  let nowMs = typeof start === 'number' ? start : Date.parse(start);
  return {
    now: () => nowMs,
    set(to) {
      nowMs = to;
    },
    advance(byMs) {
      nowMs += byMs;
    },
  };
}
