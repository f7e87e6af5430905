import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import { createGate } from '../lib/gate.ts';
import { announceChanges } from '../storage/changes.ts';
import { type BlockRange, blocksOfSlos, settleSlos } from '../storage/settled-slos.ts';
import { lockSlosBehind } from '../storage/slo-evaluations.ts';
import { catchUp } from './catch-up.ts';
import type { ServiceEnvironment } from './context.ts';

export type { Shards } from '../storage/shards.ts';

/** Parts of the SLOs that are settled apart: enough that the work of each is a small part of the whole. */
const PARTS = 4;
/** Blocks of a part at least, some hundreds of SLOs: of fewer, one part is as quick. */
const LEAST_BLOCKS = 128;
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
  const settled = await settle(env, atMs, held());
  let { objectives } = settled;
  let snapshots = 0;
  // Mostly none is.
  if (settled.behind === 0) return { objectives, snapshots };
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

/** Settles what has nothing to be computed any more. Returns how many objectives that were, and how many SLOs are left. */
async function settle(
  env: ServiceEnvironment,
  atMs: number,
  shards: readonly number[] | null,
): Promise<{ readonly objectives: number; readonly behind: number }> {
  const blocks = await env.db.owner(blocksOfSlos);
  const gate = createGate(PARTS_AT_A_TIME);
  const settled = await Promise.allSettled(
    partsOf(blocks).map((part) =>
      gate(() =>
        env.db.owner(async (tx) => {
          const { changes, ...counted } = await settleSlos(tx, atMs, shards, part);
          await announceChanges(tx, changes);
          return counted;
        }),
      ),
    ),
  );
  let objectives = 0;
  let behind = 0;
  for (const part of settled) {
    // Not before all of them have ended: nothing is to go on behind an evaluation that failed.
    if (part.status === 'rejected') throw part.reason;
    objectives += part.value.objectives;
    behind += part.value.behind;
  }
  return { objectives, behind };
}

/** Of about the same size; the last one has what is added meanwhile, too. */
function partsOf(blocks: number): BlockRange[] {
  const count = Math.max(1, Math.min(PARTS, Math.floor(blocks / LEAST_BLOCKS)));
  const start = (part: number): number => Math.floor((part * blocks) / count);
  return Array.from({ length: count }, (_, part) => ({
    from: start(part),
    to: part + 1 < count ? start(part + 1) : null,
  }));
}
