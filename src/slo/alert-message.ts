/** Whoever takes alerts: nSelf's alert router, or Alertmanager. */
export const ALERT_RECEIVERS = ['router', 'alertmanager'] as const;
export type AlertReceiver = (typeof ALERT_RECEIVERS)[number];

/** How far the telling of one message to one receiver has come. */
export interface Delivery {
  /** `given_up`: the receiver does not want it, or was not to be reached for too long. */
  readonly state: 'waiting' | 'taken' | 'given_up';
  /** Times that it was sent, or was about to be. */
  readonly attempts: number;
  /** When it is next to be sent; null unless it waits. */
  readonly dueMs: number | null;
  /** Of the last attempt that failed. It never holds what the receiver has answered. */
  readonly lastError: string | null;
}

/** One change of an alert, to be told to every receiver. */
export interface AlertMessage {
  /** UUID. */
  readonly id: string;
  /** The alert within its SLO: see `alertId`. */
  readonly alert: string;
  /** When it began to fire. */
  readonly sinceMs: number;
  /** When it resolved; null: it fires. */
  readonly endMs: number | null;
  /** When it was decided to tell it. */
  readonly decidedMs: number;
  /** As they were when the alert began to fire, so that whoever takes it knows it again. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** A receiver that is not in it was not tried yet. */
  readonly deliveries: Readonly<Partial<Record<AlertReceiver, Delivery>>>;
  /** When it is next to be sent to any receiver; null when it is given up by those that have not taken it. */
  readonly dueMs: number | null;
}

/** What is to be told: a message without the fate of its delivery. */
export type AlertNews = Omit<AlertMessage, 'deliveries' | 'dueMs'>;

/** When the next of the messages is due; null for none. */
export function nextDueMs(messages: readonly AlertMessage[]): number | null {
  const due = messages.flatMap(({ dueMs }) => (dueMs === null ? [] : [dueMs]));
  return due.length === 0 ? null : Math.min(...due);
}
