import type { Worker } from './worker.ts';

export interface RepeatOptions {
  /** Milliseconds from the end of a round to the start of the next. */
  readonly pauseMs: () => number;
  readonly onError: (error: unknown) => void;
}

/** A worker that can be told not to wait. */
export interface RepeatingWorker extends Worker {
  /** Runs a round at once, or as soon as the one under way is done. Starts the worker. */
  hurry(): void;
}

/** Runs `round` at once and then again and again, one at a time. A round that fails does not end the loop. */
export function repeat(
  round: (signal: AbortSignal) => Promise<void>,
  { pauseMs, onError }: RepeatOptions,
): RepeatingWorker {
  const aborted = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let isUnderWay = false;
  let isHurried = false;

  async function run(): Promise<void> {
    isUnderWay = true;
    isHurried = false;
    try {
      await round(aborted.signal);
    } catch (error) {
      if (!aborted.signal.aborted) onError(error);
    }
    isUnderWay = false;
    if (aborted.signal.aborted) return;
    timer = setTimeout(start, isHurried ? 0 : pauseMs());
  }

  function start(): void {
    running = run();
  }

  return {
    start,
    hurry() {
      isHurried = true;
      if (isUnderWay || aborted.signal.aborted) return;
      clearTimeout(timer);
      start();
    },
    async stop() {
      aborted.abort();
      clearTimeout(timer);
      await running;
    },
  };
}
