import { z } from 'zod';
import { formatRfc3339 } from '../../../lib/rfc3339.ts';
import type { Report } from '../../../services/generate-reports.ts';
import { figure } from './state.ts';
import { timeOrNull, timeSchema } from './times.ts';

export const unitSchema = z.enum(['events', 'minutes', 'shares']).meta({
  description:
    'What good, total and bad count: events, minutes of time slices, or shares of one for a composite.',
});

export const periodSchema = z.enum(['day', 'week', 'month', 'quarter', 'year']);

/** One objective over one period. The keys are also the columns of the CSV form, in this order. */
export const reportSchema = z
  .strictObject({
    slo_id: z.uuid(),
    project: z.string(),
    slo: z.string(),
    service: z.string(),
    objective: z.string(),
    period: periodSchema,
    start: timeSchema,
    end: timeSchema,
    open: z.boolean().meta({ description: 'The period still goes on.' }),
    target: z.number(),
    reliability: figure('Over the period.'),
    met: z.boolean().nullable().meta({ description: 'Whether the target was met.' }),
    good: figure('Events; minutes for time slices.'),
    total: figure('Events; minutes for time slices.'),
    bad: figure('Events; minutes for time slices.'),
    budget_used: figure("The share of the period's budget that was used; above 1 is overspent."),
    minutes_observed: z.number(),
    minutes_bad: z.number(),
    longest_bad_minutes: z.number(),
    alerts_fired: z.number().nullable(),
    revision: z
      .number()
      .meta({ description: '1, and one more whenever late data changed the closed report.' }),
    revised_at: timeSchema.nullable(),
    unit: unitSchema,
  })
  .meta({ id: 'Report' });

export type ReportWire = z.infer<typeof reportSchema>;

export function reportToWire(report: Report): ReportWire {
  return {
    slo_id: report.sloId,
    project: report.project,
    slo: report.slo,
    service: report.service,
    objective: report.objective,
    period: report.period,
    start: formatRfc3339(report.startMs),
    end: formatRfc3339(report.endMs),
    open: report.open,
    target: report.target,
    reliability: report.reliability,
    met: report.met,
    good: report.good,
    total: report.total,
    bad: report.bad,
    budget_used: report.budgetUsed,
    minutes_observed: report.minutesObserved,
    minutes_bad: report.minutesBad,
    longest_bad_minutes: report.longestBadMinutes,
    alerts_fired: report.alertsFired,
    revision: report.revision,
    revised_at: timeOrNull(report.revisedAtMs),
    unit: report.unit,
  };
}
