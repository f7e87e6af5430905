import { ServiceError } from '../../lib/errors.ts';
import type { Report } from '../../services/generate-reports.ts';
import { groupReports, type ReportGroup, type ReportGrouping } from '../../slo/report-groups.ts';
import { builder } from './builder.ts';
import { ReportGroupingEnum, ReportUnitEnum } from './enums.ts';
import { given } from './given.ts';
import { readReports } from './read-reports.ts';
import { NpSloReport, periodArgs, REPORT_COST } from './report.ts';

const NpSloReportGroup = builder.objectRef<ReportGroup<Report>>('NpSloReportGroup').implement({
  description: 'How the objectives of a group did in a period.',
  fields: (t) => ({
    group: t.exposeString('group', {
      nullable: true,
      description: "The project, the service or the label's value; null for SLOs without the label.",
    }),
    start: t.field({ type: 'DateTime', description: 'Where the period begins.', resolve: (g) => g.startMs }),
    end: t.field({ type: 'DateTime', description: 'Where the period ends.', resolve: (g) => g.endMs }),
    open: t.exposeBoolean('open', { description: 'Whether the period still goes on.' }),
    unit: t.field({
      type: ReportUnitEnum,
      description: 'What good, total and bad count; never added up over units.',
      resolve: (g) => g.unit,
    }),
    objectives: t.exposeInt('objectives', { description: 'Objectives in the group.' }),
    objectivesMet: t.exposeInt('objectivesMet', { description: 'Those that met their target.' }),
    objectivesMissed: t.exposeInt('objectivesMissed', { description: 'Those that missed it.' }),
    good: t.exposeFloat('good', { nullable: true, description: 'Summed up; null without data.' }),
    total: t.exposeFloat('total', { nullable: true, description: 'Summed up; null without data.' }),
    bad: t.exposeFloat('bad', { nullable: true, description: 'Summed up; null without data.' }),
    reliability: t.exposeFloat('reliability', {
      nullable: true,
      description: 'good / total: every objective weighs as much as it counted.',
    }),
    worst: t.field({
      type: NpSloReport,
      nullable: true,
      description: 'The report that used the largest share of its budget; null without data.',
      resolve: (g) => g.worst,
    }),
  }),
});

function groupingOf(by: ReportGrouping['by'], label: string | null | undefined): ReportGrouping {
  if (by !== 'label') return { by };
  if (label !== null && label !== undefined && label !== '') return { by, label };
  throw new ServiceError('invalid', 'The reports cannot be grouped.', {
    details: [{ path: 'label', message: 'is needed to group by a label' }],
  });
}

builder.queryField('sloReportGroups', (t) =>
  t.field({
    type: [NpSloReportGroup],
    complexity: { field: REPORT_COST, multiplier: 100 },
    description: 'The same reports, summed up by group and period.',
    args: {
      ...periodArgs,
      groupBy: t.arg({ type: ReportGroupingEnum, required: true, description: 'By what.' }),
      label: t.arg.string({ description: 'Which label, to group by one.' }),
    },
    resolve: async (_root, { from, to, groupBy, label, ...filter }, context) => {
      const grouping = groupingOf(groupBy, label);
      return groupReports(await readReports(context, given({ ...filter, fromMs: from, toMs: to })), grouping);
    },
  }),
);
