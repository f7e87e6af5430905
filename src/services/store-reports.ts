import { DAY_MS } from '../lib/duration.ts';
import { changedFrom } from '../slo/history-marks.ts';
import { type PeriodWindow, periodsEndingIn, REPORT_PERIODS, reportPeriodAt } from '../slo/report-periods.ts';
import type { Tx } from '../storage/client.ts';
import {
  type ReportCursor,
  type SloReporting,
  type SloReports,
  saveReports,
  selectReportsDue,
} from '../storage/reports.ts';
import { computeReports, keptFrom, type ReportTask, reportTasks } from './compute-reports.ts';
import type { ServiceEnvironment } from './context.ts';

/** SLOs that are looked at together. */
const SLOS_A_PASS = 50;
/** Days that one step closes, so that what was missed in a year is caught up in bounded steps. */
const DAYS_A_STEP = 32;

export interface StoreReportsOptions {
  readonly signal?: AbortSignal;
  /** The virtual shards whose accounts are meant; null for all. Asked before each pass. */
  readonly held?: () => readonly number[] | null;
}

/**
 * Stores the reports of every period that has closed since, whatever was missed, and corrects the stored ones
 * that late data, an adjustment or a backfill has changed. Safe to run anywhere at any time: of two that do the
 * same, one finds the position moved and writes nothing. Returns how many rows it wrote.
 */
export async function storeReports(
  env: ServiceEnvironment,
  { signal, held = () => null }: StoreReportsOptions = {},
): Promise<number> {
  let written = 0;
  let after: ReportCursor | null = null;
  for (;;) {
    const shards = held();
    if (shards?.length === 0) return written;
    const due: SloReporting[] = await env.db.owner((tx) => selectReportsDue(tx, after, SLOS_A_PASS, shards));
    for (const found of due) {
      let reporting: SloReporting | null = found;
      while (reporting !== null) {
        signal?.throwIfAborted();
        const step = await takeStep(env, reporting);
        written += step.written;
        reporting = step.next;
      }
    }
    const last = due.at(-1)?.slo;
    if (last === undefined || due.length < SLOS_A_PASS) return written;
    after = { accountId: last.accountId, sloId: last.id };
  }
}

/**
 * Computes and stores some periods of one SLO. The reading locks nobody out: what changes meanwhile raises the
 * version of the history above the one that is noted, and is looked at again.
 */
async function takeStep(
  env: ServiceEnvironment,
  reporting: SloReporting,
): Promise<{ written: number; next: SloReporting | null }> {
  const reports = await env.db.owner(async (tx) => {
    // One state of the data for all of the statements.
    await tx.client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    return computeStep(tx, reporting);
  });
  if (reports === null) return { written: 0, next: null };
  const written = await env.db.owner((tx) => saveReports(tx, reports, env.clock.now()));
  if (written === null || reports.next.dueAtMs === null) return { written: 0, next: null };
  const isLeft = reports.next.dueAtMs <= closableUntil(reports);
  return { written, next: isLeft ? { ...reporting, position: reports.next } : null };
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

/** Null where nothing is to be written, not even how far the reports have come. */
async function computeStep(tx: Tx, reporting: SloReporting): Promise<SloReports | null> {
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
  const closing = REPORT_PERIODS.flatMap((period) => [
    ...periodsEndingIn(slo, period, closedMs, closedUntil(reporting, nextDueMs)),
  ]);
  // A row stands at the end of its minute: the first that changed may be the last of a period.
  const fromMs = Math.max(changedMs, beganMs) - 1;
  const changed =
    changedMs > closedMs
      ? []
      : REPORT_PERIODS.flatMap((period) => [...periodsEndingIn(slo, period, fromMs, closedMs)]);
  const tasks = [...(await correctable(tx, tasksOf(reporting, changed))), ...tasksOf(reporting, closing)];
  const rows = await computeReports(tx, tasks);
  return {
    ...reporting,
    rows: tasks.flatMap(({ window: { period } }, i) => {
      const row = rows[i] ?? null;
      return row === null ? [] : [{ period, row }];
    }),
    next: { dueAtMs: nextDueMs, version: slo.firstDataAtMs === null ? null : historyVersion },
  };
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
async function correctable(tx: Tx, tasks: readonly ReportTask[]): Promise<ReportTask[]> {
  const kept = await keptFrom(tx, tasks);
  return tasks.filter(({ window }, i) => {
    const keptMs = kept[i] ?? Number.NEGATIVE_INFINITY;
    return keptMs <= window.startMs || (window.period !== 'day' && keptMs < window.endMs);
  });
}
