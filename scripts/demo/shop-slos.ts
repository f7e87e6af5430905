import { floorTo, MINUTE_MS } from '../../src/lib/duration.ts';
import { formatRfc3339 } from '../../src/lib/rfc3339.ts';
import { badOfTotal, counters, goodOfTotal, type SampleWorld, values } from './measures.ts';
import { INCIDENTS } from './sample-incidents.ts';
import { rolling, type SampleSlo, sloMaker } from './sample-slo.ts';

/** What a customer of the shop meets. */
export function shopSlos(world: SampleWorld): SampleSlo[] {
  const slo = sloMaker('shop', 'storefront');
  const { migration, badDeploy, paymentProvider, paymentsNow, searchIndex } = INCIDENTS;
  return [
    slo(
      {
        name: 'checkout',
        display_name: 'Checkout',
        description: 'Requests to the checkout that do not fail.',
        time_window: rolling('28d'),
        target: 0.999,
        alert_policy: { conditions: 'default', runbook_url: 'https://runbooks.example.com/checkout' },
      },
      goodOfTotal(world, {
        ...{ name: 'checkout', peak: 1200, badShare: 0.0003 },
        incidents: [migration, badDeploy],
      }),
      [
        {
          starts_at: formatRfc3339(floorTo(world.startMs, MINUTE_MS) - migration.minutesAgo * MINUTE_MS),
          duration: `${migration.minutes + 5}m`,
          reason: 'planned migration of the orders database',
        },
      ],
    ),
    slo(
      {
        name: 'checkout-latency',
        display_name: 'Checkout latency',
        description: 'The 95th percentile of the checkout in milliseconds, measured once a minute.',
        service: 'checkout',
        sli: { type: 'threshold' },
        time_window: rolling('28d'),
        objectives: [
          { name: 'fast', target: 0.95, op: 'lte', value: 400, primary: true },
          { name: 'bearable', target: 0.99, op: 'lte', value: 1000 },
        ],
      },
      values(world, {
        ...{ name: 'checkout-latency', quiet: 120, busy: 290, bad: 1500 },
        incidents: [badDeploy, INCIDENTS.slowDatabase],
      }),
    ),
    slo(
      {
        name: 'payments',
        display_name: 'Payments',
        description: 'Payments that the provider takes.',
        time_window: rolling('30d'),
        target: 0.9995,
        alert_policy: {
          conditions: 'default',
          labels: { pager: 'payments' },
          runbook_url: 'https://runbooks.example.com/payments',
        },
      },
      badOfTotal(world, {
        ...{ name: 'payments', peak: 240, badShare: 0.0001 },
        incidents: [paymentProvider, paymentsNow],
      }),
    ),
    slo(
      {
        name: 'search',
        display_name: 'Search',
        description: 'Searches that answer, from the counters of a server that restarts once a week.',
        sli: { type: 'ratio', incremental: true },
        time_window: rolling('7d'),
        target: 0.995,
      },
      counters(world, { name: 'search', peak: 800, badShare: 0.001, incidents: [searchIndex] }),
    ),
    slo(
      {
        name: 'storefront',
        display_name: 'Storefront',
        description: 'Five minutes count as good when 98 % of their pages are delivered.',
        budgeting_method: 'timeslices',
        time_slice_window: '5m',
        time_window: rolling('28d'),
        objectives: [{ name: 'default', target: 0.995, time_slice_target: 0.98 }],
      },
      goodOfTotal(world, {
        ...{ name: 'storefront', peak: 5000, badShare: 0.0008 },
        incidents: [INCIDENTS.network, INCIDENTS.cache],
      }),
    ),
    slo(
      {
        name: 'delivery-estimates',
        display_name: 'Delivery estimates',
        description: 'How many minutes old the estimates are; a minute is good below ten.',
        sli: { type: 'threshold' },
        budgeting_method: 'timeslices',
        time_window: { type: 'calendar', unit: 'month', time_zone: 'Europe/Paris' },
        objectives: [{ name: 'default', target: 0.98, time_slice_target: 0.9, op: 'lt', value: 10 }],
      },
      values(world, {
        ...{ name: 'delivery-estimates', quiet: 1, busy: 5, bad: 30 },
        incidents: [INCIDENTS.carrier],
      }),
    ),
    slo(
      {
        name: 'buying',
        display_name: 'Buying something',
        description: 'What a customer needs from searching to paying.',
        time_window: rolling('28d'),
        target: 0.998,
        sli: {
          type: 'composite',
          max_delay: '10m',
          components: [
            { slo: 'checkout', weight: 3 },
            { slo: 'payments', weight: 2, when_delayed: 'count_as_bad' },
            { slo: 'search', weight: 1 },
          ],
        },
      },
      null,
    ),
  ];
}
