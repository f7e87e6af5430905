import { DAY_MS, MINUTE_MS } from '../lib/duration.ts';
import { groupBy } from '../lib/group-by.ts';
import { changedFrom } from '../slo/history-marks.ts';
import { type PeriodWindow, periodsEndingIn, REPORT_PERIODS, reportPeriodAt } from '../slo/report-periods.ts';
import type { InPieces } from '../storage/in-pieces.ts';
import {
  type ReportCursor,
  type ReportPosition,
  type SloReporting,
  selectReportsDue,
} from '../storage/reports.ts';
import { type SloReports, saveReports } from '../storage/save-reports.ts';
import { computeReports, keptFrom, type ReportTask, reportTasks } from './compute-reports.ts';
import type { ServiceEnvironment } from './context.ts';

/** SLOs that are looked at together. */
const SLOS_A_PASS = 1000;
/** Days that one step closes, so that what was missed in a year is caught up in bounded steps. */
const DAYS_A_STEP = 32;
/** Minutes of several accounts that one step reads: a day of a thousand SLOs, a quarter of ten. */
const MINUTES_A_STEP = 1_500_000;
/** Minutes of one account: those of all its SLOs are read together, a month of a thousand. */
const MINUTES_OF_AN_ACCOUNT = 50_000_000;
/** What is done in one turn, in milliseconds, before another is waited for. */
const TURN_MS = 10;
/** SLOs that are read, and whose periods are found, at a time. */
const SLOS_A_PIECE = 50;
/** SLOs whose reports are written in one transaction, for which writers of these SLOs may have to wait. */
const SLOS_A_WRITE = 25;

export interface StoreReportsOptions {
  readonly signal?: AbortSignal;
  /** The virtual shards whose accounts are meant; null for all. Asked before each pass. */
  readonly held?: () => readonly number[] | null;
}

/**
 * Stores the reports of every period that has closed since, whatever was missed, and corrects the stored ones
 * that late data, an adjustment or a backfill has changed. Gives way to requests between its pieces. Safe to run
 * anywhere at any time: of two that do the same, one finds the position moved and writes nothing. Returns how many
 * rows it wrote.
 */
export async function storeReports(
  env: ServiceEnvironment,
  { signal, held = () => null }: StoreReportsOptions = {},
): Promise<number> {
  const inPieces = inTurns(env, signal);
  let written = 0;
  let after: ReportCursor | null = null;
  for (;;) {
    const shards = held();
    if (shards?.length === 0) return written;
    const due: SloReporting[] = await nextDue(inPieces, after, shards);
    for (let left = due; left.length > 0; ) {
      const next: SloReporting[] = [];
      for (const plans of batchesOf(await plansOf(env, left, signal))) {
        const step = await takeStep(env, plans, inPieces);
        written += step.written;
        next.push(...step.left);
      }
      left = next;
    }
    const last = due.at(-1)?.slo;
    if (last === undefined || due.length < SLOS_A_PASS) return written;
    after = { accountId: last.accountId, sloId: last.id };
  }
}

/**
 * Each piece in a transaction of its own, once no request is under way. Pieces that take next to no time share a turn:
 * thousands of small accounts have two each.
 */
function inTurns({ courtesy, db }: ServiceEnvironment, signal: AbortSignal | undefined): InPieces {
  let beganMs = Number.NEGATIVE_INFINITY;
  return async (piece) => {
    signal?.throwIfAborted();
    if (performance.now() - beganMs >= TURN_MS) {
      await courtesy.turn(signal);
      beganMs = performance.now();
    }
    return db.owner(piece);
  };
}

/** The SLOs of the next pass. */
async function nextDue(
  inPieces: InPieces,
  after: ReportCursor | null,
  shards: readonly number[] | null,
): Promise<SloReporting[]> {
  const due: SloReporting[] = [];
  while (due.length < SLOS_A_PASS) {
    const last = due.at(-1)?.slo;
    const cursor = last === undefined ? after : { accountId: last.accountId, sloId: last.id };
    const some = await inPieces((tx) => selectReportsDue(tx, cursor, SLOS_A_PIECE, shards));
    due.push(...some);
    if (some.length < SLOS_A_PIECE) break;
  }
  return due;
}

/** What is to be done for an SLO in one step. */
interface Plan {
  readonly reporting: SloReporting;
  /** Closed periods that are stored, and may have changed. */
  readonly changed: readonly ReportTask[];
  readonly closing: readonly ReportTask[];
  readonly next: ReportPosition;
}

const minutesOf = ({ changed, closing }: Plan): number =>
  [...changed, ...closing].reduce((sum, { window }) => sum + (window.endMs - window.startMs) / MINUTE_MS, 0);

/** One after another, as many together as one step may read; the SLOs of an account stay together. */
function* batchesOf(plans: readonly Plan[]): Generator<Plan[]> {
  let batch: Plan[] = [];
  let minutes = 0;
  for (const plan of plans) {
    const more = minutesOf(plan);
    const isOneAccount = batch[0]?.reporting.slo.accountId === plan.reporting.slo.accountId;
    const most = isOneAccount ? MINUTES_OF_AN_ACCOUNT : MINUTES_A_STEP;
    if (batch.length > 0 && minutes + more > most) {
      yield batch;
      batch = [];
      minutes = 0;
    }
    batch.push(plan);
    minutes += more;
  }
  if (batch.length > 0) yield batch;
}

/**
 * Computes and stores some periods of some SLOs. The reading locks nobody out, and is no single state of the data: what
 * changes meanwhile raises the version of the history above the one that is noted, and is looked at again. `left`: those
 * with more to close.
 */
async function takeStep(
  env: ServiceEnvironment,
  plans: readonly Plan[],
  inPieces: InPieces,
): Promise<{ written: number; left: SloReporting[] }> {
  const reports = await computeStep(inPieces, plans);
  let written = 0;
  const left: SloReporting[] = [];
  for (const [accountId, own] of groupBy(reports, ({ slo }) => slo.accountId)) {
    for (let from = 0; from < own.length; from += SLOS_A_WRITE) {
      const some = own.slice(from, from + SLOS_A_WRITE);
      const saved = await inPieces((tx) => saveReports(tx, accountId, some, env.clock.now()));
      written += saved.written;
      for (const { next, ...reporting } of some) {
        const isLeft = next.dueAtMs !== null && next.dueAtMs <= closableUntil(reporting);
        if (isLeft && saved.moved.has(reporting.slo.id)) left.push({ ...reporting, position: next });
      }
    }
  }
  return { written, left };
}

/** Up to where the snapshots are complete, so that what ended by then can close. */
function closableUntil({ slo }: SloReporting): number {
  return Math.min(
    slo.evaluatedAtMs ?? Number.NEGATIVE_INFINITY,
    slo.snapshotsUntilMs ?? Number.POSITIVE_INFINITY,
  );
}

/** The end of the last day that is closed, being the start of the one that is due. */
const closedUntil = ({ slo }: SloReporting, dueAtMs: number): number =>
  reportPeriodAt(slo, 'day', dueAtMs - 1).startMs;

async function plansOf(
  { courtesy }: ServiceEnvironment,
  reportings: readonly SloReporting[],
  signal: AbortSignal | undefined,
): Promise<Plan[]> {
  const plans: Plan[] = [];
  for (const [i, reporting] of reportings.entries()) {
    if (i % SLOS_A_PIECE === 0) await courtesy.turn(signal);
    const plan = planOf(reporting);
    if (plan !== null) plans.push(plan);
  }
  return plans;
}

/** Null where nothing is to be written, not even how far the reports have come. */
function planOf(reporting: SloReporting): Plan | null {
  const { slo, position, historyVersion } = reporting;
  const beganMs = Math.min(slo.createdAtMs, slo.firstDataAtMs ?? Number.POSITIVE_INFINITY);
  const dueAtMs = position.dueAtMs ?? reportPeriodAt(slo, 'day', beganMs).endMs;
  const closedMs = closedUntil(reporting, dueAtMs);
  const untilMs = Math.min(closableUntil(reporting), closedMs + DAYS_A_STEP * DAY_MS);
  let nextDueMs = dueAtMs;
  for (const day of periodsEndingIn(slo, 'day', closedMs, untilMs)) {
    nextDueMs = reportPeriodAt(slo, 'day', day.endMs).endMs;
  }
  const changedMs = position.dueAtMs === null ? Number.POSITIVE_INFINITY : changedSince(reporting);
  const isNews = position.dueAtMs === null || nextDueMs > dueAtMs || changedMs <= closedMs;
  if (!isNews) return null;
  const periods = (fromMs: number, toMs: number): ReportTask[] =>
    REPORT_PERIODS.flatMap((period) => tasksOf(reporting, [...periodsEndingIn(slo, period, fromMs, toMs)]));
  return {
    reporting,
    // A row stands at the end of its minute: the first that changed may be the last of a period.
    changed: changedMs > closedMs ? [] : periods(Math.max(changedMs, beganMs) - 1, closedMs),
    closing: periods(closedMs, closedUntil(reporting, nextDueMs)),
    next: { dueAtMs: nextDueMs, version: slo.firstDataAtMs === null ? null : historyVersion },
  };
}

/** What is to be written. An SLO of which minutes were dropped meanwhile is left for the next time. */
async function computeStep(inPieces: InPieces, plans: readonly Plan[]): Promise<SloReports[]> {
  const all = plans.flatMap(({ changed, closing }) => [...changed, ...closing]);
  const kept = await keptFrom(inPieces, all);
  const stored = new Set(plans.flatMap(({ changed }) => changed));
  const tasks = all.filter((task, i) => !stored.has(task) || isCorrectable(task, kept[i]));
  const rows = await computeReports(inPieces, tasks);
  const keptAfter = await keptFrom(inPieces, all);
  const torn = new Set(all.flatMap(({ slo }, i) => (kept[i] === keptAfter[i] ? [] : [slo.id])));
  const bySlo = groupBy(tasks.keys(), (i) => tasks[i]?.slo.id);
  return plans.flatMap(({ reporting, next }) => {
    if (torn.has(reporting.slo.id)) return [];
    const own = (bySlo.get(reporting.slo.id) ?? []).flatMap((i) => {
      const [task, row] = [tasks[i], rows[i] ?? null];
      return task === undefined || row === null ? [] : [{ period: task.window.period, row }];
    });
    return [{ ...reporting, rows: own, next }];
  });
}

const tasksOf = ({ slo }: SloReporting, windows: readonly PeriodWindow[]): ReportTask[] =>
  windows.flatMap((window) => reportTasks(slo, window, window.endMs));

/** From where on the history may be another than the stored reports know; Infinity where it is the same. */
function changedSince({ slo, position, historyVersion }: SloReporting): number {
  if (slo.firstDataAtMs === null) return Number.POSITIVE_INFINITY;
  if (position.version === null) return slo.firstDataAtMs;
  return changedFrom(slo.historyMarks, historyVersion - position.version);
}

/** A day whose minutes are gone stays as it is; what is longer is put together from its days. */
const isCorrectable = ({ window }: ReportTask, keptMs = Number.NEGATIVE_INFINITY): boolean =>
  keptMs <= window.startMs || (window.period !== 'day' && keptMs < window.endMs);
