import { floorTo, MINUTE_MS, SECOND_MS } from '../lib/duration.ts';
import type { ServiceEnvironment } from '../services/context.ts';
import { listDuePulls, notePullFailures, type PulledSlo } from '../services/pull-minutes.ts';
import { sourceAccessFaults } from '../services/source-access.ts';
import { pulledSource } from '../slo/pull.ts';
import type { SourceReaders } from '../sources/source-readers.ts';
import { repeat } from './repeat.ts';
import { createLane, type Lane, type LaneRound } from './source-lane.ts';
import type { Worker } from './worker.ts';

/** What happened in a minute is mostly there so long after its end; what comes later is read again. */
const GRACE_MS = 3 * SECOND_MS;
/** How often to look for SLOs that are due. */
const LOOK_MS = 2 * SECOND_MS;

/** What a look found and set going. */
export interface PullLook {
  /** How far the reading that is furthest behind is behind now, in milliseconds. */
  readonly lagMs: number;
  /** SLOs that show an error of their source. */
  readonly failing: number;
  /** The rounds that it has begun. */
  readonly rounds: readonly Promise<LaneRound>[];
}

export interface PullerOptions {
  readonly readers: SourceReaders;
  /** The virtual shards whose accounts are meant; null for all. Asked before each look. */
  readonly held: () => readonly number[] | null;
  readonly onLook?: (look: Omit<PullLook, 'rounds'>) => void;
  readonly onRound?: (round: LaneRound) => void;
}

/**
 * Looks once for SLOs whose source has minutes to be read, and sets every source going that is not under way
 * already.
 */
export function createPullRounds(
  env: ServiceEnvironment,
  { readers, held }: Pick<PullerOptions, 'readers' | 'held'>,
): (signal: AbortSignal) => Promise<PullLook> {
  const lanes = new Map<string, { readonly lane: Lane; isBusy: boolean }>();

  function laneOf(name: string): { readonly lane: Lane; isBusy: boolean } | null {
    const known = lanes.get(name);
    if (known !== undefined) return known;
    const reader = readers.readerOf(name);
    if (reader === null) return null;
    const made = { lane: createLane(env, name, reader), isBusy: false };
    lanes.set(name, made);
    return made;
  }

  return async (signal) => {
    const nowMs = env.clock.now();
    const atMs = floorTo(nowMs - GRACE_MS, MINUTE_MS);
    const shards = held();
    const { due, failing } =
      shards?.length === 0 ? { due: [], failing: 0 } : await listDuePulls(env, atMs, shards);
    const bySource = new Map<string, PulledSlo[]>();
    for (const slo of due) {
      const source = pulledSource(slo);
      if (source === null) continue;
      const name = readers.nameOf(source);
      const known = bySource.get(name);
      if (known === undefined) bySource.set(name, [slo]);
      else known.push(slo);
    }
    const rounds: Promise<LaneRound>[] = [];
    for (const [name, slos] of bySource) {
      const own = laneOf(name);
      if (own === null) {
        await noteWithdrawn(env, slos);
      } else if (!own.isBusy && !own.lane.isWaiting(nowMs)) {
        own.isBusy = true;
        rounds.push(
          own.lane.round(slos, atMs, signal).finally(() => {
            own.isBusy = false;
          }),
        );
      }
    }
    const lagMs = nowMs - due.reduce((least, { pull }) => Math.min(least, pull.untilMs), atMs);
    return { lagMs, failing, rounds };
  };
}

/** The operator has taken the source out of the configuration. */
async function noteWithdrawn(env: ServiceEnvironment, slos: readonly PulledSlo[]): Promise<void> {
  await notePullFailures(
    env,
    slos.flatMap((slo) => {
      const [fault] = sourceAccessFaults(env.sources, slo.accountId, slo.sli);
      const message = fault === undefined ? 'the source is not configured' : `${fault.path} ${fault.message}`;
      return slo.pull.lastError === message ? [] : [{ slo, isBackfill: false, message }];
    }),
  );
}

/** Reads the sources of the SLOs of its shards, each minute once it is over, and whatever was missed. */
export function createPuller(
  env: ServiceEnvironment,
  { onLook = () => undefined, onRound = () => undefined, ...options }: PullerOptions,
): Worker {
  const look = createPullRounds(env, options);
  const underWay = new Set<Promise<void>>();

  const looks = repeat(
    async (signal) => {
      const { rounds, ...seen } = await look(signal);
      onLook(seen);
      for (const round of rounds) follow(round);
    },
    {
      pauseMs: () => LOOK_MS,
      onError: (error) => env.logger.error({ err: error }, 'no SLO with a source could be looked for'),
    },
  );

  /** Not waited for by the looks, so that a slow source holds up no other. */
  function follow(round: Promise<LaneRound>): void {
    const followed = round
      .then((done) => {
        onRound(done);
        if (done.hasMore) looks.hurry();
      })
      .finally(() => underWay.delete(followed));
    underWay.add(followed);
  }

  return {
    start: looks.start,
    async stop() {
      await looks.stop();
      await Promise.all(underWay);
    },
  };
}
