import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { AlertCondition, AlertSeverity } from './alert-policy.ts';
import { episodesOf } from './alert-runs.ts';
import { alertId } from './alert-state.ts';
import { resolveAfterOf } from './alert-watch.ts';
import { alertsOf } from './alert-words.ts';
import { alertKey } from './alerting.ts';
import type { Slo } from './definition.ts';

/** An alert that fires. */
export interface FiringAlert {
  /** Null for what is about the SLO as a whole. */
  readonly objective: string | null;
  /** `burn_rate:1h:5m:page`: what names the condition in its policy. */
  readonly condition: string;
  readonly severity: AlertSeverity;
  readonly sinceMs: number;
  /** Whether receivers are told, or were already: false while it is silenced. */
  readonly told: boolean;
}

/** Since when the alert of a condition fires at `tMs`, by what is known now; null while it does not. */
export function firingSince(
  { alerts }: Pick<Slo, 'alerts'>,
  objective: string | null,
  condition: AlertCondition,
  tMs: number,
): number | null {
  const runs = alerts[alertId(objective ?? '', alertKey(condition))]?.runs ?? [];
  const last = episodesOf(runs, resolveAfterOf(condition), floorTo(tMs, MINUTE_MS)).at(-1);
  return last?.endMs === null ? last.sinceMs : null;
}

/** The alerts that fired at the last evaluation, in the order of the policy. */
export function firingAlerts(slo: Slo): FiringAlert[] {
  const { evaluatedAtMs } = slo;
  if (evaluatedAtMs === null) return [];
  return alertsOf(slo, evaluatedAtMs).flatMap(({ id, objective, condition }) => {
    const sinceMs = firingSince(slo, objective, condition, evaluatedAtMs);
    if (sinceMs === null) return [];
    const told = slo.alerts[id]?.told?.untilMs === null;
    return [{ objective, condition: alertKey(condition), severity: condition.severity, sinceMs, told }];
  });
}
