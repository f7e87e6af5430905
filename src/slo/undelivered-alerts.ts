import { ALERT_RECEIVERS, type AlertReceiver } from './alert-message.ts';
import { SHOWN_MS } from './alert-outbox.ts';
import type { Slo } from './definition.ts';

/** A change of an alert that a receiver would not take, or has not taken so far. */
export interface UndeliveredAlert {
  readonly receiver: AlertReceiver;
  /** Null for what is about the SLO as a whole. */
  readonly objective: string | null;
  /** `burn_rate:1h:5m:page`: what names the condition in its policy. */
  readonly condition: string;
  readonly change: 'firing' | 'resolved';
  /** When it was decided to tell it. */
  readonly decidedMs: number;
  readonly attempts: number;
  readonly lastError: string;
  /** Null: it is given up. */
  readonly nextAttemptMs: number | null;
}

/** What of the SLO's alerts has failed to arrive, oldest first; what was given up for a week. */
export function undeliveredAlerts(
  { alertOutbox }: Pick<Slo, 'alertOutbox'>,
  nowMs: number,
): UndeliveredAlert[] {
  return alertOutbox
    .filter(({ decidedMs }) => decidedMs >= nowMs - SHOWN_MS)
    .flatMap(({ alert, endMs, decidedMs, deliveries }) =>
      ALERT_RECEIVERS.flatMap((receiver): UndeliveredAlert[] => {
        const { lastError = null, attempts = 0, dueMs = null } = deliveries[receiver] ?? {};
        if (lastError === null) return [];
        const objective = alert.slice(0, alert.indexOf('/'));
        return [
          {
            receiver,
            objective: objective === '' ? null : objective,
            condition: alert.slice(objective.length + 1),
            change: endMs === null ? 'firing' : 'resolved',
            decidedMs,
            attempts,
            lastError,
            nextAttemptMs: dueMs,
          },
        ];
      }),
    );
}
