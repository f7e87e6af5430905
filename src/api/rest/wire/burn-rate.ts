import { z } from 'zod';
import { formatRfc3339 } from '../../../lib/rfc3339.ts';
import type { SloBurnRate } from '../../../services/read-burn-rate.ts';
import { figure } from './state.ts';
import { timeOrNull, timeSchema } from './times.ts';

const windowSchema = z.strictObject({
  window: z.string().meta({ example: '1h' }),
  burn_rate: figure('How much faster than allowed the budget burnt.'),
  error_ratio: figure('The share that was bad.'),
  good: figure('Events; minutes for time slices.'),
  total: figure('Events; minutes for time slices.'),
});

const alertSchema = z.strictObject({
  severity: z.enum(['page', 'ticket']),
  long_window: z.string(),
  short_window: z.string(),
  factor: z.number().meta({ description: 'Both windows must burn at least so fast.' }),
  holds: z.boolean(),
  firing_since: timeSchema.nullable(),
});

/** How fast the objectives of an SLO burn their budgets at a time. */
export const burnRateSchema = z
  .strictObject({
    slo_id: z.uuid(),
    at: timeSchema,
    objectives: z.array(
      z.strictObject({
        objective: z.string(),
        target: z.number(),
        burn_rate: figure('Over the last hour.'),
        windows: z
          .array(windowSchema)
          .meta({ description: "5m, 30m, 1h, 2h, 6h, 1d, 3d and the SLO's own." }),
        alerts: z.array(alertSchema),
      }),
    ),
  })
  .meta({ id: 'BurnRate' });

export function burnRateToWire({ sloId, atMs, objectives }: SloBurnRate): z.infer<typeof burnRateSchema> {
  return {
    slo_id: sloId,
    at: formatRfc3339(atMs),
    objectives: objectives.map(({ objective, target, burnRate, windows, alerts }) => ({
      objective,
      target,
      burn_rate: burnRate,
      windows: windows.map((over) => ({
        window: over.window,
        burn_rate: over.burnRate,
        error_ratio: over.errorRatio,
        good: over.good,
        total: over.total,
      })),
      alerts: alerts.map(({ severity, longWindow, shortWindow, factor, holds, firingSinceMs }) => ({
        severity,
        long_window: longWindow,
        short_window: shortWindow,
        factor,
        holds,
        firing_since: timeOrNull(firingSinceMs),
      })),
    })),
  };
}
