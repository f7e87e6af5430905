import { DAY_MS } from '../../src/lib/duration.ts';
import { formatRfc3339 } from '../../src/lib/rfc3339.ts';
import {
  goodAndBad,
  goodOfTotal,
  MAINTENANCE_MINUTES,
  maintenanceBefore,
  type SampleWorld,
} from './measures.ts';
import { INCIDENTS } from './sample-incidents.ts';
import { HISTORY_DAYS, OWN_SOURCE, rolling, type SampleSlo, sloMaker } from './sample-slo.ts';

/** What the shop stands on. */
export function platformSlos(world: SampleWorld): SampleSlo[] {
  const slo = sloMaker('platform', 'platform');
  return [
    slo(
      {
        name: 'api',
        display_name: 'API',
        description: 'Requests to the API that do not fail. Something has been eating its budget for days.',
        time_window: rolling('30d'),
        target: 0.999,
        alert_policy: {
          conditions: [
            { type: 'burn_rate', severity: 'page', long_window: '1h', short_window: '5m', factor: 14.4 },
            { type: 'burn_rate', severity: 'ticket', long_window: '1d', short_window: '2h', factor: 3 },
            { type: 'budget', severity: 'ticket', below: 0.5 },
            { type: 'time_to_exhaustion', severity: 'page', below: '12h' },
            { type: 'no_data', severity: 'page', for: '15m' },
          ],
        },
      },
      goodOfTotal(world, {
        ...{ name: 'api', peak: 3000, badShare: 0.0002 },
        incidents: [INCIDENTS.slowBurn],
      }),
    ),
    slo(
      {
        name: 'sign-in',
        display_name: 'Sign-in',
        description: 'Sign-ins that work. The half hour of maintenance each Sunday does not count.',
        time_window: { type: 'calendar', unit: 'week' },
        target: 0.998,
      },
      goodAndBad(world, { name: 'sign-in', peak: 90, badShare: 0.0006, incidents: [INCIDENTS.network] }),
      [
        {
          starts_at: formatRfc3339(maintenanceBefore(world.startMs - HISTORY_DAYS * DAY_MS)),
          duration: `${MAINTENANCE_MINUTES}m`,
          rrule: 'FREQ=WEEKLY',
          reason: 'weekly maintenance',
        },
      ],
    ),
    slo(
      {
        name: 'all-requests',
        display_name: 'All requests of the shop',
        description: 'Read each minute with PromQL, from the Prometheus API of this tracker itself.',
        time_window: rolling('7d'),
        target: 0.998,
        sli: {
          type: 'ratio',
          source: {
            type: 'prometheus',
            source: OWN_SOURCE,
            good: 'sum(sli_ratio_used_good{project="shop"})',
            total: 'sum(sli_ratio_used_total{project="shop"})',
          },
        },
      },
      null,
    ),
  ];
}

/** One whose budget is spent, and one without data. */
export function mediaSlos(world: SampleWorld): SampleSlo[] {
  const slo = sloMaker('media', 'media');
  return [
    slo(
      {
        name: 'uploads',
        display_name: 'Uploads',
        description: 'Uploads that arrive. The disk was full twice, and the budget is spent.',
        time_window: rolling('14d'),
        target: 0.99,
      },
      goodOfTotal(world, {
        ...{ name: 'uploads', peak: 300, badShare: 0.004 },
        incidents: [INCIDENTS.fullDisk, INCIDENTS.fullDiskAgain],
      }),
    ),
    slo(
      {
        name: 'subtitles',
        display_name: 'Subtitles',
        description: 'Nothing has been measured so far.',
        target: 0.95,
        alert_policy: { conditions: [{ type: 'no_data', severity: 'ticket', for: '15m' }] },
      },
      null,
    ),
  ];
}
