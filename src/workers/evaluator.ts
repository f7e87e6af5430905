import { floorTo, SECOND_MS } from '../lib/duration.ts';
import type { ServiceEnvironment } from '../services/context.ts';
import { evaluate } from '../services/evaluate.ts';
import { repeat } from './repeat.ts';
import type { Worker } from './worker.ts';

/** Points of a minute mostly arrive just after it; waiting for them spares a second write. */
const GRACE_MS = 2 * SECOND_MS;

export interface EvaluatorOptions {
  readonly intervalMs: number;
  /** Told of each round that went well. */
  readonly onRound: (round: {
    readonly seconds: number;
    readonly objectives: number;
    readonly snapshots: number;
  }) => void;
}

/** Evaluates all SLOs once an interval, a little after its start; at the start whatever was missed. */
export function createEvaluator(env: ServiceEnvironment, { intervalMs, onRound }: EvaluatorOptions): Worker {
  return repeat(
    async (signal) => {
      const startedMs = performance.now();
      const done = await evaluate(env, signal);
      onRound({ seconds: (performance.now() - startedMs) / SECOND_MS, ...done });
    },
    {
      pauseMs: () => {
        const nowMs = env.clock.now();
        return floorTo(nowMs - GRACE_MS, intervalMs) + intervalMs + GRACE_MS - nowMs;
      },
      onError: (error) => env.logger.error({ err: error }, 'the evaluation failed'),
    },
  );
}
