import { z } from 'zod';
import { generateReports } from '../../services/generate-reports.ts';
import { actorEndpoint, type Endpoint } from './endpoint.ts';
import { textParameter, timeParameter } from './query-parameters.ts';
import { toCsv } from './wire/csv.ts';
import { periodSchema, reportSchema, reportToWire } from './wire/report.ts';

const COLUMNS = reportSchema.keyof().options;

export const reportEndpoints: readonly Endpoint[] = [
  actorEndpoint({
    method: 'get',
    path: '/api/v1/reports',
    operationId: 'listReports',
    summary: 'How objectives did, by period, the open period included',
    description: 'As CSV with `format=csv`, or with `Accept: text/csv` where no format is given.',
    query: z.strictObject({
      period: periodSchema.optional().meta({ description: 'A month by default.' }),
      from: timeParameter('Periods that end after it.'),
      to: timeParameter('Periods that start before it.'),
      project: textParameter('Only this project.'),
      service: textParameter('Only this service.'),
      slo_id: textParameter('Only this SLO: the UUID, or `project.name`.'),
      format: z.enum(['json', 'csv']).optional(),
    }),
    answer: {
      status: 200,
      description: 'The reports.',
      content: {
        'application/json': z.strictObject({ data: z.array(reportSchema) }),
        'text/csv': null,
      },
    },
    errors: [404],
    async handle({ ctx, request, query: { from, to, slo_id: sloId, format, ...filter } }) {
      const input = { fromMs: from, toMs: to, sloId, ...filter };
      const rows = (await generateReports({ ctx, input })).map(reportToWire);
      const asCsv = (format ?? preferredFormat(request.headers.get('accept'))) === 'csv';
      if (!asCsv) return Response.json({ data: rows });
      return new Response(toCsv(COLUMNS, rows), {
        headers: {
          'Content-Type': 'text/csv; charset=utf-8; header=present',
          'Content-Disposition': 'attachment; filename="slo-reports.csv"',
        },
      });
    },
  }),
];

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
