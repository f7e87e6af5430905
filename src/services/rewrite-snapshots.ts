import { setImmediate } from 'node:timers/promises';
import Big from 'big.js';
import { DAY_MS, floorTo, MINUTE_MS } from '../lib/duration.ts';
import { exactDecimal } from '../lib/exact-decimal.ts';
import { AlertWatch, type Judged } from '../slo/alert-watch.ts';
import type { CompositeWalk } from '../slo/composite-walk.ts';
import type { Slo } from '../slo/definition.ts';
import { type MinuteChange, type Rewrite, rewriteSeries } from '../slo/rewrite.ts';
import type { MinuteReceived } from '../slo/sli.ts';
import { SnapshotBatch } from '../slo/snapshot-batch.ts';
import type { ObjectiveStatus } from '../slo/status.ts';
import type { Tx } from '../storage/client.ts';
import { type LoadedMinutes, lastRowOf, type SeriesKey } from '../storage/series-columns.ts';
import { type BaseShift, insertSnapshots, replaceSnapshots, shiftBases } from '../storage/snapshot-rows.ts';
import { type LoadedSeries, loadSeries, type SpannedSeries } from './load-series.ts';
import { spanOfChange } from './series-plan.ts';
import { settleChanges } from './settle-changes.ts';

/** A series of which minutes have changed, or which is to be carried on. The SLO's row must be locked. */
export interface SeriesChange {
  readonly slo: Slo;
  readonly objective: string;
  /** Ascending, one a minute; none to carry the series on only. */
  readonly changes: readonly MinuteReceived[];
  /** Minutes of which it is decided anew what of them is used: the first and the last one. */
  readonly resettle?: { readonly fromMs: number; readonly untilMs: number };
  /** Rows are to stand up to here, while the window holds data; null for no further than they do. */
  readonly extendToMs: number | null;
  /** Rows from here on are computed anew even where nothing came in, since the rule has changed. */
  readonly anewFromMs?: number;
}

/** What has been written. */
export interface Rewritten {
  readonly rows: number;
  /** Statuses that came up on the way, of the instant asked for: by SLO, then by objective. */
  readonly statuses: ReadonlyMap<string, ReadonlyMap<string, ObjectiveStatus>>;
  /** By SLO, at which of the minutes the conditions of its alerts held. */
  readonly judged: ReadonlyMap<string, readonly Judged[]>;
  /** By SLO, the earliest row up to its `snapshotsUntilMs` that was touched. */
  readonly touchedFrom: ReadonlyMap<string, number>;
}

/** Rows that one pass may hold in memory, with what they look back to about 500 bytes each. */
const ROWS_A_PASS = 10_000;

/** A change of which it is settled what it does to each minute. */
interface Settled extends Omit<SeriesChange, 'changes'> {
  readonly changes: readonly MinuteChange[];
}

interface Planned extends Settled, SpannedSeries {
  readonly composite?: CompositeWalk;
}

/** `at` of the last row that stands when the work is done. */
const endOf = (change: Settled, lastRowMs: number | null): number =>
  Math.max(
    lastRowMs ?? Number.NEGATIVE_INFINITY,
    change.extendToMs ?? Number.NEGATIVE_INFINITY,
    (change.changes.at(-1)?.minuteMs ?? Number.NEGATIVE_INFINITY) + MINUTE_MS,
  );

function plan(change: Settled, lastRowMs: number | null): Planned | null {
  const { slo, objective } = change;
  const key = { accountId: slo.accountId, sloId: slo.id, objective };
  const limitMs = endOf(change, lastRowMs);
  const first = change.changes[0];
  const last = change.changes.at(-1);
  if (first !== undefined && last !== undefined) {
    const changedAt = first.minuteMs + MINUTE_MS;
    // Minutes without data between the last row and the first change have statuses too.
    const firstAt = lastRowMs === null ? changedAt : Math.min(changedAt, lastRowMs + MINUTE_MS);
    const span = spanOfChange(slo, objective, firstAt, last.minuteMs + MINUTE_MS, limitMs);
    // Rows that are missing at the end are made in the same pass.
    const untilMs = lastRowMs === null || lastRowMs < limitMs ? limitMs : span.untilMs;
    return { ...change, key, lastRowMs, span: { fromMs: span.fromMs, untilMs } };
  }
  if (lastRowMs === null) return null;
  const next = Math.min(lastRowMs, (change.anewFromMs ?? Number.POSITIVE_INFINITY) - MINUTE_MS) + MINUTE_MS;
  if (next > limitMs) return null;
  const { fromMs } = spanOfChange(slo, objective, next, next, limitMs);
  return { ...change, key, lastRowMs, span: { fromMs, untilMs: limitMs } };
}

/**
 * Computes and writes every row that the changes touch: what was used, the running totals, the statuses.
 * Set-based: a few statements for many series, in passes of bounded size. Statuses at `noteMs` are returned.
 */
export async function rewriteSnapshots(
  tx: Tx,
  changes: readonly SeriesChange[],
  noteMs: number,
): Promise<Rewritten> {
  const lastRows = await lastRowOf(
    tx,
    changes.map(({ slo, objective }) => ({ accountId: slo.accountId, sloId: slo.id, objective })),
  );
  const statuses = new Map<string, Map<string, ObjectiveStatus>>();
  const note = (sloId: string, status: ObjectiveStatus): void => {
    if (status.atMs !== noteMs) return;
    const own = statuses.get(sloId);
    if (own === undefined) statuses.set(sloId, new Map([[status.objective, status]]));
    else own.set(status.objective, status);
  };
  const settled = await settleChanges(tx, changes);
  const planned = changes.flatMap(
    (change, i) => plan({ ...change, changes: settled[i] ?? [] }, lastRows[i] ?? null) ?? [],
  );
  const judged = new Map<string, Judged[]>();
  const noteJudged = (sloId: string, one: Judged): void => {
    const own = judged.get(sloId);
    if (own === undefined) judged.set(sloId, [one]);
    else own.push(one);
  };
  const rows = await rewritePasses(tx, passesOf(planned), { status: note, judged: noteJudged });
  return { rows, statuses, judged, touchedFrom: touchedBy(planned) };
}

/** The rows of a composite from `span.fromMs` on, which reach to the end of all its rows. */
export interface CompositeRewrite extends SpannedSeries {
  readonly changes: readonly MinuteChange[];
  readonly composite: CompositeWalk;
}

/** Computes and writes rows of a composite. What comes up is told on the way. Returns the number of rows. */
export function rewriteComposite(
  tx: Tx,
  rewrite: CompositeRewrite,
  listener: RewriteListener,
): Promise<number> {
  return rewritePasses(tx, [[{ ...rewrite, extendToMs: null }]], listener);
}

/** Rows behind what the SLO's snapshots are complete up to are new to everyone, and no change of the past. */
function touchedBy(planned: readonly Planned[]): Map<string, number> {
  const touched = new Map<string, number>();
  for (const { slo, span } of planned) {
    if (slo.snapshotsUntilMs === null || span.fromMs > slo.snapshotsUntilMs) continue;
    touched.set(slo.id, Math.min(span.fromMs, touched.get(slo.id) ?? Number.POSITIVE_INFINITY));
  }
  return touched;
}

/** The most rows that the spans can have. */
const sizeOf = (all: readonly Planned[]): number =>
  all.reduce((sum, { span }) => sum + (span.untilMs - span.fromMs) / MINUTE_MS + 1, 0);

function passesOf(planned: readonly Planned[]): Planned[][] {
  const passes: Planned[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const series of planned) {
    const length = sizeOf([series]);
    if (size + length > ROWS_A_PASS) {
      passes.push([]);
      size = 0;
    }
    passes.at(-1)?.push(series);
    size += length;
  }
  return passes;
}

type OnStatus = NonNullable<Rewrite['onStatus']>;

/** Rows of one pass, computed and not yet written. */
interface ComputedPass {
  readonly keys: readonly SeriesKey[];
  readonly inserts: SnapshotBatch;
  readonly updates: SnapshotBatch;
  readonly shifts: readonly BaseShift[];
}

/** Who is told what comes up, by SLO. */
export interface RewriteListener {
  readonly status: (sloId: string, status: ObjectiveStatus) => void;
  readonly judged: (sloId: string, judged: Judged) => void;
}

/**
 * One pass after the other. What the next pass looks back to is read before the last one is written, since no
 * series is in two of them: so one is computed here while the database writes the one before.
 */
async function rewritePasses(
  tx: Tx,
  passes: readonly (readonly Planned[])[],
  listener: RewriteListener,
): Promise<number> {
  let rows = 0;
  let writing: Promise<void> = Promise.resolve();
  let loaded = await loadSeries(tx, passes[0] ?? []);
  for (const [i, pass] of passes.entries()) {
    const computed = computePass(pass, loaded, listener);
    rows += computed.inserts.length + computed.updates.length;
    await writing;
    loaded = await loadSeries(tx, passes[i + 1] ?? []);
    writing = writePass(tx, computed);
    // It is waited for below; failing earlier is no failure that nobody heard of.
    writing.catch(() => undefined);
    // The statement has to be on its way before the computing keeps this thread busy.
    await setImmediate();
  }
  await writing;
  return rows;
}

function computePass(
  pass: readonly Planned[],
  loaded: readonly LoadedSeries[],
  listener: RewriteListener,
): ComputedPass {
  // Made as wide as they are to be: growing leaves as much again to be collected.
  const standing = loaded.reduce((sum, { stored }) => sum + stored.at.length, 0);
  const missing = sizeOf(pass) - standing;
  const out = { inserts: new SnapshotBatch(missing), updates: new SnapshotBatch(standing) };
  const shifts: BaseShift[] = [];
  pass.forEach((series, i) => {
    const { slo, objective, span } = series;
    const own = loaded[i];
    if (own === undefined) return;
    const watch = new AlertWatch(slo.alertPolicy, objective);
    const onStatus: OnStatus = (status, ...basis) => {
      listener.status(slo.id, status);
      watch.note(status, ...basis);
    };
    shifts.push(...rewriteOne(series, i, own, out, onStatus));
    listener.judged(slo.id, { objective, ...span, runs: watch.runs });
  });
  return { keys: pass.map(({ key }) => key), ...out, shifts };
}

async function writePass(tx: Tx, { keys, updates, inserts, shifts }: ComputedPass): Promise<void> {
  await replaceSnapshots(tx, keys, updates);
  await insertSnapshots(tx, keys, inserts);
  await shiftBases(tx, shifts);
}

function rewriteOne(
  series: Planned,
  number: number,
  { totals, stored, straddles }: LoadedSeries,
  out: { readonly inserts: SnapshotBatch; readonly updates: SnapshotBatch },
  onStatus: OnStatus,
): BaseShift[] {
  const { slo, objective, span, changes, lastRowMs, composite } = series;
  // Rows stand behind the span, and count on what it sums to.
  const isWithin = lastRowMs !== null && lastRowMs > span.untilMs;
  const endBefore = isWithin ? (endOfStored(stored) ?? totals.end) : null;
  rewriteSeries(
    {
      slo,
      objective,
      series: number,
      ...span,
      totals,
      stored,
      changes,
      straddles,
      onStatus,
      ...(composite === undefined ? {} : { composite }),
    },
    out,
  );
  return endBefore === null ? [] : shiftsAfter(series, endBefore, totals.end);
}

interface Counted {
  readonly good: string;
  readonly total: string;
}

/** All that was counted up to the last of the rows; null where there are none. */
function endOfStored(stored: LoadedMinutes): Counted | null {
  const last = stored.at.length - 1;
  const base = stored.bases.at(-1);
  if (last < 0 || base === undefined) return null;
  const plus = (decimal: string, run: Float64Array, low: Float64Array): string =>
    new Big(decimal)
      .plus(exactDecimal(run[last] ?? 0))
      .plus(exactDecimal(orZero(low[last])))
      .toFixed();
  return {
    good: plus(base.good, stored.runGood, stored.runGoodLow),
    total: plus(base.total, stored.runTotal, stored.runTotalLow),
  };
}

const orZero = (value: number | undefined): number =>
  value === undefined || Number.isNaN(value) ? 0 : value;

/** The bases of the days after the span move by what the span's end moved by. */
function shiftsAfter({ key, span, lastRowMs }: Planned, endBefore: Counted, endAfter: Counted): BaseShift[] {
  const good = new Big(endAfter.good).minus(endBefore.good);
  const total = new Big(endAfter.total).minus(endBefore.total);
  if (lastRowMs === null || (good.eq(0) && total.eq(0))) return [];
  const shifts: BaseShift[] = [];
  for (let dayMs = floorTo(span.untilMs, DAY_MS) + DAY_MS; dayMs <= lastRowMs; dayMs += DAY_MS) {
    shifts.push({ key, dayMs, good: good.toFixed(), total: total.toFixed() });
  }
  return shifts;
}
