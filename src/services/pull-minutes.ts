import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { Slo } from '../slo/definition.ts';
import { MinuteStream } from '../slo/minute-stream.ts';
import { REREAD_MS } from '../slo/pull.ts';
import type { Backfill, MinuteRange, PullState } from '../slo/pull-state.ts';
import { minuteOf, type Point } from '../slo/sli.ts';
import type { Tx } from '../storage/client.ts';
import {
  countFailingPulls,
  lockPulledSlos,
  type PulledSlo,
  type PullFailure,
  saveBackfillFailures,
  saveBackfills,
  savePullFailures,
  savePulls,
  selectDuePulls,
} from '../storage/pulls.ts';
import type { ServiceEnvironment } from './context.ts';
import { storeMinutes } from './store-minutes.ts';

export type { PulledSlo, PullFailure } from '../storage/pulls.ts';

/** Of one transaction: few enough for writers not to wait for long. */
const SLOS_A_PASS = 200;
const POINTS_A_PASS = 30_000;
const MAX_MESSAGE = 500;

/** What a source said of an SLO: all points of the range. */
export interface SourceRead {
  readonly slo: PulledSlo;
  readonly range: MinuteRange;
  /** Whether the range is one of the SLO's backfill. */
  readonly isBackfill: boolean;
  readonly points: readonly Point[];
  /** What of it could not be taken; null when all could. */
  readonly note: string | null;
}

/** What is to be read of the given virtual shards, and how it stands with their sources. */
export interface DuePulls {
  /** SLOs whose source has minutes to be read. */
  readonly due: readonly PulledSlo[];
  /** How many SLOs show an error of their source. One that is read all the same is not due between the minutes. */
  readonly failing: number;
}

/** What there is to be read up to `atMs`, in the given virtual shards; null for all. */
export async function listDuePulls(
  env: ServiceEnvironment,
  atMs: number,
  shards: readonly number[] | null,
): Promise<DuePulls> {
  return env.db.owner(async (tx) => ({
    due: await selectDuePulls(tx, atMs, shards),
    failing: await countFailingPulls(tx, shards),
  }));
}

/** Shows on the SLOs what is wrong with their sources. */
export async function notePullFailures(
  env: ServiceEnvironment,
  failures: readonly PullFailure[],
): Promise<void> {
  if (failures.length === 0) return;
  const shown = failures.map((failure) => ({ ...failure, message: failure.message.slice(0, MAX_MESSAGE) }));
  await env.db.owner(async (tx) => {
    await savePullFailures(
      tx,
      shown.filter(({ isBackfill }) => !isBackfill),
    );
    // A backfill waits for the newest minutes, and so for what is wrong with reading them.
    await saveBackfillFailures(
      tx,
      shown.filter(({ slo: { backfill } }) => backfill !== null && backfill.finishedAtMs === null),
    );
  });
}

/**
 * Stores what was read, with the new position in the same transaction. What somebody else has read in the
 * meantime, and what was read by an old definition, is dropped. A minute that was read before and has not
 * changed writes nothing. What does not reach up to now gives way to requests.
 */
export async function storePulls(
  env: ServiceEnvironment,
  reads: readonly SourceRead[],
  signal?: AbortSignal,
): Promise<void> {
  const nowMs = env.clock.now();
  const atMs = floorTo(nowMs, MINUTE_MS);
  for (const pass of passesOf(reads)) {
    const isUrgent = pass.every((read) => !read.isBackfill && isLast(read.slo, read, atMs));
    if (!isUrgent) await env.courtesy.turn(signal);
    const oldestMs = pass.reduce((oldest, { range }) => Math.min(oldest, range.fromMs), nowMs);
    await env.partitions.ensure(oldestMs, nowMs + 10 * MINUTE_MS);
    env.onPointsStored(await env.db.owner((tx) => storePass(tx, pass, nowMs)));
  }
}

function passesOf(reads: readonly SourceRead[]): SourceRead[][] {
  const passes: SourceRead[][] = [];
  let points = Number.POSITIVE_INFINITY;
  for (const read of reads) {
    if (points + read.points.length > POINTS_A_PASS || (passes.at(-1)?.length ?? 0) >= SLOS_A_PASS) {
      passes.push([]);
      points = 0;
    }
    passes.at(-1)?.push(read);
    points += read.points.length;
  }
  return passes;
}

interface Taken {
  readonly slo: Slo;
  readonly read: SourceRead;
  /** Points of the minutes that are new or have changed. */
  readonly points: readonly Point[];
}

/** Returns how many points were stored. */
async function storePass(tx: Tx, pass: readonly SourceRead[], nowMs: number): Promise<number> {
  const atMs = floorTo(nowMs, MINUTE_MS);
  const slos = await lockPulledSlos(
    tx,
    pass.map(({ slo }) => slo),
  );
  const byId = new Map(slos.map((slo) => [slo.id, slo]));
  const pulls: { slo: Slo; pull: PullState }[] = [];
  const backfills: { slo: Slo; backfill: Backfill }[] = [];
  const taken: Taken[] = [];
  for (const read of pass) {
    const slo = byId.get(read.slo.id);
    if (slo?.accountId !== read.slo.accountId || !isCurrent(slo, read)) continue;
    const minutes = minutesOf(read);
    if (read.isBackfill) {
      if (slo.backfill === null) continue;
      backfills.push({ slo, backfill: backfillAfter(slo.backfill, read, minutes.size, nowMs) });
      taken.push({ slo, read, points: [...minutes.values()].flat() });
    } else {
      if (slo.pull === null) continue;
      const { pull, points } = pullAfter(slo.pull, read, minutes, nowMs);
      pulls.push({ slo, pull });
      taken.push({ slo, read, points });
    }
  }
  await storeTaken(tx, taken, atMs, nowMs);
  await savePulls(tx, pulls);
  await saveBackfills(tx, backfills);
  return taken.reduce((count, { points }) => count + points.length, 0);
}

/** Whether the SLO is still read so, and from there. */
function isCurrent(slo: Slo, { slo: seen, isBackfill }: SourceRead): boolean {
  if (!isDeepStrictEqual(slo.sli, seen.sli)) return false;
  return isBackfill
    ? slo.backfill?.id === seen.backfill?.id &&
        slo.backfill?.nextMs === seen.backfill?.nextMs &&
        slo.backfill?.finishedAtMs === null
    : slo.pull?.untilMs === seen.pull.untilMs;
}

/** Only the last slice completes the snapshots: those in between would be written again and again. */
async function storeTaken(tx: Tx, taken: readonly Taken[], atMs: number, nowMs: number): Promise<void> {
  for (const complete of [true, false]) {
    const chosen = taken.filter(({ slo, read }) => isLast(slo, read, atMs) === complete);
    await storeMinutes(
      tx,
      chosen.flatMap(({ slo, points }) => {
        const stream = new MinuteStream('request');
        for (const point of points) stream.add(slo, point);
        const minutes = stream.drain();
        return minutes.size === 0 ? [] : [{ slo, minutes, goesOn: !complete }];
      }),
      nowMs,
      { complete },
    );
  }
}

function isLast(slo: Pick<Slo, 'backfill'>, { range, isBackfill }: SourceRead, atMs: number): boolean {
  // A minute may have begun since the range was chosen.
  return range.toMs >= (isBackfill ? (slo.backfill?.toMs ?? atMs) : atMs - MINUTE_MS);
}

function minutesOf({ points, range }: SourceRead): Map<number, Point[]> {
  const minutes = new Map<number, Point[]>();
  for (const point of points) {
    const minuteMs = minuteOf(point.atMs);
    if (minuteMs < range.fromMs || minuteMs >= range.toMs) continue;
    const known = minutes.get(minuteMs);
    if (known === undefined) minutes.set(minuteMs, [point]);
    else known.push(point);
  }
  return minutes;
}

function pullAfter(
  pull: PullState,
  { range, note }: SourceRead,
  minutes: ReadonlyMap<number, readonly Point[]>,
  nowMs: number,
): { pull: PullState; points: Point[] } {
  const recent: Record<string, string> = {};
  const points: Point[] = [];
  for (const [minute, digest] of Object.entries(pull.recent)) {
    // A minute whose rows are gone keeps what was counted.
    if (Number(minute) >= range.toMs - REREAD_MS) recent[minute] = digest;
  }
  for (const [minuteMs, own] of minutes) {
    const digest = digestOf(own);
    if (minuteMs >= range.toMs - REREAD_MS) recent[minuteMs] = digest;
    if (pull.recent[minuteMs] !== digest) points.push(...own);
  }
  return {
    points,
    pull: {
      fromMs: pull.fromMs,
      untilMs: range.toMs,
      lastPulledAtMs: nowMs,
      lastError: note,
      recent,
    },
  };
}

function backfillAfter(
  backfill: Backfill,
  { range, note }: SourceRead,
  minutes: number,
  nowMs: number,
): Backfill {
  return {
    ...backfill,
    nextMs: range.toMs,
    minutes: backfill.minutes + minutes,
    lastError: note,
    finishedAtMs: range.toMs >= backfill.toMs ? nowMs : null,
  };
}

/** The same for the same points, and short enough to keep fifteen of them with each SLO. */
function digestOf(points: readonly Point[]): string {
  const text = points
    .map(({ atMs, good, bad, total, value }) => [atMs % MINUTE_MS, good, bad, total, value].join(','))
    .join(';');
  return text.length <= 20 ? text : createHash('sha256').update(text).digest('base64').slice(0, 16);
}
