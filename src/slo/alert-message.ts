/** Whoever takes alerts: nSelf's alert router, or Alertmanager. */
export type AlertReceiver = 'router' | 'alertmanager';

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
  /** As they were when the alert began to fire, so that whoever takes it knows it again. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Who has taken it. */
  readonly delivered: readonly AlertReceiver[];
  readonly attempts: number;
  /** When it is next to be sent; null for a message that was given up. */
  readonly dueMs: number | null;
  readonly lastError: string | null;
}

/** Messages that are kept of one SLO. */
const MAX_MESSAGES = 100;

/** The newest of the messages, so that the row of an SLO that none takes messages of stays small. */
export function keepNewest(messages: readonly AlertMessage[]): readonly AlertMessage[] {
  return messages.slice(-MAX_MESSAGES);
}

/** When the next of the messages is due; null for none. */
export function nextDueMs(messages: readonly AlertMessage[]): number | null {
  const due = messages.flatMap(({ dueMs }) => (dueMs === null ? [] : [dueMs]));
  return due.length === 0 ? null : Math.min(...due);
}
