import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import { createGate } from '../lib/gate.ts';
import { announceChanges } from '../storage/changes.ts';
import { settleSlos } from '../storage/settled-slos.ts';
import { ALL_SHARDS } from '../storage/shard-share.ts';
import { lockSlosBehind } from '../storage/slo-evaluations.ts';
import { catchUp } from './catch-up.ts';
import type { ServiceEnvironment } from './context.ts';

export type { Shards } from '../storage/shards.ts';

/** Parts of the accounts that are settled apart: enough that the work of each is a small part of the whole. */
const PARTS = 4;
/** So many of them at a time, each over a connection of its own. */
const PARTS_AT_A_TIME = 2;
/** SLOs of one transaction: enough to be set-based, few enough for writers not to wait for long. */
const SLOS_A_PASS = 500;

export interface Evaluation {
  readonly objectives: number;
  readonly snapshots: number;
}

export interface EvaluateOptions {
  readonly signal?: AbortSignal;
  /** The virtual shards whose accounts are meant; null for all. Asked before each pass. */
  readonly held?: () => readonly number[] | null;
}

/**
 * Brings every SLO that is behind up to the last complete minute, whatever was missed: the snapshots in
 * between, and the status columns. Safe to run anywhere at any time: a pass locks its SLOs, and what another
 * has brought up to date is no longer behind.
 */
export async function evaluate(
  env: ServiceEnvironment,
  { signal, held = () => null }: EvaluateOptions = {},
): Promise<Evaluation> {
  const nowMs = env.clock.now();
  const atMs = floorTo(nowMs, MINUTE_MS);
  // This week's partition and the next one's, so that no write finds it missing.
  await env.partitions.ensure(nowMs, nowMs + 7 * 24 * 60 * MINUTE_MS);
  let objectives = await settle(env, atMs, held());
  let snapshots = 0;
  for (;;) {
    signal?.throwIfAborted();
    const shards = held();
    if (shards?.length === 0) return { objectives, snapshots };
    const pass = await env.db.owner(async (tx) => {
      const behind = await lockSlosBehind(tx, atMs, SLOS_A_PASS, shards);
      return { slos: behind, snapshots: await catchUp(tx, behind, nowMs) };
    });
    objectives += pass.slos.reduce((count, slo) => count + slo.objectives.length, 0);
    snapshots += pass.snapshots;
    if (pass.slos.length < SLOS_A_PASS) return { objectives, snapshots };
    env.logger.debug({ objectives, snapshots }, 'evaluating');
  }
}

/** Settles what has nothing to be computed any more. Returns how many objectives that were. */
async function settle(
  env: ServiceEnvironment,
  atMs: number,
  shards: readonly number[] | null,
): Promise<number> {
  const gate = createGate(PARTS_AT_A_TIME);
  const settled = await Promise.allSettled(
    partsOf(shards).map((part) =>
      gate(() =>
        env.db.owner(async (tx) => {
          const { objectives, changes } = await settleSlos(tx, atMs, part);
          await announceChanges(tx, changes);
          return objectives;
        }),
      ),
    ),
  );
  let objectives = 0;
  for (const part of settled) {
    // Not before all of them have ended: nothing is to go on behind an evaluation that failed.
    if (part.status === 'rejected') throw part.reason;
    objectives += part.value;
  }
  return objectives;
}

/** The shards, dealt out over the parts. */
function partsOf(shards: readonly number[] | null): number[][] {
  const all = shards ?? ALL_SHARDS;
  const parts = Array.from({ length: PARTS }, (_, part) => all.filter((_shard, i) => i % PARTS === part));
  return parts.filter((part) => part.length > 0);
}
