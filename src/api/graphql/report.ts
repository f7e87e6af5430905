import type { Report } from '../../services/generate-reports.ts';
import { builder } from './builder.ts';
import { PeriodEnum, ReportUnitEnum } from './enums.ts';
import { given } from './given.ts';
import { readReports } from './read-reports.ts';

export const NpSloReport = builder.objectRef<Report>('NpSloReport').implement({
  description: 'How an objective did in a period.',
  fields: (t) => ({
    sloId: t.exposeID('sloId', { description: 'The SLO.' }),
    project: t.exposeString('project', { description: 'The project of the SLO.' }),
    slo: t.exposeString('slo', { description: 'The name of the SLO.' }),
    service: t.exposeString('service', { description: 'The service that the SLO is about.' }),
    objective: t.exposeString('objective', { description: 'The name of the objective.' }),
    period: t.field({ type: PeriodEnum, description: 'The length of the period.', resolve: (r) => r.period }),
    start: t.field({ type: 'DateTime', description: 'Where the period begins.', resolve: (r) => r.startMs }),
    end: t.field({ type: 'DateTime', description: 'Where the period ends.', resolve: (r) => r.endMs }),
    open: t.exposeBoolean('open', { description: 'Whether the period still goes on.' }),
    target: t.exposeFloat('target', { description: 'The target in force.' }),
    reliability: t.exposeFloat('reliability', {
      nullable: true,
      description: 'The share of good in the period, 0 to 1; null when nothing was observed.',
    }),
    met: t.exposeBoolean('met', {
      nullable: true,
      description: 'Whether the target was met; null when nothing was observed.',
    }),
    good: t.exposeFloat('good', {
      nullable: true,
      description: 'Good events; minutes where time slices count.',
    }),
    total: t.exposeFloat('total', {
      nullable: true,
      description: 'All events; minutes where time slices count.',
    }),
    bad: t.exposeFloat('bad', {
      nullable: true,
      description: 'Bad events; minutes where time slices count.',
    }),
    budgetUsed: t.exposeFloat('budgetUsed', {
      nullable: true,
      description: "The share of the period's error budget that was used; 1 is all of it.",
    }),
    minutesObserved: t.exposeInt('minutesObserved', { description: 'Minutes with data.' }),
    minutesBad: t.exposeInt('minutesBad', { description: 'Minutes below the target.' }),
    longestBadMinutes: t.exposeInt('longestBadMinutes', { description: 'The longest run of bad minutes.' }),
    alertsFired: t.exposeInt('alertsFired', {
      nullable: true,
      description:
        'Alerts that began to fire, as far as the policy has them still; null where too many have since.',
    }),
    revision: t.exposeInt('revision', {
      description: '1, and one more whenever late data changed the closed report.',
    }),
    revisedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When late data last changed it; null when it never did.',
      resolve: (r) => r.revisedAtMs,
    }),
    unit: t.field({
      type: ReportUnitEnum,
      description: 'What good, total and bad count.',
      resolve: (r) => r.unit,
    }),
  }),
});

export const REPORT_COST = 1000;

export const periodArgs = builder.args((t) => ({
  period: t.field({ type: PeriodEnum, description: 'A month when left out.' }),
  from: t.field({ type: 'DateTime', description: 'Periods that end after it.' }),
  to: t.field({ type: 'DateTime', description: 'Periods that start before it.' }),
  project: t.string({ description: 'Only this project.' }),
  service: t.string({ description: 'Only this service.' }),
  sloId: t.id({ description: 'Only this SLO: the UUID, or `project.name`.' }),
}));

builder.queryField('sloReports', (t) =>
  t.field({
    type: [NpSloReport],
    complexity: { field: REPORT_COST, multiplier: 100 },
    description: 'Reports by objective and period, the open period included; empty when nothing matches.',
    args: periodArgs,
    resolve: (_root, { from, to, ...filter }, context) =>
      readReports(context, given({ ...filter, fromMs: from, toMs: to })),
  }),
);
