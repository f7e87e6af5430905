import { setImmediate } from 'node:timers/promises';
import { MINUTE_MS } from '../lib/duration.ts';
import { AlertWatch, type Judged } from '../slo/alert-watch.ts';
import type { CompositeWalk } from '../slo/composite-walk.ts';
import { type MinuteChange, type Rewrite, rewriteSeries } from '../slo/rewrite.ts';
import { SnapshotBatch } from '../slo/snapshot-batch.ts';
import type { ObjectiveStatus } from '../slo/status.ts';
import type { Tx } from '../storage/client.ts';
import type { SeriesKey } from '../storage/series-columns.ts';
import { type BaseShift, insertSnapshots, replaceSnapshots, shiftBases } from '../storage/snapshot-rows.ts';
import { added, type Counted, endOfStored, shiftsAfter } from './base-shifts.ts';
import type { KeptTotals } from './kept-totals.ts';
import { lastRowsToStand } from './leave-silence.ts';
import { type LoadedSeries, loadSeries } from './load-series.ts';
import { moveWindows, type WindowMove } from './move-windows.ts';
import { type Planned, passesOf, plan, type SeriesChange, sizeOf } from './plan-rewrite.ts';
import { rowsOf, type SpannedSeries } from './series-plan.ts';
import { settleChanges } from './settle-changes.ts';

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

/**
 * Computes and writes every row that the changes touch: what was used, the running totals, the statuses.
 * Set-based: a few statements for many series, in passes of bounded size. Statuses at `noteMs`, the present, are returned.
 * What is `kept` of the series is not read, and stands for them as they are afterwards.
 */
export async function rewriteSnapshots(
  tx: Tx,
  changes: readonly SeriesChange[],
  noteMs: number,
  kept: KeptTotals | null = null,
): Promise<Rewritten> {
  const lastRows = await lastRowsToStand(tx, changes, noteMs);
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
  const rows = await rewritePasses(tx, passesOf(planned), { status: note, judged: noteJudged }, kept);
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

type OnStatus = NonNullable<Rewrite['onStatus']>;

/** Rows of one pass, computed and not yet written. */
interface ComputedPass {
  readonly keys: readonly SeriesKey[];
  readonly inserts: SnapshotBatch;
  readonly updates: SnapshotBatch;
  readonly shifts: readonly BaseShift[];
  readonly moves: readonly Move[];
}

interface Move extends WindowMove {
  readonly series: Planned;
  /** The last row that may change. */
  readonly untilMs: number;
}

/** Who is told what comes up, by SLO. */
export interface RewriteListener {
  readonly status: (sloId: string, status: ObjectiveStatus) => void;
  readonly judged: (sloId: string, judged: Judged) => void;
}

/**
 * One pass after the other. What the next pass looks back to is read before the last one is written, since no
 * series is in two of them: so one is computed here while the database writes the one before. What is left to be
 * computed behind moved rows comes at the end.
 */
async function rewritePasses(
  tx: Tx,
  passes: readonly (readonly Planned[])[],
  listener: RewriteListener,
  kept: KeptTotals | null = null,
): Promise<number> {
  let rows = 0;
  const rest: Planned[] = [];
  let writing: Promise<void> = Promise.resolve();
  let loaded = await loadSeries(tx, passes[0] ?? [], kept);
  for (const [i, pass] of passes.entries()) {
    const computed = computePass(pass, loaded, listener);
    pass.forEach((series, n) => {
      const totals = loaded[n]?.totals;
      if (totals !== undefined) kept?.keep(series, totals);
    });
    rows += computed.inserts.length + computed.updates.length;
    await writing;
    loaded = await loadSeries(tx, passes[i + 1] ?? [], kept);
    writing = writePass(tx, computed).then(async () => {
      for (const move of computed.moves) {
        const { rows: moved, left } = await moveBehind(tx, move, listener);
        rows += moved;
        if (left !== null) rest.push(left);
      }
    });
    // It is waited for below; failing earlier is no failure that nobody heard of.
    writing.catch(() => undefined);
    // The statement has to be on its way before the computing keeps this thread busy.
    await setImmediate();
  }
  await writing;
  return rest.length === 0 ? rows : rows + (await rewritePasses(tx, passesOf(rest), listener));
}

/** Moves the rows behind a span that has been written. `left` is what there is still to be computed. */
async function moveBehind(
  tx: Tx,
  move: Move,
  listener: RewriteListener,
): Promise<{ readonly rows: number; readonly left: Planned | null }> {
  const { series, moved, untilMs } = move;
  const judged = await moveWindows(tx, move);
  for (const one of judged ?? []) listener.judged(series.slo.id, one);
  const fromMs = judged === null ? moved.fromMs : moved.untilMs + MINUTE_MS;
  const { behind: _, ...own } = series;
  return {
    rows: judged === null ? 0 : rowsOf(moved),
    left: fromMs > untilMs ? null : { ...own, changes: [], span: { fromMs, untilMs } },
  };
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
  const moves: Move[] = [];
  pass.forEach((series, i) => {
    const { slo, objective, span, behind } = series;
    const own = loaded[i];
    if (own === undefined) return;
    const watch = new AlertWatch(slo.alertPolicy, objective);
    const hoursFromMs = behind?.moved.hoursFromMs ?? Number.POSITIVE_INFINITY;
    let burnBefore: number | null = null;
    const onStatus: OnStatus = (status, ...basis) => {
      listener.status(slo.id, status);
      watch.note(status, ...basis);
      if (status.atMs < hoursFromMs || status.burnRate === null) return;
      burnBefore = Math.max(burnBefore ?? 0, status.burnRate);
    };
    const more = rewriteOne(series, i, own, out, onStatus);
    listener.judged(slo.id, { objective, ...span, runs: watch.runs });
    if (more === null) return;
    shifts.push(...shiftsAfter(series, more));
    if (behind === undefined) return;
    const counts = { good: Number(more.good), total: Number(more.total) };
    moves.push({ ...behind, ...counts, series, burnBefore });
  });
  return { keys: pass.map(({ key }) => key), ...out, shifts, moves };
}

async function writePass(
  tx: Tx,
  { keys, updates, inserts, shifts }: Omit<ComputedPass, 'moves'>,
): Promise<void> {
  await replaceSnapshots(tx, keys, updates);
  await insertSnapshots(tx, keys, inserts);
  await shiftBases(tx, shifts);
}

/** Adds the rows of one series to the batches. What it has added to the rows behind; null where there are none. */
function rewriteOne(
  series: Planned,
  number: number,
  { totals, stored, straddles }: LoadedSeries,
  out: { readonly inserts: SnapshotBatch; readonly updates: SnapshotBatch },
  onStatus: OnStatus,
): Counted | null {
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
  return endBefore === null ? null : added(endBefore, totals.end);
}
