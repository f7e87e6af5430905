import { floorTo, MINUTE_MS, SECOND_MS } from '../lib/duration.ts';
import { createGate } from '../lib/gate.ts';
import { announceChanges } from '../storage/changes.ts';
import { type BlockRange, blocksOfSlos, settleSlos } from '../storage/settled-slos.ts';
import { lockSlosBehind, type SloBehind, selectSlosBehind } from '../storage/slo-evaluations.ts';
import { catchUp } from './catch-up.ts';
import type { ServiceEnvironment } from './context.ts';

export type { Shards } from '../storage/shards.ts';

/** Parts of the SLOs that are settled apart: enough that the work of each is a small part of the whole. */
const PARTS = 4;
/** Blocks of a part at least, some hundreds of SLOs: of fewer, one part is as quick. */
const LEAST_BLOCKS = 128;
/** So many of them at a time, each over a connection of its own. */
const PARTS_AT_A_TIME = 2;
/** SLOs that are behind are looked for so many at a time. */
const SLOS_AT_A_LOOK = 5000;
/** SLOs of one transaction, at most: enough to be set-based. */
const SLOS_A_PASS = 500;
/**
 * Rows that one transaction writes, up to those of one SLO more: some tenths of a second of work, for which writers to
 * these SLOs wait. After an outage each of them may have missed thousands of minutes.
 */
const ROWS_A_PASS = 20_000;
/** Points of a minute mostly arrive just after it; waiting for them spares a second write. */
export const GRACE_MS = 2 * SECOND_MS;

export interface Evaluation {
  readonly objectives: number;
  readonly snapshots: number;
}

export interface EvaluateOptions {
  readonly signal?: AbortSignal;
  /** The virtual shards whose accounts are meant; null for all. Asked before each transaction. */
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
  let settledMs = atMs;
  for (;;) {
    signal?.throwIfAborted();
    const shards = held();
    if (shards?.length === 0) return { objectives, snapshots };
    const behind = await env.db.owner((tx) => selectSlosBehind(tx, atMs, SLOS_AT_A_LOOK, shards));
    for (const some of passesOf(behind)) {
      signal?.throwIfAborted();
      const pass = await env.db.owner(async (tx) => {
        const slos = await lockSlosBehind(tx, atMs, some, held());
        // Up to the present of its turn, which may come minutes after the round began.
        return { slos, snapshots: await catchUp(tx, slos, Math.max(nowMs, env.clock.now() - GRACE_MS)) };
      });
      objectives += pass.slos.reduce((count, slo) => count + slo.objectives.length, 0);
      snapshots += pass.snapshots;
      env.logger.debug({ objectives, snapshots }, 'evaluating');
      // What is up to date is not to wait for others that have much to catch up with.
      const minuteMs = floorTo(env.clock.now() - GRACE_MS, MINUTE_MS);
      if (minuteMs > settledMs) {
        settledMs = minuteMs;
        objectives += (await settle(env, minuteMs, held())).objectives;
      }
    }
    if (behind.length < SLOS_AT_A_LOOK) return { objectives, snapshots };
  }
}

/** The SLOs, in their order, in passes that are bounded by the rows that they write. */
function passesOf(behind: readonly SloBehind[]): SloBehind[][] {
  const passes: SloBehind[][] = [];
  let rows = Number.POSITIVE_INFINITY;
  for (const slo of behind) {
    if (rows + slo.rows > ROWS_A_PASS || passes.at(-1)?.length === SLOS_A_PASS) {
      passes.push([]);
      rows = 0;
    }
    passes.at(-1)?.push(slo);
    rows += slo.rows;
  }
  return passes;
}

/** Settles what has nothing to be computed any more. Returns how many objectives that were, and how many SLOs are left. */
async function settle(
  env: ServiceEnvironment,
  atMs: number,
  shards: readonly number[] | null,
): Promise<{ readonly objectives: number; readonly behind: number }> {
  if (shards?.length === 0) return { objectives: 0, behind: 0 };
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
