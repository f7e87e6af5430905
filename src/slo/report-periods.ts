import type { Slo } from './definition.ts';
import type { ReportPeriod } from './report.ts';
import { periodAt, type ResolvedWindow, reportTimeZone } from './window.ts';

export const REPORT_PERIODS: readonly ReportPeriod[] = ['day', 'week', 'month', 'quarter', 'year'];

/** A period of a report, as the window of its status. */
export interface PeriodWindow extends ResolvedWindow {
  readonly period: ReportPeriod;
}

/** The period that holds `tMs`, in the zone of the SLO's reports. */
export function reportPeriodAt(
  slo: Pick<Slo, 'timeWindow'>,
  period: ReportPeriod,
  tMs: number,
): PeriodWindow {
  const { startMs, endMs } = periodAt(period, reportTimeZone(slo.timeWindow), tMs);
  return { period, startMs, endMs, lengthMs: endMs - startMs, rolling: false };
}

/** The periods that end in `(fromMs, toMs]`, ascending. */
export function* periodsEndingIn(
  slo: Pick<Slo, 'timeWindow'>,
  period: ReportPeriod,
  fromMs: number,
  toMs: number,
): Generator<PeriodWindow> {
  // The period that holds an instant ends after it.
  for (
    let next = reportPeriodAt(slo, period, fromMs);
    next.endMs <= toMs;
    next = reportPeriodAt(slo, period, next.endMs)
  ) {
    yield next;
  }
}
