import { DAY_MS } from '../lib/duration.ts';
import { windowAt } from '../slo/window.ts';
import { selectWindows } from '../storage/slos.ts';
import type { ServiceEnvironment } from './context.ts';

const SPARE_MS = 7 * DAY_MS;

/**
 * Drops the partitions that nothing asks for any more: older than the retention, and than the longest window
 * in use plus 7 days. Returns how many.
 */
export async function dropOldSnapshots(env: ServiceEnvironment): Promise<number> {
  const nowMs = env.clock.now();
  const windows = await env.db.owner(selectWindows);
  const longestMs = windows.reduce(
    (longest, timeWindow) => Math.max(longest, windowAt(timeWindow, nowMs).lengthMs),
    0,
  );
  return env.partitions.dropBefore(nowMs - Math.max(env.retentionMs, longestMs + SPARE_MS));
}
