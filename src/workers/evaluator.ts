import { floorTo, SECOND_MS } from '../lib/duration.ts';
import type { ServiceEnvironment } from '../services/context.ts';
import { evaluate, GRACE_MS, type Shards } from '../services/evaluate.ts';
import { repeat } from './repeat.ts';
import type { Worker } from './worker.ts';

/** How often to look for shards that nobody holds, and for replicas that have none. */
const BALANCE_MS = 5 * SECOND_MS;

export interface EvaluatorOptions {
  readonly intervalMs: number;
  /** This replica's share of the accounts. The evaluator keeps it, and lets go of it when it stops. */
  readonly shards: Shards;
  /** Told of each round that went well. */
  readonly onRound: (round: {
    readonly seconds: number;
    readonly objectives: number;
    readonly snapshots: number;
  }) => void;
}

export interface Evaluator extends Worker {
  /** Resolves when the first round is over, however it went, or there is none since others hold all shards. */
  readonly caughtUp: Promise<void>;
}

/**
 * Evaluates the SLOs of its shards once an interval, a little after its start; of shards that are new, at the
 * start all of them, at once whatever was missed.
 */
export function createEvaluator(
  env: ServiceEnvironment,
  { intervalMs, shards, onRound }: EvaluatorOptions,
): Evaluator {
  let settle: () => void;
  const caughtUp = new Promise<void>((resolve) => {
    settle = resolve;
  });
  const evaluation = repeat(
    async (signal) => {
      const startedMs = performance.now();
      const done = await evaluate(env, { signal, held: shards.held });
      onRound({ seconds: (performance.now() - startedMs) / SECOND_MS, ...done });
      settle();
    },
    {
      pauseMs: () => {
        const nowMs = env.clock.now();
        return floorTo(nowMs - GRACE_MS, intervalMs) + intervalMs + GRACE_MS - nowMs;
      },
      onError(error) {
        env.logger.error({ err: error }, 'the evaluation failed');
        settle();
      },
    },
  );
  const balance = repeat(
    async () => {
      if (await shards.balance()) evaluation.hurry();
      else settle();
    },
    {
      pauseMs: () => Math.min(BALANCE_MS, intervalMs / 2),
      onError(error) {
        env.logger.error({ err: error }, 'no share of the evaluation could be had');
        settle();
      },
    },
  );
  return {
    caughtUp,
    start: balance.start,
    async stop() {
      await Promise.all([balance.stop(), evaluation.stop()]);
      await shards.release();
    },
  };
}
