import { builder } from './builder.ts';

/** Enums in upper case; their values inside are the words of the domain. */

export const BudgetingMethodEnum = builder.enumType('NpSloBudgetingMethod', {
  description: 'How bad minutes use up the error budget.',
  values: {
    OCCURRENCES: { value: 'occurrences', description: 'By their bad events, out of all events.' },
    TIMESLICES: { value: 'timeslices', description: 'Each slice of time counts as good or bad as a whole.' },
  },
});

export const SloStateEnum = builder.enumType('NpSloState', {
  description: 'How an objective or an SLO stands. An SLO has the state of its worst objective.',
  values: {
    EXHAUSTED: { value: 'exhausted', description: 'The error budget is spent.' },
    AT_RISK: {
      value: 'at_risk',
      description: 'Less than a quarter of the budget is left, or it burns at a rate that pages.',
    },
    HEALTHY: { value: 'healthy', description: 'Neither of these.' },
    NO_DATA: { value: 'no_data', description: 'Nothing was observed in the window.' },
  },
});

export const ThresholdOpEnum = builder.enumType('NpSloThresholdOp', {
  description: 'How a point is compared with the value of its objective.',
  values: {
    LT: { value: 'lt', description: 'Good when less than the value.' },
    LTE: { value: 'lte', description: 'Good when less than or equal to the value.' },
    GT: { value: 'gt', description: 'Good when greater than the value.' },
    GTE: { value: 'gte', description: 'Good when greater than or equal to the value.' },
  },
});

export const AlertSeverityEnum = builder.enumType('NpSloAlertSeverity', {
  description: 'Whom an alert is for.',
  values: {
    PAGE: { value: 'page', description: 'Wakes someone.' },
    TICKET: { value: 'ticket', description: 'Waits for working hours.' },
  },
});

export const PeriodEnum = builder.enumType('NpSloPeriod', {
  description: 'The period of a report, in the time zone of the SLO; UTC for a rolling one.',
  values: {
    DAY: { value: 'day', description: 'From midnight to midnight.' },
    WEEK: { value: 'week', description: 'From Monday to Monday.' },
    MONTH: { value: 'month', description: 'A calendar month.' },
    QUARTER: { value: 'quarter', description: 'January to March, and so on.' },
    YEAR: { value: 'year', description: 'A calendar year.' },
  },
});

export const ReportUnitEnum = builder.enumType('NpSloReportUnit', {
  description: 'What a report counts.',
  values: {
    EVENTS: { value: 'events', description: 'Events.' },
    MINUTES: { value: 'minutes', description: 'Minutes of time slices.' },
    SHARES: { value: 'shares', description: 'Shares of one, of a composite.' },
  },
});

export const ReportGroupingEnum = builder.enumType('NpSloReportGrouping', {
  description: 'By what reports are summed up.',
  values: {
    PROJECT: { value: 'project', description: 'By project.' },
    SERVICE: { value: 'service', description: 'By service.' },
    LABEL: { value: 'label', description: 'By the value of the label that `label` names.' },
  },
});

export const SortEnum = builder.enumType('NpSloSort', {
  description: 'The order of a list of SLOs; `_DESC` turns it round.',
  values: {
    NAME: { value: 'name', description: 'By name.' },
    NAME_DESC: { value: '-name', description: 'By name, last first.' },
    PROJECT: { value: 'project', description: 'By project.' },
    PROJECT_DESC: { value: '-project', description: 'By project, last first.' },
    STATE: { value: 'state', description: 'By state, worst first.' },
    STATE_DESC: { value: '-state', description: 'By state, best first.' },
    BUDGET: { value: 'budget', description: 'By remaining budget, least first.' },
    BUDGET_DESC: { value: '-budget', description: 'By remaining budget, most first.' },
    CREATED_AT: { value: 'created_at', description: 'By creation, oldest first.' },
    CREATED_AT_DESC: { value: '-created_at', description: 'By creation, newest first.' },
    UPDATED_AT: { value: 'updated_at', description: 'By the last change, oldest first.' },
    UPDATED_AT_DESC: { value: '-updated_at', description: 'By the last change, newest first.' },
  },
});

export const ErrorCodeEnum = builder.enumType('NpSloErrorCode', {
  description: 'What kind of fault kept a mutation from being done.',
  values: {
    MALFORMED: { value: 'malformed', description: 'The request cannot be read.' },
    UNAUTHORIZED: { value: 'unauthorized', description: 'No valid credentials.' },
    FORBIDDEN: { value: 'forbidden', description: 'The role may not do this.' },
    LICENSE_STALE: { value: 'license_stale', description: 'The licence allows no change of definitions.' },
    NOT_FOUND: { value: 'not_found', description: 'There is no such thing in this account.' },
    CONFLICT: {
      value: 'conflict',
      description: 'Something else is in the way, such as an SLO of that name.',
    },
    TOO_LARGE: { value: 'too_large', description: 'More than is taken at once.' },
    UNSUPPORTED_MEDIA_TYPE: {
      value: 'unsupported_media_type',
      description: 'The content type is not taken.',
    },
    INVALID: { value: 'invalid', description: 'A value is not allowed; `path` says which.' },
    RATE_LIMITED: { value: 'rate_limited', description: 'Too many requests; try again later.' },
    UNAVAILABLE: { value: 'unavailable', description: 'The database is away; try again later.' },
  },
});

export const AlertReceiverEnum = builder.enumType('NpSloAlertReceiver', {
  description: 'Who takes alerts.',
  values: {
    ROUTER: { value: 'router', description: 'The alert router.' },
    ALERTMANAGER: { value: 'alertmanager', description: 'Alertmanager.' },
  },
});

export const AlertChangeEnum = builder.enumType('NpSloAlertChange', {
  description: 'What there is to tell of an alert.',
  values: {
    FIRING: { value: 'firing', description: 'It fires.' },
    RESOLVED: { value: 'resolved', description: 'It is over.' },
  },
});
