import type { ReportRow } from './report.ts';

/** What good, total and bad of a report count. */
export type ReportUnit = 'events' | 'minutes' | 'shares';

/** By what reports are summed up: the project, the service, or the value of a label. */
export type ReportGrouping =
  | { readonly by: 'project' }
  | { readonly by: 'service' }
  | { readonly by: 'label'; readonly label: string };

/** A report with what it can be grouped by. */
export interface GroupableReport extends Omit<ReportRow, 'longestBadRun'> {
  readonly project: string;
  readonly slo: string;
  readonly service: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly unit: ReportUnit;
}

/** The objectives of a group over one period, those that count the same. */
export interface ReportGroup<R extends GroupableReport = GroupableReport> {
  /** The project, the service or the label's value; null for SLOs without the label. */
  readonly group: string | null;
  /** `[startMs, endMs)`. */
  readonly startMs: number;
  readonly endMs: number;
  readonly open: boolean;
  readonly unit: ReportUnit;
  readonly objectives: number;
  readonly objectivesMet: number;
  readonly objectivesMissed: number;
  /** Sums over the objectives with data; null where none has any. */
  readonly good: number | null;
  readonly total: number | null;
  readonly bad: number | null;
  /** good / total, so that each objective weighs as much as it counted; null without data, and for a total of 0. */
  readonly reliability: number | null;
  /** The report that used the largest share of its budget; null where none has data. */
  readonly worst: R | null;
}

function groupOf(report: GroupableReport, grouping: ReportGrouping): string | null {
  switch (grouping.by) {
    case 'project':
      return report.project;
    case 'service':
      return report.service;
    case 'label':
      return Object.hasOwn(report.labels, grouping.label) ? (report.labels[grouping.label] ?? null) : null;
  }
}

const sumOf = (values: readonly (number | null)[]): number | null => {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
};

function summedUp<R extends GroupableReport>(
  group: string | null,
  reports: readonly [R, ...R[]],
): ReportGroup<R> {
  const [{ startMs, endMs, open, unit }] = reports;
  const good = sumOf(reports.map((report) => report.good));
  const total = sumOf(reports.map((report) => report.total));
  let worst: R | null = null;
  for (const report of reports) {
    if (report.budgetUsed !== null && report.budgetUsed > (worst?.budgetUsed ?? Number.NEGATIVE_INFINITY)) {
      worst = report;
    }
  }
  return {
    group,
    startMs,
    endMs,
    open,
    unit,
    objectives: reports.length,
    objectivesMet: reports.filter(({ met }) => met === true).length,
    objectivesMissed: reports.filter(({ met }) => met === false).length,
    good,
    total,
    bad: sumOf(reports.map((report) => report.bad)),
    reliability: good === null || total === null || total === 0 ? null : good / total,
    worst,
  };
}

/**
 * The reports summed up by group and period, by group and then by start; SLOs without the label come last. Events
 * and minutes are never added up: a group that has both has a row for each. So has one whose zones differ, since
 * their periods do.
 */
export function groupReports<R extends GroupableReport>(
  reports: readonly R[],
  grouping: ReportGrouping,
): ReportGroup<R>[] {
  const groups = new Map<string, { readonly group: string | null; readonly reports: [R, ...R[]] }>();
  for (const report of reports) {
    const group = groupOf(report, grouping);
    const key = JSON.stringify([group, report.startMs, report.endMs, report.open, report.unit]);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { group, reports: [report] });
    else known.reports.push(report);
  }
  return [...groups.values()]
    .map((one) => summedUp(one.group, one.reports))
    .sort(
      (a, b) =>
        Number(a.group === null) - Number(b.group === null) ||
        compare(a.group ?? '', b.group ?? '') ||
        a.startMs - b.startMs ||
        compare(a.unit, b.unit),
    );
}

const compare = (a: string, b: string): number => Number(a > b) - Number(a < b);
