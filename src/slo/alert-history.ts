import type { AlertSeverity } from './alert-policy.ts';
import { episodesOf } from './alert-runs.ts';
import { resolveAfterOf } from './alert-watch.ts';
import { alertsOf } from './alert-words.ts';
import { alertKey } from './alerting.ts';
import type { Slo } from './definition.ts';

/** One time that an alert of an SLO fired, by what is known of its minutes now. */
export interface PastAlert {
  /** Null for what is about the SLO as a whole. */
  readonly objective: string | null;
  /** `burn_rate:1h:5m:page`: what names the condition in its policy. */
  readonly condition: string;
  readonly severity: AlertSeverity;
  readonly sinceMs: number;
  /** Null: it fired still at the last evaluation. */
  readonly resolvedMs: number | null;
}

/**
 * When the alerts of the SLO's policy fired, those told of and those that were silenced, ascending by their start:
 * every one that was firing at some time of `[fromMs, toMs)`.
 */
export function alertHistory(
  slo: Slo,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): PastAlert[] {
  const { evaluatedAtMs } = slo;
  if (evaluatedAtMs === null) return [];
  return alertsOf(slo, evaluatedAtMs)
    .flatMap(({ id, objective, condition }) =>
      episodesOf(slo.alerts[id]?.runs ?? [], resolveAfterOf(condition), evaluatedAtMs).map(
        ({ sinceMs, endMs }): PastAlert => ({
          objective,
          condition: alertKey(condition),
          severity: condition.severity,
          sinceMs,
          resolvedMs: endMs,
        }),
      ),
    )
    .filter(({ sinceMs, resolvedMs }) => sinceMs < toMs && (resolvedMs ?? Number.POSITIVE_INFINITY) > fromMs)
    .sort((a, b) => a.sinceMs - b.sinceMs);
}
