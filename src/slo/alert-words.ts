import { formatDuration } from '../lib/duration.ts';
import type { AlertCondition } from './alert-policy.ts';
import { alertId } from './alert-state.ts';
import { alertKey, policyConditions } from './alerting.ts';
import type { Slo } from './definition.ts';
import { windowAt } from './window.ts';

/** An alert that an SLO can have. */
export interface PossibleAlert {
  readonly id: string;
  /** Null for what is about the SLO as a whole. */
  readonly objective: string | null;
  readonly condition: AlertCondition;
}

/** The alerts that an SLO can have at `tMs`: each condition for each objective, missing data once. */
export function alertsOf(
  { alertPolicy, timeWindow, objectives }: Pick<Slo, 'alertPolicy' | 'timeWindow' | 'objectives'>,
  tMs: number,
): PossibleAlert[] {
  return policyConditions(alertPolicy, windowAt(timeWindow, tMs).lengthMs).flatMap(
    (condition): PossibleAlert[] => {
      const key = alertKey(condition);
      return condition.type === 'no_data'
        ? [{ id: alertId('', key), objective: null, condition }]
        : objectives.map(({ name }) => ({ id: alertId(name, key), objective: name, condition }));
    },
  );
}

/** What an alert is told with. */
export interface AlertWords {
  /** These name the alert; the same as long as it fires. */
  readonly labels: Readonly<Record<string, string>>;
  /** For people. */
  readonly annotations: Readonly<Record<string, string>>;
}

const ALERT_NAMES = {
  burn_rate: 'SloBurnRate',
  budget: 'SloBudgetLow',
  time_to_exhaustion: 'SloBudgetExhaustion',
  no_data: 'SloNoData',
} as const;

/** The labels and the text of an alert. Own labels do not hide those that name the alert. */
export function alertWords(slo: Slo, objective: string | null, condition: AlertCondition): AlertWords {
  const { alertPolicy } = slo;
  const own = { ...slo.labels, ...alertPolicy.labels, ...condition.labels };
  const runbookUrl = condition.runbookUrl ?? alertPolicy.runbookUrl;
  const about = objective === null ? '' : ` (objective ${objective})`;
  return {
    labels: {
      // Receivers take letters, digits and underscores only.
      ...Object.fromEntries(Object.entries(own).map(([name, value]) => [name.replace(/[.-]/g, '_'), value])),
      alertname: ALERT_NAMES[condition.type],
      severity: condition.severity,
      source_account_id: slo.accountId,
      project: slo.project,
      slo: slo.name,
      service: slo.service,
      ...(objective === null ? {} : { objective }),
      condition: alertKey(condition),
    },
    annotations: {
      summary: `${slo.displayName || slo.name}${about}: ${sentence(condition)}`,
      ...(slo.description === '' ? {} : { description: slo.description }),
      ...(runbookUrl === undefined ? {} : { runbook_url: runbookUrl }),
    },
  };
}

function sentence(condition: AlertCondition): string {
  switch (condition.type) {
    case 'burn_rate':
      return (
        `the error budget burns at ${Number(condition.factor.toPrecision(4))} times the allowed rate or more ` +
        `over ${formatDuration(condition.longMs)} and ${formatDuration(condition.shortMs)}`
      );
    case 'budget':
      return `less than ${Number((condition.below * 100).toPrecision(4))} % of the error budget remains`;
    case 'time_to_exhaustion':
      return `the error budget is spent in less than ${formatDuration(condition.belowMs)}`;
    case 'no_data':
      return `nothing has been measured for ${formatDuration(condition.forMs)}`;
  }
}
