import { z } from 'zod';
import { generateReports, type Report } from '../../services/generate-reports.ts';
import { projectFilterSchema } from '../../slo/definition-fields.ts';
import { groupReports, type ReportGrouping } from '../../slo/report-groups.ts';
import { actorEndpoint, type Endpoint } from './endpoint.ts';
import { textParameter, timeParameter } from './query-parameters.ts';
import { csvLines, csvStream } from './wire/csv.ts';
import { periodSchema, type ReportWire, reportSchema, reportToWire } from './wire/report.ts';
import { reportGroupSchema, reportGroupToWire } from './wire/report-group.ts';

const COLUMNS = reportSchema.keyof().options;
const GROUP_COLUMNS = reportGroupSchema.keyof().options;

const groupingParameter = z
  .string()
  .max(200)
  .transform((text, context): ReportGrouping => {
    if (text === 'project' || text === 'service') return { by: text };
    if (text.startsWith('label:') && text.length > 'label:'.length) {
      return { by: 'label', label: text.slice('label:'.length) };
    }
    context.addIssue({ code: 'custom', message: 'must be project, service or label:<key>' });
    return z.NEVER;
  })
  .meta({
    description: 'Sums up by `project`, `service` or `label:<key>`.',
    type: 'string',
    example: 'label:team',
  })
  .optional();

export const reportEndpoints: readonly Endpoint[] = [
  actorEndpoint({
    method: 'get',
    path: '/api/v1/reports',
    operationId: 'listReports',
    summary: 'How objectives did, by period, the open period included',
    description:
      'As CSV with `format=csv`, or with `Accept: text/csv` where no format is given; with `group_by` the CSV has the groups.',
    query: z.strictObject({
      period: periodSchema.optional().meta({ description: 'A month by default.' }),
      from: timeParameter('Periods that end after it.'),
      to: timeParameter('Periods that start before it.'),
      project: projectFilterSchema,
      service: textParameter('Only this service.'),
      slo_id: textParameter('Only this SLO: the UUID, or `project.name`.'),
      group_by: groupingParameter,
      format: z.enum(['json', 'csv']).optional(),
    }),
    answer: {
      status: 200,
      description: 'The reports.',
      content: {
        'application/json': z.strictObject({
          data: z.array(reportSchema),
          groups: z
            .array(reportGroupSchema)
            .optional()
            .meta({ description: 'Where `group_by` asks for them.' }),
        }),
        'text/csv': null,
      },
    },
    errors: [404],
    async handle({ ctx, request, query }) {
      const { from, to, slo_id: sloId, format, group_by: grouping, ...filter } = query;
      const reports = await generateReports({ ctx, input: { fromMs: from, toMs: to, sloId, ...filter } });
      const groups =
        grouping === undefined ? undefined : groupReports(reports, grouping).map(reportGroupToWire);
      const asCsv = (format ?? preferredFormat(request.headers.get('accept'))) === 'csv';
      if (!asCsv) return Response.json({ data: reports.map(reportToWire), groups });
      const lines =
        groups === undefined ? csvLines(COLUMNS, wired(reports)) : csvLines(GROUP_COLUMNS, groups);
      return new Response(csvStream(lines), {
        headers: {
          'Content-Type': 'text/csv; charset=utf-8; header=present',
          'Content-Disposition': 'attachment; filename="slo-reports.csv"',
        },
      });
    },
  }),
];

/** One row at a time, as they are sent. */
function* wired(reports: readonly Report[]): Generator<ReportWire> {
  for (const report of reports) yield reportToWire(report);
}

/** CSV only for who asks for it by name, and likes it no less than JSON. */
function preferredFormat(accept: string | null): 'json' | 'csv' {
  const entries = (accept ?? '').split(',').map((entry) => {
    const [range = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    return { range, quality: quality === undefined ? 1 : Number(quality.slice(2)) };
  });
  const csv = entries.findIndex(({ range, quality }) => range === 'text/csv' && quality > 0);
  const json = entries.findIndex(({ range }) => range === 'application/json');
  const [csvEntry, jsonEntry] = [entries[csv], entries[json]];
  if (csvEntry === undefined) return 'json';
  if (jsonEntry === undefined || csvEntry.quality > jsonEntry.quality) return 'csv';
  return csvEntry.quality === jsonEntry.quality && csv < json ? 'csv' : 'json';
}
