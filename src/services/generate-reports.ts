import { z } from 'zod';
import { ServiceError } from '../lib/errors.ts';
import { parseOrThrow } from '../lib/validation.ts';
import type { Slo } from '../slo/definition.ts';
import { projectFilterSchema } from '../slo/definition-fields.ts';
import type { ReportPeriod, ReportRow } from '../slo/report.ts';
import type { GroupableReport, ReportUnit } from '../slo/report-groups.ts';
import { reportPeriodAt } from '../slo/report-periods.ts';
import type { Tx } from '../storage/client.ts';
import { inOne } from '../storage/in-pieces.ts';
import { selectReportDue, selectReports } from '../storage/reports.ts';
import { selectAllSlos } from '../storage/slos.ts';
import { slosByReference } from '../storage/slos-by-reference.ts';
import { computeReports, type ReportTask, reportTasks } from './compute-reports.ts';
import type { ServiceContext } from './context.ts';

export interface GenerateReportsInput {
  /** `month` by default. */
  readonly period?: ReportPeriod | undefined;
  /** Every period that overlaps `[fromMs, toMs)`. By default the one under way and the one before. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  readonly project?: string | undefined;
  readonly service?: string | undefined;
  /** A UUID or `project.name`. */
  readonly sloId?: string | undefined;
}

/** How one objective did over one period, in the SLO's time zone. */
export interface Report extends GroupableReport {
  readonly sloId: string;
  readonly period: ReportPeriod;
  readonly longestBadMinutes: number;
  readonly revision: number;
  readonly revisedAtMs: number | null;
}

const MESSAGE = 'The report cannot be made.';

/** What the types do not say of an input. */
const filterSchema = z.object({ project: projectFilterSchema });

/** Rows that one request may ask for. */
const MAX_REPORTS = 10_000;

const tooMany = (): ServiceError =>
  new ServiceError('invalid', 'The report is too long.', {
    details: [{ path: 'from', message: `asks for more than ${MAX_REPORTS} rows` }],
  });

/** `[fromMs, toMs)` of what is asked, in the SLO's own periods. */
function rangeOf(slo: Slo, input: GenerateReportsInput, nowMs: number): { fromMs: number; toMs: number } {
  const period = input.period ?? 'month';
  const current = reportPeriodAt(slo, period, nowMs);
  return {
    fromMs: input.fromMs ?? reportPeriodAt(slo, period, current.startMs - 1).startMs,
    toMs: Math.min(input.toMs ?? current.endMs, current.endMs),
  };
}

/** The rows of periods that end after `storedUntilMs`, of which none is stored yet. */
function unstored(
  slos: readonly Slo[],
  input: GenerateReportsInput,
  nowMs: number,
  storedUntil: (slo: Slo) => number,
): ReportTask[] {
  const period = input.period ?? 'month';
  const tasks: ReportTask[] = [];
  for (const slo of slos) {
    const { fromMs, toMs } = rangeOf(slo, input, nowMs);
    for (
      let window = reportPeriodAt(slo, period, Math.max(fromMs, storedUntil(slo)));
      window.startMs < toMs;
      window = reportPeriodAt(slo, period, window.endMs)
    ) {
      tasks.push(...reportTasks(slo, window, nowMs));
      if (tasks.length > MAX_REPORTS) throw tooMany();
    }
  }
  return tasks;
}

function unitOf({ budgetingMethod, sli }: Slo): ReportUnit {
  if (budgetingMethod === 'timeslices') return 'minutes';
  return sli.type === 'composite' ? 'shares' : 'events';
}

function reportOf(
  slo: Slo,
  period: ReportPeriod,
  { longestBadRun, ...figures }: ReportRow,
  revision = 1,
  revisedAtMs: number | null = null,
): Report {
  return {
    sloId: slo.id,
    project: slo.project,
    slo: slo.name,
    service: slo.service,
    labels: slo.labels,
    unit: unitOf(slo),
    period,
    longestBadMinutes: longestBadRun,
    revision,
    revisedAtMs,
    ...figures,
  };
}

/** The rows of closed periods as they were stored. */
async function readStored(
  tx: Tx,
  slos: readonly Slo[],
  input: GenerateReportsInput,
  nowMs: number,
  storedUntil: (slo: Slo) => number,
): Promise<Report[]> {
  const [first] = slos;
  if (first === undefined) return [];
  const period = input.period ?? 'month';
  const ranges = new Map(slos.map((slo) => [slo.id, { slo, ...rangeOf(slo, input, nowMs) }]));
  const stored = await selectReports(tx, first.accountId, {
    sloIds: [...ranges.keys()],
    period,
    fromMs: Math.min(...[...ranges.values()].map(({ fromMs }) => fromMs)),
    toMs: Math.max(...[...ranges.values()].map(({ toMs }) => toMs)),
    limit: MAX_REPORTS + 1,
  });
  if (stored.length > MAX_REPORTS) throw tooMany();
  return stored.flatMap(({ sloId, row, revision, revisedAtMs }) => {
    const range = ranges.get(sloId);
    if (range === undefined) return [];
    const { slo, fromMs, toMs } = range;
    const isAsked = row.endMs > fromMs && row.startMs < toMs && row.endMs <= storedUntil(slo);
    return isAsked ? [reportOf(slo, period, row, revision, revisedAtMs)] : [];
  });
}

async function collect(
  tx: Tx,
  slos: readonly Slo[],
  input: GenerateReportsInput,
  nowMs: number,
): Promise<Report[]> {
  const accountId = slos[0]?.accountId;
  if (accountId === undefined) return [];
  const period = input.period ?? 'month';
  const due = await selectReportDue(tx, accountId);
  const storedUntil = (slo: Slo): number => {
    const dueAtMs = due.get(slo.id);
    return dueAtMs === undefined ? Number.NEGATIVE_INFINITY : reportPeriodAt(slo, 'day', dueAtMs - 1).startMs;
  };
  const tasks = unstored(slos, input, nowMs, storedUntil);
  const bySlo = new Map<string, Report[]>(slos.map(({ id }) => [id, []]));
  for (const report of await readStored(tx, slos, input, nowMs, storedUntil)) {
    bySlo.get(report.sloId)?.push(report);
  }
  const rows = await computeReports(inOne(tx), tasks);
  for (const [i, { slo }] of tasks.entries()) {
    const row = rows[i] ?? null;
    if (row !== null) bySlo.get(slo.id)?.push(reportOf(slo, period, row));
  }
  const reports = [...bySlo.values()].flat();
  if (reports.length > MAX_REPORTS) throw tooMany();
  return reports;
}

/**
 * How the objectives of the account's SLOs did over calendar periods, by SLO, period and objective. A closed
 * period before the SLO's creation is left out where it has no data. `not_found` for an unknown SLO, `invalid` for a
 * project that cannot be and for a range that is empty or too long.
 */
export async function generateReports({
  ctx,
  input,
}: {
  ctx: ServiceContext;
  input: GenerateReportsInput;
}): Promise<Report[]> {
  const { fromMs, toMs, service, sloId } = input;
  const { project } = parseOrThrow(filterSchema, input, MESSAGE);
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs) {
    throw new ServiceError('invalid', MESSAGE, {
      details: [{ path: 'from', message: 'must be before to' }],
    });
  }
  const nowMs = ctx.clock.now();
  const { accountId } = ctx.actor;
  return ctx.db.tenant(accountId, async (tx) => {
    let ids: string[] | undefined;
    if (sloId !== undefined) {
      const [slo] = await slosByReference(tx, accountId, [sloId]);
      if (slo === null || slo === undefined) throw new ServiceError('not_found', 'There is no such SLO.');
      ids = [slo.id];
    }
    const slos = await selectAllSlos(tx, accountId, { project, service, ids });
    return collect(tx, slos, input, nowMs);
  });
}
