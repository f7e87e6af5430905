import type { AlertMessage, AlertReceiver } from './alert-message.ts';
import { alertsOf, alertWords } from './alert-words.ts';
import type { Slo } from './definition.ts';

/** An alert of which it was told that it fires, and nothing since. */
export type ToldAlert = Pick<AlertMessage, 'sinceMs' | 'endMs' | 'labels' | 'annotations'>;

/** The alerts that the receiver knows to fire: neither those that it is still to be told of, nor of whose end. */
export function toldAlerts(slo: Slo, receiver: AlertReceiver): ToldAlert[] {
  const { evaluatedAtMs, alerts, alertOutbox } = slo;
  if (evaluatedAtMs === null) return [];
  return alertsOf(slo, evaluatedAtMs).flatMap(({ id, objective, condition }): ToldAlert[] => {
    const { told = null, labels } = alerts[id] ?? {};
    if (told?.untilMs !== null) return [];
    const isOnItsWay = alertOutbox.some(
      ({ alert, deliveries }) => alert === id && deliveries[receiver]?.state !== 'taken',
    );
    if (isOnItsWay) return [];
    const words = alertWords(slo, objective, condition);
    return [{ ...words, labels: labels ?? words.labels, sinceMs: told.sinceMs, endMs: null }];
  });
}
