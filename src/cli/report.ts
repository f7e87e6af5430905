import type { Command } from 'commander';
import { z } from 'zod';
import { createServiceClient } from './service-client.ts';
import type { Terminal } from './terminal.ts';
import { percent, textTable } from './text-table.ts';

interface ReportOptions {
  readonly period?: string;
  readonly from?: string;
  readonly to?: string;
  readonly project?: string;
  readonly service?: string;
  readonly slo?: string;
  readonly groupBy?: string;
  readonly format: 'table' | 'json' | 'csv';
  readonly url?: string;
  readonly account: string;
}

/** `report`: how objectives did over calendar periods, as the running service tells. */
export function addReport(program: Command, terminal: Terminal): void {
  program
    .command('report')
    .description('Prints how objectives did over days, weeks, months, quarters or years.')
    .option('--period <period>', 'day, week, month, quarter or year; month when left out')
    .option('--from <time>', 'periods that end after it, RFC 3339; the one before this when left out')
    .option('--to <time>', 'periods that start before it; now when left out')
    .option('--project <name>', 'only this project')
    .option('--service <name>', 'only this service')
    .option('--slo <ref>', 'only this SLO: its UUID, or project.name')
    .option('--group-by <what>', 'sums up by project, service or label:<key>')
    .addOption(
      program
        .createOption('--format <format>', 'how it is printed')
        .choices(['table', 'json', 'csv'])
        .default('table'),
    )
    .option('--url <url>', 'address of the service; this machine at PORT when left out')
    .option('--account <id>', 'the account', 'primary')
    .action((options: ReportOptions) => report(options, terminal));
}

async function report(options: ReportOptions, { loadConfig, write }: Terminal): Promise<void> {
  const { format, groupBy } = options;
  const query = new URLSearchParams({ format: format === 'csv' ? 'csv' : 'json' });
  const asked = {
    period: options.period,
    from: options.from,
    to: options.to,
    project: options.project,
    service: options.service,
    slo_id: options.slo,
    group_by: groupBy,
  };
  for (const [name, value] of Object.entries(asked)) if (value !== undefined) query.set(name, value);
  const text = await createServiceClient(loadConfig(), options).reports(query);
  if (format !== 'table') write(text.endsWith('\n') ? text : `${text}\n`);
  else write(groupBy === undefined ? reportTable(text) : groupTable(text));
}

const figures = { good: z.number().nullable(), total: z.number().nullable(), unit: z.string() };
const period = { start: z.string(), open: z.boolean(), reliability: z.number().nullable() };

const reportsSchema = z.object({
  data: z.array(
    z.object({
      ...period,
      ...figures,
      project: z.string(),
      slo: z.string(),
      objective: z.string(),
      target: z.number(),
      met: z.boolean().nullable(),
      budget_used: z.number().nullable(),
    }),
  ),
});

const groupsSchema = z.object({
  groups: z.array(
    z.object({
      ...period,
      ...figures,
      group: z.string().nullable(),
      objectives: z.number(),
      objectives_met: z.number(),
      objectives_missed: z.number(),
    }),
  ),
});

const periodOf = ({ start, open }: { start: string; open: boolean }): string =>
  open ? `${start} (open)` : start;
const metOf = (met: boolean | null): string => (met === null ? 'no data' : met ? 'yes' : 'NO');
const countOf = (count: number | null): string => (count === null ? '-' : String(Number(count.toFixed(3))));

function reportTable(text: string): string {
  const { data } = reportsSchema.parse(JSON.parse(text));
  return textTable(
    [
      'SLO',
      'objective',
      'period from',
      'met',
      'reliability',
      'target',
      'budget used',
      'good',
      'total',
      'unit',
    ],
    data.map((row) => [
      `${row.project}.${row.slo}`,
      row.objective,
      periodOf(row),
      metOf(row.met),
      percent(row.reliability),
      percent(row.target),
      percent(row.budget_used),
      countOf(row.good),
      countOf(row.total),
      row.unit,
    ]),
  );
}

function groupTable(text: string): string {
  const { groups } = groupsSchema.parse(JSON.parse(text));
  return textTable(
    ['group', 'period from', 'objectives', 'met', 'missed', 'reliability', 'good', 'total', 'unit'],
    groups.map((row) => [
      row.group ?? '(none)',
      periodOf(row),
      String(row.objectives),
      String(row.objectives_met),
      String(row.objectives_missed),
      percent(row.reliability),
      countOf(row.good),
      countOf(row.total),
      row.unit,
    ]),
  );
}
