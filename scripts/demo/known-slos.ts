import { z } from 'zod';
import { SAMPLE_LABEL } from './sample-slo.ts';
import type { Tracker } from './tracker.ts';

const sloSchema = z.object({
  project: z.string(),
  name: z.string(),
  state: z.string(),
  created_at: z.string(),
  adjustments: z.array(z.unknown()),
  alerts: z.array(z.object({ objective: z.string().nullable(), severity: z.enum(['page', 'ticket']) })),
  status: z.object({
    objectives: z.array(
      z.object({
        objective: z.string(),
        state: z.string(),
        reliability: z.number().nullable(),
        budget: z.number().nullable(),
        burn_rate: z.number().nullable(),
        last_data_at: z.string().nullable(),
      }),
    ),
  }),
});

/** An SLO of the sample as the tracker has it. */
export type KnownSlo = z.infer<typeof sloSchema>;

/** The SLOs of the sample that are there, with their statuses, by `project.name`. */
export async function knownSlos(tracker: Tracker): Promise<Map<string, KnownSlo>> {
  const label = Object.entries(SAMPLE_LABEL).map((pair) => `label=${pair.join('=')}`);
  const page = await tracker.get(`/api/v1/slos?status=1&limit=1000&${label.join('&')}`);
  const { data } = z.object({ data: z.array(sloSchema) }).parse(page);
  return new Map(data.map((slo) => [`${slo.project}.${slo.name}`, slo]));
}

/** The newest minute that all objectives have, in epoch milliseconds; null without any. */
export function newestMinute({ status }: KnownSlo): number | null {
  const newest = status.objectives.map(({ last_data_at: at }) => (at === null ? Number.NaN : Date.parse(at)));
  const earliest = Math.min(...newest);
  return Number.isNaN(earliest) ? null : earliest;
}
