import { DAY_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import { daysAgo, type Incident } from './incidents.ts';

/** What went wrong in the sample; the payments are in trouble while the demo starts. */
export const INCIDENTS = {
  migration: { minutesAgo: daysAgo(12, 5), minutes: 40, share: 0.5 },
  badDeploy: { minutesAgo: daysAgo(6, 2), minutes: 30, share: 0.12 },
  paymentProvider: { minutesAgo: daysAgo(9, 7), minutes: 35, share: 0.15 },
  paymentsNow: { minutesAgo: 50, minutes: 150, share: 0.04 },
  searchIndex: { minutesAgo: daysAgo(2, 13), minutes: 40, share: 0.2 },
  slowDatabase: { minutesAgo: daysAgo(3, 4), minutes: 120, share: 0.6 },
  network: { minutesAgo: daysAgo(20, 1), minutes: 50, share: 0.1 },
  cache: { minutesAgo: daysAgo(1, 3), minutes: 20, share: 0.08 },
  carrier: { minutesAgo: daysAgo(8), minutes: 180, share: 1 },
  fullDisk: { minutesAgo: daysAgo(9, 2), minutes: 600, share: 0.4 },
  fullDiskAgain: { minutesAgo: daysAgo(5), minutes: 480, share: 0.4 },
  /** Too little to page anybody: it eats the budget for days. */
  slowBurn: { minutesAgo: daysAgo(4), minutes: 6 * (DAY_MS / MINUTE_MS), share: 0.0035 },
} satisfies Record<string, Incident>;
