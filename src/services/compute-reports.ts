import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import { groupBy } from '../lib/group-by.ts';
import { alertsFired } from '../slo/alerts-fired.ts';
import type { Slo } from '../slo/definition.ts';
import { statusInstants } from '../slo/instants.ts';
import { FigureWalk, type MinuteFigures, suspectBelow } from '../slo/minute-figures.ts';
import { type ReportRow, reportRow } from '../slo/report.ts';
import { joinFigures } from '../slo/report-figures.ts';
import { type PeriodWindow, reportPeriodAt } from '../slo/report-periods.ts';
import { revisionAt, ruleAt } from '../slo/revision.ts';
import { windowInstant } from '../slo/rule.ts';
import type { ObjectiveRule, Sums, SumsBetween } from '../slo/status.ts';
import { objectiveStatus } from '../slo/status.ts';
import type { Tx } from '../storage/client.ts';
import type { InPieces } from '../storage/in-pieces.ts';
import { selectDayReports } from '../storage/reports.ts';
import { loadFirstRows, type SeriesKey } from '../storage/series-columns.ts';
import { loadTotals } from '../storage/series-totals.ts';
import { walkUsedMinutes } from '../storage/used-minutes.ts';
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

/** SLOs whose stored days are in memory at a time. */
const SLOS_AT_A_TIME = 100;
/** Tasks whose first rows are looked up at a time. */
const LOOK_UPS_AT_A_TIME = 2000;
/** Reports that are made at a time. */
const REPORTS_AT_A_TIME = 250;

/**
 * From where on the series' minutes are whole; -Infinity where none has gone yet. Days before it have to be
 * taken from their reports.
 */
export async function keptFrom(inPieces: InPieces, tasks: readonly SeriesOfSlo[]): Promise<number[]> {
  const kept: number[] = [];
  for (let from = 0; from < tasks.length; from += LOOK_UPS_AT_A_TIME) {
    const some = tasks.slice(from, from + LOOK_UPS_AT_A_TIME);
    kept.push(...(await inPieces((tx) => keptOf(tx, some))));
  }
  return kept;
}

type SeriesOfSlo = Pick<ReportTask, 'slo' | 'key'>;

async function keptOf(tx: Tx, tasks: readonly SeriesOfSlo[]): Promise<number[]> {
  const seriesOf = ({ key }: SeriesOfSlo): string => `${key.sloId} ${key.objective}`;
  const keys = new Map(tasks.map((task) => [seriesOf(task), task.key]));
  const loaded = await loadFirstRows(tx, [...keys.values()]);
  const first = new Map([...keys.keys()].map((series, i) => [series, loaded[i]?.at[0]]));
  return tasks.map((task) => {
    if (task.slo.firstDataAtMs === null) return Number.NEGATIVE_INFINITY;
    const firstRowMs = first.get(seriesOf(task));
    if (firstRowMs === undefined) return Number.POSITIVE_INFINITY;
    return firstRowMs <= task.slo.firstDataAtMs + MINUTE_MS ? Number.NEGATIVE_INFINITY : firstRowMs;
  });
}

/** Until when a task's days are to be taken from their reports; null for one whose minutes are all there. */
function goneUntil({ slo, window, atMs }: ReportTask, keptMs: number): number | null {
  if (keptMs <= window.startMs) return null;
  const day = reportPeriodAt(slo, 'day', Math.min(keptMs, atMs));
  return Math.min(day.startMs >= keptMs ? day.startMs : day.endMs, atMs);
}

function beforeOf(rule: ObjectiveRule, fromMs: number, days: readonly ReportRow[]): Before {
  // What a report counts, as the running totals count it.
  const unitOf = ({ total, minutesObserved }: ReportRow): number => {
    if (rule.budgetingMethod === 'timeslices') return MINUTE_MS / rule.sliceMs;
    return rule.isComposite === true && total !== null ? minutesObserved / total : 1;
  };
  return {
    fromMs,
    sums: {
      good: days.reduce((sum, row) => sum + (row.good ?? 0) * unitOf(row), 0),
      total: days.reduce((sum, row) => sum + (row.total ?? 0) * unitOf(row), 0),
    },
    figures: joinFigures(days),
  };
}

/** One for each task, in their order. */
async function loadBefores(inPieces: InPieces, tasks: readonly ReportTask[]): Promise<(Before | null)[]> {
  const kept = await keptFrom(inPieces, tasks);
  const befores: (Before | null)[] = tasks.map(() => null);
  const gone = tasks.flatMap((task, i) => {
    const untilMs = goneUntil(task, kept[i] ?? Number.NEGATIVE_INFINITY);
    return untilMs === null ? [] : [{ task, i, untilMs }];
  });
  for (const ofAccount of groupBy(gone, ({ task }) => task.key.accountId).values()) {
    const sloIds = [...new Set(ofAccount.map(({ task }) => task.key.sloId))];
    for (let from = 0; from < sloIds.length; from += SLOS_AT_A_TIME) {
      const some = new Set(sloIds.slice(from, from + SLOS_AT_A_TIME));
      const asked = ofAccount.filter(({ task }) => some.has(task.key.sloId));
      const wanted = {
        sloIds: [...some],
        fromMs: Math.min(...asked.map(({ task }) => task.window.startMs)),
        toMs: Math.max(...asked.map(({ untilMs }) => untilMs)),
      };
      const accountId = asked[0]?.task.key.accountId ?? '';
      const stored = await inPieces((tx) => selectDayReports(tx, accountId, wanted));
      const bySeries = groupBy(stored, ({ sloId, row }) => `${sloId} ${row.objective}`);
      for (const { task, i, untilMs } of asked) {
        const days = (bySeries.get(`${task.key.sloId} ${task.key.objective}`) ?? [])
          .map(({ row }) => row)
          .filter(({ startMs }) => startMs >= task.window.startMs && startMs < untilMs);
        if (days.length > 0) befores[i] = beforeOf(task.rule, untilMs, days);
      }
    }
  }
  return befores;
}

/** One for each task, in their order. */
async function loadFigures(
  inPieces: InPieces,
  tasks: readonly ReportTask[],
  befores: readonly (Before | null)[],
): Promise<MinuteFigures[]> {
  const fromOf = (n: number, { window }: ReportTask): number => befores[n]?.fromMs ?? window.startMs;
  const walks = tasks.map((task, n) => new FigureWalk(task.rule, fromOf(n, task), task.atMs));
  await walkUsedMinutes(
    inPieces,
    tasks.map((task, n) => ({
      key: task.key,
      fromMs: fromOf(n, task) + MINUTE_MS,
      toMs: task.atMs,
      tellBelow: suspectBelow(task.rule),
    })),
    {
      counted: (n, minutes) => walks[n]?.count(minutes),
      told: (n, at, good, total) => walks[n]?.add(at - MINUTE_MS, good, total),
    },
  );
  return walks.map((walk, n) => {
    const before = befores[n] ?? null;
    return before === null ? walk.figures() : joinFigures([before.figures, walk.figures()]);
  });
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

/**
 * The reports, in the order of the tasks; null for a closed period before the SLO's creation without data. In
 * short pieces and in bounded memory, however many there are.
 */
export async function computeReports(
  inPieces: InPieces,
  tasks: readonly ReportTask[],
): Promise<(ReportRow | null)[]> {
  const befores = await loadBefores(inPieces, tasks);
  const figures = await loadFigures(inPieces, tasks, befores);
  const rows: (ReportRow | null)[] = tasks.map(() => null);
  for (const some of atATime(tasks)) {
    const parts = some.flatMap((i): Part[] => {
      const [task, minutes] = [tasks[i], figures[i]];
      return task === undefined || minutes === undefined
        ? []
        : [{ i, task, minutes, before: befores[i] ?? null }];
    });
    const made = await inPieces((tx) => makeRows(tx, parts));
    parts.forEach(({ i }, n) => {
      rows[i] = made[n] ?? null;
    });
  }
  return rows;
}

/** What is known of a task before its sums are. */
interface Part {
  /** The number of the task. */
  readonly i: number;
  readonly task: ReportTask;
  readonly before: Before | null;
  readonly minutes: MinuteFigures;
}

/** The numbers of the tasks, a few at a time; those of one period together, since they share what they look up. */
function* atATime(tasks: readonly ReportTask[]): Generator<number[]> {
  const startOf = (i: number): number => tasks[i]?.window.startMs ?? 0;
  const endOf = (i: number): number => tasks[i]?.window.endMs ?? 0;
  const ordered = [...tasks.keys()].sort((a, b) => startOf(a) - startOf(b) || endOf(a) - endOf(b));
  for (let from = 0; from < ordered.length; from += REPORTS_AT_A_TIME) {
    yield ordered.slice(from, from + REPORTS_AT_A_TIME);
  }
}

async function makeRows(tx: Tx, parts: readonly Part[]): Promise<(ReportRow | null)[]> {
  const loaded = await loadTotals(
    tx,
    parts.map(({ task: { key, rule, window, atMs }, before }) => {
      const instants = statusInstants(rule, atMs, window);
      const rest = before === null ? [] : [restInstant(rule, before.fromMs)];
      return {
        key,
        instants: [...new Set([...instants, ...rest])].sort((a, b) => a - b),
        minutes: before === null ? straddleIn(rule, window) : null,
      };
    }),
  );
  return parts.map(({ task, before, minutes }, n) => {
    const { slo, rule, window, atMs, open } = task;
    const sums = loaded[n];
    if (sums === undefined) throw new RangeError('a report has no totals');
    const straddle = straddleOptions(slo, rule, window, sums.minutes);
    const between = withBefore(task, before, (fromMs, toMs) => sums.totals.between(fromMs, toMs));
    const status = objectiveStatus(rule, atMs, between, { window, ...straddle });
    const fired = alertsFired(slo, rule.objective.name, window.startMs, atMs);
    const isBeforeAll = status.reliability === null && !open && slo.createdAtMs >= window.endMs;
    return isBeforeAll ? null : reportRow(status, minutes, fired, open);
  });
}
