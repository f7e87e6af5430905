import { DAY_MS, HOUR_MS } from '../lib/duration.ts';
import { windowAt } from '../slo/window.ts';
import { selectUnreported } from '../storage/reports.ts';
import { selectWindows } from '../storage/slos.ts';
import type { ServiceEnvironment } from './context.ts';
import { storeReports } from './store-reports.ts';

const SPARE_MS = 7 * DAY_MS;
/** An unreported day is known by its end, and by its zone it may have 25 hours. */
const LONGEST_DAY_MS = 25 * HOUR_MS;

/**
 * Drops the partitions that nothing asks for any more: older than the retention, and than the longest window
 * in use plus 7 days. The reports of what goes are stored first; minutes that belong to a day without one stay.
 * Returns how many. `signal` ends the storing.
 */
export async function dropOldSnapshots(
  env: ServiceEnvironment,
  options: { readonly signal?: AbortSignal } = {},
): Promise<number> {
  const nowMs = env.clock.now();
  const windows = await env.db.owner(selectWindows);
  const longestMs = windows.reduce(
    (longest, timeWindow) => Math.max(longest, windowAt(timeWindow, nowMs).lengthMs),
    0,
  );
  const oldMs = nowMs - Math.max(env.retentionMs, longestMs + SPARE_MS);
  if (!(await env.partitions.areBefore(oldMs))) return 0;
  await storeReports(env, options);
  const unreportedMs = (await env.db.owner(selectUnreported)) ?? Number.POSITIVE_INFINITY;
  return env.partitions.dropBefore(Math.min(oldMs, unreportedMs - LONGEST_DAY_MS));
}
