/** Whom an alert is for: someone to be woken, or working hours. */
export type AlertSeverity = 'page' | 'ticket';

interface ConditionFields {
  readonly severity: AlertSeverity;
  /** For how long the condition must not have held before the alert resolves; left out: the default of its kind. */
  readonly resolveAfterMs?: number;
  /** Beside and before those of the policy. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly runbookUrl?: string;
}

/** Holds when the burn rate over both windows is at least `factor`. */
export interface BurnRateCondition extends ConditionFields {
  readonly type: 'burn_rate';
  readonly longMs: number;
  readonly shortMs: number;
  readonly factor: number;
}

/** Holds while less than `below` of the error budget remains. */
export interface BudgetCondition extends ConditionFields {
  readonly type: 'budget';
  readonly below: number;
}

/** Holds while the budget, at the burn rate of the last hour, is spent sooner than in `belowMs`. */
export interface ExhaustionCondition extends ConditionFields {
  readonly type: 'time_to_exhaustion';
  readonly belowMs: number;
}

/** Holds when nothing has come in for `forMs`. */
export interface NoDataCondition extends ConditionFields {
  readonly type: 'no_data';
  readonly forMs: number;
}

export type AlertCondition = BurnRateCondition | BudgetCondition | ExhaustionCondition | NoDataCondition;

/** A time in which nobody is told that an alert fires: `[startsAtMs, endsAtMs)`. */
export interface Silence {
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  readonly reason: string;
}

export interface AlertPolicy {
  /** `default`: the four conditions of the SRE Workbook, scaled to the SLO's period. */
  readonly conditions: 'default' | readonly AlertCondition[];
  /** Sent with every alert. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly runbookUrl?: string;
  readonly silences?: readonly Silence[];
}
