import { episodesOf, firstKeptMs } from './alert-runs.ts';
import { resolveAfterOf } from './alert-watch.ts';
import { alertsOf } from './alert-words.ts';
import type { Slo } from './definition.ts';

/**
 * How often the alerts of an objective, and those of the SLO as a whole, began to fire by what was measured in
 * `[startMs, endMs)`, silenced or not. Null where not all of that is kept any more.
 */
export function alertsFired(
  slo: Pick<Slo, 'alerts' | 'alertPolicy' | 'timeWindow' | 'objectives'>,
  objective: string,
  startMs: number,
  endMs: number,
): number | null {
  let fired = 0;
  for (const alert of alertsOf(slo, endMs)) {
    if (alert.objective !== null && alert.objective !== objective) continue;
    const runs = slo.alerts[alert.id]?.runs ?? [];
    if (firstKeptMs(runs) > startMs) return null;
    // A minute is judged at its end.
    fired += episodesOf(runs, resolveAfterOf(alert.condition), endMs).filter(
      ({ sinceMs }) => sinceMs > startMs,
    ).length;
  }
  return fired;
}
