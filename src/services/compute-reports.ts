import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { Slo } from '../slo/definition.ts';
import { statusInstants } from '../slo/instants.ts';
import {
  type MinuteFigures,
  minuteFigures,
  type ReportMinute,
  type ReportRow,
  reportRow,
} from '../slo/report.ts';
import { joinFigures } from '../slo/report-figures.ts';
import { type PeriodWindow, reportPeriodAt } from '../slo/report-periods.ts';
import { revisionAt, ruleAt } from '../slo/revision.ts';
import { windowInstant } from '../slo/rule.ts';
import type { ObjectiveRule, Sums, SumsBetween } from '../slo/status.ts';
import { objectiveStatus } from '../slo/status.ts';
import type { Tx } from '../storage/client.ts';
import { selectDayReports } from '../storage/reports.ts';
import { loadFirstRows, loadMinutes, type SeriesKey } from '../storage/series-columns.ts';
import { loadTotals } from '../storage/series-totals.ts';
import { straddleIn, straddleOptions } from './series-plan.ts';

/** One row to compute: an objective over a period. */
export interface ReportTask {
  readonly slo: Slo;
  readonly key: SeriesKey;
  readonly rule: ObjectiveRule;
  readonly window: PeriodWindow;
  /** The period's end, or the last complete minute of one that is under way. */
  readonly atMs: number;
  readonly open: boolean;
}

/** The rows of an SLO's period: one for each objective that was there in its last minute so far. */
export function reportTasks(slo: Slo, window: PeriodWindow, nowMs: number): ReportTask[] {
  const open = window.endMs > nowMs;
  const atMs = open ? floorTo(nowMs, MINUTE_MS) : window.endMs;
  // What was in force in the period's last minute: at its very end the next one begins.
  return revisionAt(slo.revisions, atMs - 1).objectives.flatMap(({ name }) => {
    const rule = ruleAt(slo, name, atMs - 1);
    const key = { accountId: slo.accountId, sloId: slo.id, objective: name };
    return rule === null ? [] : [{ slo, key, rule, window, atMs, open }];
  });
}

/** What of a period its stored days tell, since the minutes before `fromMs` are gone. */
interface Before {
  readonly fromMs: number;
  readonly sums: Sums;
  readonly figures: MinuteFigures;
}

/**
 * From where on the series' minutes are whole; -Infinity where none has gone yet. Days before it have to be
 * taken from their reports.
 */
export async function keptFrom(tx: Tx, tasks: readonly Pick<ReportTask, 'slo' | 'key'>[]): Promise<number[]> {
  const first = await loadFirstRows(
    tx,
    tasks.map(({ key }) => key),
  );
  return tasks.map(({ slo }, i) => {
    if (slo.firstDataAtMs === null) return Number.NEGATIVE_INFINITY;
    const firstRowMs = first[i]?.at[0];
    if (firstRowMs === undefined) return Number.POSITIVE_INFINITY;
    return firstRowMs <= slo.firstDataAtMs + MINUTE_MS ? Number.NEGATIVE_INFINITY : firstRowMs;
  });
}

async function loadBefore(
  tx: Tx,
  { slo, key, rule, window, atMs }: ReportTask,
  keptMs: number,
): Promise<Before | null> {
  if (keptMs <= window.startMs) return null;
  const day = reportPeriodAt(slo, 'day', Math.min(keptMs, atMs));
  const fromMs = Math.min(day.startMs >= keptMs ? day.startMs : day.endMs, atMs);
  const days = await selectDayReports(tx, key, window.startMs, fromMs);
  if (days.length === 0) return null;
  // What a report counts, as the running totals count it.
  const unitOf = ({ total, minutesObserved }: ReportRow): number => {
    if (rule.budgetingMethod === 'timeslices') return MINUTE_MS / rule.sliceMs;
    return rule.isComposite === true && total !== null ? minutesObserved / total : 1;
  };
  return {
    fromMs,
    sums: {
      good: days.reduce((sum, { row }) => sum + (row.good ?? 0) * unitOf(row), 0),
      total: days.reduce((sum, { row }) => sum + (row.total ?? 0) * unitOf(row), 0),
    },
    figures: joinFigures(days.map(({ row }) => row)),
  };
}

/** One by one, so that no more than a period's minutes are in memory at a time. */
async function loadFigures(
  tx: Tx,
  { key, rule, window, atMs }: ReportTask,
  before: Before | null,
): Promise<MinuteFigures> {
  const fromMs = before?.fromMs ?? window.startMs;
  const [rows] = await loadMinutes(tx, [key], [{ series: 0, fromMs: fromMs + MINUTE_MS, toMs: atMs }]);
  const minutes: ReportMinute[] = [];
  for (let i = 0; i < (rows?.at.length ?? 0); i += 1) {
    const total = rows?.usedTotal[i] ?? Number.NaN;
    if (Number.isNaN(total)) continue;
    minutes.push({ minuteMs: (rows?.at[i] ?? 0) - MINUTE_MS, good: rows?.usedGood[i] ?? 0, total });
  }
  const figures = minuteFigures(rule, fromMs, atMs, minutes);
  return before === null ? figures : joinFigures([before.figures, figures]);
}

/** Where the sums of the rest begin: the slice that straddles it belongs to the rest. */
const restInstant = (rule: ObjectiveRule, fromMs: number): number =>
  rule.budgetingMethod === 'occurrences' ? fromMs : floorTo(fromMs, rule.sliceMs);

/** The sums as they would be if the minutes before were still there. */
function withBefore(task: ReportTask, before: Before | null, between: SumsBetween): SumsBetween {
  if (before === null) return between;
  const startMs = windowInstant(task.rule, task.window);
  const restMs = restInstant(task.rule, before.fromMs);
  return (fromMs, toMs) => {
    if (fromMs !== startMs) return between(fromMs, toMs);
    const rest = restMs < toMs ? between(restMs, toMs) : { good: 0, total: 0 };
    return { good: before.sums.good + rest.good, total: before.sums.total + rest.total };
  };
}

/** The reports, in the order of the tasks; null for a closed period before the SLO's creation without data. */
export async function computeReports(tx: Tx, tasks: readonly ReportTask[]): Promise<(ReportRow | null)[]> {
  const kept = await keptFrom(tx, tasks);
  const befores: (Before | null)[] = [];
  for (const [i, task] of tasks.entries()) {
    befores.push(await loadBefore(tx, task, kept[i] ?? Number.NEGATIVE_INFINITY));
  }
  const loaded = await loadTotals(
    tx,
    tasks.map(({ key, rule, window, atMs }, i) => {
      const before = befores[i];
      const instants = statusInstants(rule, atMs, window);
      const rest = before === null || before === undefined ? [] : [restInstant(rule, before.fromMs)];
      return {
        key,
        instants: [...new Set([...instants, ...rest])].sort((a, b) => a - b),
        minutes: before === null ? straddleIn(rule, window) : null,
      };
    }),
  );
  const rows: (ReportRow | null)[] = [];
  for (const [i, task] of tasks.entries()) {
    const { slo, rule, window, atMs, open } = task;
    const sums = loaded[i];
    const before = befores[i] ?? null;
    if (sums === undefined) throw new RangeError('a report has no totals');
    const straddle = straddleOptions(slo, rule, window, sums.minutes);
    const between = withBefore(task, before, sums.totals.between);
    const status = objectiveStatus(rule, atMs, between, { window, ...straddle });
    const isBeforeAll = status.reliability === null && !open && slo.createdAtMs >= window.endMs;
    rows.push(isBeforeAll ? null : reportRow(status, await loadFigures(tx, task, before), null, open));
  }
  return rows;
}
