import type { Worker } from './worker.ts';

export interface RepeatOptions {
  /** Milliseconds from the end of a round to the start of the next. */
  readonly pauseMs: () => number;
  readonly onError: (error: unknown) => void;
}

/** Runs `round` at once and then again and again, one at a time. A round that fails does not end the loop. */
export function repeat(
  round: (signal: AbortSignal) => Promise<void>,
  { pauseMs, onError }: RepeatOptions,
): Worker {
  const aborted = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    try {
      await round(aborted.signal);
    } catch (error) {
      if (!aborted.signal.aborted) onError(error);
    }
    if (aborted.signal.aborted) return;
    timer = setTimeout(() => {
      running = run();
    }, pauseMs());
  }

  return {
    start() {
      running = run();
    },
    async stop() {
      aborted.abort();
      clearTimeout(timer);
      await running;
    },
  };
}
