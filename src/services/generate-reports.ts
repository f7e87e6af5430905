import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import { ServiceError } from '../lib/errors.ts';
import type { Slo } from '../slo/definition.ts';
import { statusInstants } from '../slo/instants.ts';
import {
  type MinuteFigures,
  minuteFigures,
  type ReportMinute,
  type ReportPeriod,
  type ReportRow,
  reportRow,
} from '../slo/report.ts';
import { ruleAt } from '../slo/revision.ts';
import type { ObjectiveRule } from '../slo/rule.ts';
import { objectiveStatus } from '../slo/status.ts';
import { periodAt, type ResolvedWindow, reportTimeZone } from '../slo/window.ts';
import type { Tx } from '../storage/client.ts';
import { loadMinutes, type SeriesKey } from '../storage/series-columns.ts';
import { loadTotals } from '../storage/series-totals.ts';
import { selectAllSlos, slosByReference } from '../storage/slos.ts';
import type { ServiceContext } from './context.ts';
import { straddleIn, straddleOptions } from './series-plan.ts';

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
export interface Report extends Omit<ReportRow, 'longestBadRun'> {
  readonly sloId: string;
  readonly project: string;
  readonly slo: string;
  readonly service: string;
  readonly period: ReportPeriod;
  readonly longestBadMinutes: number;
  readonly revision: number;
  readonly revisedAtMs: number | null;
}

/** Rows that one request may ask for. */
const MAX_REPORTS = 10_000;

interface Asked {
  readonly slo: Slo;
  readonly key: SeriesKey;
  readonly rule: ObjectiveRule;
  readonly window: ResolvedWindow;
  /** The period's end, or the last complete minute of one that is under way. */
  readonly atMs: number;
  readonly open: boolean;
}

function periodsOf(
  slo: Slo,
  period: ReportPeriod,
  input: GenerateReportsInput,
  nowMs: number,
): ResolvedWindow[] {
  const zone = reportTimeZone(slo.timeWindow);
  const current = periodAt(period, zone, nowMs);
  const fromMs = input.fromMs ?? periodAt(period, zone, current.startMs - 1).startMs;
  const toMs = Math.min(input.toMs ?? current.endMs, current.endMs);
  const periods: ResolvedWindow[] = [];
  for (
    let next = periodAt(period, zone, fromMs);
    next.startMs < toMs;
    next = periodAt(period, zone, next.endMs)
  ) {
    const { startMs, endMs } = next;
    periods.push({ startMs, endMs, lengthMs: endMs - startMs, rolling: false });
    if (periods.length > MAX_REPORTS) throw tooMany();
  }
  return periods;
}

const tooMany = (): ServiceError =>
  new ServiceError('invalid', 'The report is too long.', {
    details: [{ path: 'from', message: `asks for more than ${MAX_REPORTS} rows` }],
  });

function asked(slos: readonly Slo[], input: GenerateReportsInput, nowMs: number): Asked[] {
  const period = input.period ?? 'month';
  const rows: Asked[] = [];
  for (const slo of slos) {
    for (const window of periodsOf(slo, period, input, nowMs)) {
      const open = window.endMs > nowMs;
      const atMs = open ? floorTo(nowMs, MINUTE_MS) : window.endMs;
      for (const { name } of slo.objectives) {
        // What was in force in the period's last minute: at its very end the next one begins.
        const rule = ruleAt(slo, name, atMs - 1);
        if (rule === null) continue;
        rows.push({
          slo,
          key: { accountId: slo.accountId, sloId: slo.id, objective: name },
          rule,
          window,
          atMs,
          open,
        });
        if (rows.length > MAX_REPORTS) throw tooMany();
      }
    }
  }
  return rows;
}

/** One by one, so that no more than a period's minutes are in memory at a time. */
async function loadFigures(tx: Tx, { key, rule, window, atMs }: Asked): Promise<MinuteFigures> {
  const [rows] = await loadMinutes(
    tx,
    [key],
    [{ series: 0, fromMs: window.startMs + MINUTE_MS, toMs: atMs }],
  );
  const minutes: ReportMinute[] = [];
  for (let i = 0; i < (rows?.at.length ?? 0); i += 1) {
    const total = rows?.usedTotal[i] ?? Number.NaN;
    if (Number.isNaN(total)) continue;
    minutes.push({ minuteMs: (rows?.at[i] ?? 0) - MINUTE_MS, good: rows?.usedGood[i] ?? 0, total });
  }
  return minuteFigures(rule, window.startMs, atMs, minutes);
}

async function compute(tx: Tx, rows: readonly Asked[], period: ReportPeriod): Promise<Report[]> {
  const loaded = await loadTotals(
    tx,
    rows.map(({ key, rule, window, atMs }) => ({
      key,
      instants: statusInstants(rule, atMs, window),
      minutes: straddleIn(rule, window),
    })),
  );
  const reports: Report[] = [];
  for (const [i, row] of rows.entries()) {
    const { slo, rule, window, atMs, open } = row;
    const sums = loaded[i];
    if (sums === undefined) continue;
    const straddle = straddleOptions(slo, rule, window, sums.minutes);
    const status = objectiveStatus(rule, atMs, sums.totals.between, { window, ...straddle });
    if (status.reliability === null && !open && slo.createdAtMs >= window.endMs) continue;
    const { longestBadRun, ...figures } = reportRow(status, await loadFigures(tx, row), null, open);
    reports.push({
      sloId: slo.id,
      project: slo.project,
      slo: slo.name,
      service: slo.service,
      period,
      longestBadMinutes: longestBadRun,
      revision: 1,
      revisedAtMs: null,
      ...figures,
    });
  }
  return reports;
}

/**
 * How the objectives of the account's SLOs did over calendar periods, by SLO, period and objective. A closed
 * period before the SLO's creation is left out where it has no data. `not_found` for an unknown SLO.
 */
export async function generateReports({
  ctx,
  input,
}: {
  ctx: ServiceContext;
  input: GenerateReportsInput;
}): Promise<Report[]> {
  const { period = 'month', fromMs, toMs, project, service, sloId } = input;
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs) {
    throw new ServiceError('invalid', 'The report cannot be made.', {
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
    return compute(tx, asked(slos, input, nowMs), period);
  });
}
