import { setTimeout as sleep } from 'node:timers/promises';
import { floorTo, MINUTE_MS, SECOND_MS } from '../../src/lib/duration.ts';
import { pointLines } from './point-lines.ts';
import type { SampleSlo } from './sample-slo.ts';
import type { Tracker } from './tracker.ts';

/** After the end of a minute, and before the tracker looks at it. */
const DELAY_MS = SECOND_MS;

export interface Feed {
  /** Pushes every complete minute that is not pushed yet. */
  catchUp(): Promise<void>;
  /** Does so each minute, until the signal. */
  run(signal: AbortSignal): Promise<void>;
}

export interface FeedOptions {
  readonly slos: readonly SampleSlo[];
  /** The first minute to be pushed. */
  readonly nextMs: number;
  readonly now: () => number;
  /** Told of what went wrong; the minutes are pushed with the next ones. */
  readonly onError: (error: unknown) => void;
}

/** Keeps measuring. */
export function createFeed(tracker: Tracker, { slos, now, onError, ...options }: FeedOptions): Feed {
  let { nextMs } = options;

  async function catchUp(): Promise<void> {
    const toMs = floorTo(now(), MINUTE_MS);
    if (toMs <= nextMs) return;
    await tracker.push(linesOf(slos, nextMs, toMs));
    nextMs = toMs;
  }

  return {
    catchUp,
    async run(signal) {
      while (!signal.aborted) {
        const nowMs = now();
        const nextRunMs = floorTo(nowMs - DELAY_MS, MINUTE_MS) + MINUTE_MS + DELAY_MS;
        await sleep(nextRunMs - nowMs, undefined, { signal }).catch(() => undefined);
        if (signal.aborted) return;
        await catchUp().catch((error: unknown) => {
          if (!signal.aborted) onError(error);
        });
      }
    },
  };
}

function* linesOf(slos: readonly SampleSlo[], fromMs: number, toMs: number): Generator<string> {
  for (const slo of slos) yield* pointLines(slo, fromMs, toMs);
}
