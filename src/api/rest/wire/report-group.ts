import { z } from 'zod';
import { formatRfc3339 } from '../../../lib/rfc3339.ts';
import type { Report } from '../../../services/generate-reports.ts';
import type { ReportGroup } from '../../../slo/report-groups.ts';
import { unitSchema } from './report.ts';
import { figure } from './state.ts';
import { timeSchema } from './times.ts';

/** A group over one period. The keys are also the columns of the CSV form, in this order. */
export const reportGroupSchema = z
  .strictObject({
    group: z.string().nullable().meta({
      description: "The project, the service or the label's value; null for SLOs without the label.",
    }),
    start: timeSchema,
    end: timeSchema,
    open: z.boolean().meta({ description: 'The period still goes on.' }),
    unit: unitSchema,
    objectives: z.number().meta({ description: 'Objectives in the group.' }),
    objectives_met: z.number(),
    objectives_missed: z.number(),
    reliability: figure('good / total: every objective weighs as much as it counted.'),
    good: figure('Summed up over the objectives.'),
    total: figure('Summed up over the objectives.'),
    bad: figure('Summed up over the objectives.'),
    worst_project: z.string().nullable().meta({
      description: 'Of the objective that used the largest share of its budget; null without data.',
    }),
    worst_slo: z.string().nullable(),
    worst_objective: z.string().nullable(),
    worst_target: figure('Its target.'),
    worst_reliability: figure('Its reliability.'),
    worst_good: figure('What it counted as good.'),
    worst_total: figure('All that it counted.'),
    worst_budget_used: figure('The share of its budget that was used.'),
    worst_met: z.boolean().nullable(),
  })
  .meta({ id: 'ReportGroup' });

type ReportGroupWire = z.infer<typeof reportGroupSchema>;

export function reportGroupToWire(group: ReportGroup<Report>): ReportGroupWire {
  const { worst } = group;
  return {
    group: group.group,
    start: formatRfc3339(group.startMs),
    end: formatRfc3339(group.endMs),
    open: group.open,
    unit: group.unit,
    objectives: group.objectives,
    objectives_met: group.objectivesMet,
    objectives_missed: group.objectivesMissed,
    reliability: group.reliability,
    good: group.good,
    total: group.total,
    bad: group.bad,
    worst_project: worst?.project ?? null,
    worst_slo: worst?.slo ?? null,
    worst_objective: worst?.objective ?? null,
    worst_target: worst?.target ?? null,
    worst_reliability: worst?.reliability ?? null,
    worst_good: worst?.good ?? null,
    worst_total: worst?.total ?? null,
    worst_budget_used: worst?.budgetUsed ?? null,
    worst_met: worst?.met ?? null,
  };
}
