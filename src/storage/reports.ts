import { and, asc, eq, gt, gte, inArray, lt, sql } from 'drizzle-orm';
import type { Slo } from '../slo/definition.ts';
import type { ReportPeriod, ReportRow } from '../slo/report.ts';
import type { Tx } from './client.ts';
import { inShards } from './in-shards.ts';
import { npSloReports, npSlos } from './schema.ts';
import { sloOf } from './slo-rows.ts';

/** A closed period as it is stored. */
export interface StoredReport {
  readonly sloId: string;
  readonly period: ReportPeriod;
  readonly row: ReportRow;
  readonly revision: number;
  readonly revisedAtMs: number | null;
}

/** How far the reports of an SLO have come. */
export interface ReportPosition {
  /** End of the first day of which no report is stored; null before the first. */
  readonly dueAtMs: number | null;
  /** The version of the history that they agree with; null while there was no data. */
  readonly version: number | null;
}

/** An SLO of which periods have closed, or perhaps changed. */
export interface SloReporting {
  readonly slo: Slo;
  readonly position: ReportPosition;
  readonly historyVersion: number;
}

/** Where a walk over the SLOs goes on. */
export interface ReportCursor {
  readonly accountId: string;
  readonly sloId: string;
}

/** A due day's start is at least so long before its end: the shortest day has 23 hours. */
const SHORTEST_DAY = `interval '23 hours'`;

/** Minutes of the marks: every second number. */
const MARKED_MINUTES = `
  SELECT min(m.n) FROM unnest(np_slos.history_marks) WITH ORDINALITY AS m(n, place) WHERE m.place % 2 = 0`;

/**
 * The next SLOs, by account and id, whose reports are not what they should be: a day has closed and its
 * snapshots are complete, or a change may have reached into closed days. Of the given virtual shards; null for all.
 */
export async function selectReportsDue(
  { orm }: Tx,
  after: ReportCursor | null,
  limit: number,
  shards: readonly number[] | null,
): Promise<SloReporting[]> {
  const rows = await orm
    .select()
    .from(npSlos)
    .where(
      and(
        after === null
          ? undefined
          : sql`(${npSlos.sourceAccountId}, ${npSlos.id}) > (${after.accountId}, ${after.sloId}::uuid)`,
        inShards(shards),
        sql`${npSlos.evaluatedAt} IS NOT NULL`,
        sql.raw(`(
          np_slos.report_due_at IS NULL
          OR np_slos.report_due_at <= LEAST(np_slos.evaluated_at, np_slos.snapshots_until)
          OR np_slos.first_data_at IS NOT NULL AND (
            np_slos.reported_version IS NULL
            OR np_slos.reported_version <> np_slos.history_version
              AND (${MARKED_MINUTES}) <= extract(epoch FROM np_slos.report_due_at - ${SHORTEST_DAY}) / 60
          )
        )`),
      ),
    )
    .orderBy(asc(npSlos.sourceAccountId), asc(npSlos.id))
    .limit(limit);
  return rows.map((row) => ({
    slo: sloOf(row),
    position: { dueAtMs: row.reportDueAt?.getTime() ?? null, version: row.reportedVersion },
    historyVersion: row.historyVersion,
  }));
}

/** How far the reports of the account's SLOs have come: the end of their first unreported day, by SLO. */
export async function selectReportDue({ client }: Tx, accountId: string): Promise<Map<string, number>> {
  const { rows } = await client.query<{ id: string; due: Date | null }>({
    name: 'report-due',
    text: `SELECT s.id, s.report_due_at AS due FROM np_slos s
           WHERE s.source_account_id = $1`,
    values: [accountId],
  });
  return new Map(rows.flatMap(({ id, due }) => (due === null ? [] : [[id, due.getTime()] as const])));
}

/**
 * The end of the earliest day with data that has no report, over all accounts; null where every SLO without one
 * has no data either.
 */
export async function selectUnreported({ client }: Tx): Promise<number | null> {
  const { rows } = await client.query<{ due: Date | null }>({
    name: 'unreported',
    text: `SELECT s.source_account_id, min(COALESCE(s.report_due_at, s.first_data_at)) AS due FROM np_slos s
           WHERE s.first_data_at IS NOT NULL GROUP BY s.source_account_id`,
  });
  const instants = rows.flatMap(({ due }) => (due === null ? [] : [due.getTime()]));
  return instants.length === 0 ? null : Math.min(...instants);
}

/** The stored reports of the account's SLOs whose periods overlap `[fromMs, toMs)`, ascending by their start. */
export async function selectReports(
  { orm }: Tx,
  accountId: string,
  {
    sloIds,
    period,
    fromMs,
    toMs,
    limit,
  }: {
    readonly sloIds: readonly string[];
    readonly period: ReportPeriod;
    readonly fromMs: number;
    readonly toMs: number;
    readonly limit: number;
  },
): Promise<StoredReport[]> {
  if (sloIds.length === 0) return [];
  const rows = await orm
    .select()
    .from(npSloReports)
    .where(
      and(
        eq(npSloReports.sourceAccountId, accountId),
        eq(npSloReports.period, period),
        inArray(npSloReports.sloId, [...sloIds]),
        gt(npSloReports.endsAt, new Date(fromMs)),
        lt(npSloReports.startsAt, new Date(toMs)),
      ),
    )
    .orderBy(asc(npSloReports.startsAt), asc(npSloReports.objective))
    .limit(limit);
  return rows.map(storedOf);
}

/** The stored days of the account's SLOs that begin in `[fromMs, toMs)`. */
export async function selectDayReports(
  { orm }: Tx,
  accountId: string,
  {
    sloIds,
    fromMs,
    toMs,
  }: { readonly sloIds: readonly string[]; readonly fromMs: number; readonly toMs: number },
): Promise<StoredReport[]> {
  const rows = await orm
    .select()
    .from(npSloReports)
    .where(
      and(
        eq(npSloReports.sourceAccountId, accountId),
        eq(npSloReports.period, 'day'),
        inArray(npSloReports.sloId, [...sloIds]),
        gte(npSloReports.startsAt, new Date(fromMs)),
        lt(npSloReports.startsAt, new Date(toMs)),
      ),
    );
  return rows.map(storedOf);
}

export const storedOf = (row: typeof npSloReports.$inferSelect): StoredReport => ({
  sloId: row.sloId,
  period: row.period,
  row: {
    objective: row.objective,
    startMs: row.startsAt.getTime(),
    endMs: row.endsAt.getTime(),
    open: false,
    target: row.target,
    reliability: row.reliability,
    met: row.met,
    good: row.good,
    total: row.total,
    bad: row.bad,
    budgetUsed: row.budgetUsed,
    minutesObserved: row.minutesObserved,
    minutesBad: row.minutesBad,
    longestBadRun: row.longestBadMinutes,
    alertsFired: row.alertsFired,
  },
  revision: row.revision,
  revisedAtMs: row.revisedAt?.getTime() ?? null,
});
