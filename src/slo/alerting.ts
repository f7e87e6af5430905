import { DAY_MS, formatDuration, HOUR_MS, MINUTE_MS } from '../lib/duration.ts';
import type { AlertCondition, AlertPolicy, AlertSeverity, BurnRateCondition } from './alert-policy.ts';
import { allowedErrorRatio, atLeast, atMost } from './budget.ts';
import type { SloDefinition } from './definition.ts';
import { windowAt } from './window.ts';

interface WorkbookPair {
  readonly severity: AlertSeverity;
  readonly longMs: number;
  readonly shortMs: number;
  /** The share of the whole budget, in percent, that the factor spends within the long window. */
  readonly sharePercent: number;
}

/** The SRE Workbook's multiwindow, multi-burn-rate alerts. */
const WORKBOOK_PAIRS: readonly WorkbookPair[] = [
  { severity: 'page', longMs: HOUR_MS, shortMs: 5 * MINUTE_MS, sharePercent: 2 },
  { severity: 'page', longMs: 6 * HOUR_MS, shortMs: 30 * MINUTE_MS, sharePercent: 5 },
  { severity: 'ticket', longMs: DAY_MS, shortMs: 2 * HOUR_MS, sharePercent: 10 },
  { severity: 'ticket', longMs: 3 * DAY_MS, shortMs: 6 * HOUR_MS, sharePercent: 10 },
];

const CACHE_LIMIT = 1000;
const cache = new Map<number, readonly BurnRateCondition[]>();

/**
 * The default conditions for an SLO whose period is `periodMs` long: the windows stay, the factors scale,
 * at least 1 since a slower burn never spends a budget. Pairs that look back further than the period are
 * left out. The same array is returned for the same period.
 */
export function defaultConditions(periodMs: number): readonly BurnRateCondition[] {
  const known = cache.get(periodMs);
  if (known !== undefined) return known;
  const conditions = WORKBOOK_PAIRS.filter(({ longMs }) => longMs <= periodMs).map(
    ({ severity, longMs, shortMs, sharePercent }): BurnRateCondition => ({
      type: 'burn_rate',
      severity,
      longMs,
      shortMs,
      // Whole numbers until the one division: 28 d gives 2.8 and not 2.8000000000000003.
      factor: Math.max(1, (sharePercent * periodMs) / (100 * longMs)),
    }),
  );
  if (cache.size >= CACHE_LIMIT) cache.clear();
  cache.set(periodMs, conditions);
  return conditions;
}

/** Both burn rates reach the factor; never where one of them is unknown. */
export function conditionHolds(
  condition: BurnRateCondition,
  longBurnRate: number | null,
  shortBurnRate: number | null,
): boolean {
  return (
    longBurnRate !== null &&
    shortBurnRate !== null &&
    atLeast(longBurnRate, condition.factor) &&
    atLeast(shortBurnRate, condition.factor)
  );
}

/**
 * The window of a condition that is asked about first; the other one only where this one burns. Of a page the long
 * one, which statuses look at anyway; of a ticket the short one, which lies near, and mostly is one of those.
 */
export function firstWindow({ severity, longMs, shortMs }: BurnRateCondition): {
  readonly firstMs: number;
  readonly otherMs: number;
} {
  return severity === 'page' ? { firstMs: longMs, otherMs: shortMs } : { firstMs: shortMs, otherMs: longMs };
}

/** False when even a full outage burns slower than the factor asks for. */
export function canFire(condition: BurnRateCondition, target: number): boolean {
  return atMost(condition.factor * allowedErrorRatio(target), 1);
}

/** What names a condition among those of its policy, however its window's factor scales: `burn_rate:1h:5m:page`. */
export function alertKey(condition: AlertCondition): string {
  switch (condition.type) {
    case 'burn_rate':
      return `burn_rate:${formatDuration(condition.longMs)}:${formatDuration(condition.shortMs)}:${condition.severity}`;
    case 'budget':
      return `budget:${condition.below}:${condition.severity}`;
    case 'time_to_exhaustion':
      return `time_to_exhaustion:${formatDuration(condition.belowMs)}:${condition.severity}`;
    case 'no_data':
      return `no_data:${formatDuration(condition.forMs)}:${condition.severity}`;
  }
}

/** All conditions of a policy that apply to a period of this length. */
export function policyConditions({ conditions }: AlertPolicy, periodMs: number): readonly AlertCondition[] {
  if (conditions === 'default') return defaultConditions(periodMs);
  return conditions.filter((condition) => condition.type !== 'burn_rate' || condition.longMs <= periodMs);
}

/** A sentence for each alert of the policy that can never fire, and one when no default one applies at all. */
export function neverFiresWarnings(
  {
    timeWindow,
    objectives,
    alertPolicy,
  }: Pick<SloDefinition, 'timeWindow' | 'objectives'> & Partial<Pick<SloDefinition, 'alertPolicy'>>,
  nowMs: number,
): string[] {
  const { lengthMs } = windowAt(timeWindow, nowMs);
  const policy = alertPolicy ?? { conditions: 'default' };
  const conditions = policyConditions(policy, lengthMs);
  if (conditions.length === 0 && policy.conditions === 'default') {
    return ['The time window is shorter than an hour, so no burn-rate alert applies to this SLO.'];
  }
  const tooLong = (policy.conditions === 'default' ? [] : policy.conditions).flatMap((condition) =>
    condition.type === 'burn_rate' && condition.longMs > lengthMs
      ? [`${burnTitle(condition)} can never fire, since it looks back further than the time window.`]
      : [],
  );
  const tooSlow = objectives.flatMap(({ name, target }) =>
    conditions.flatMap((condition) => {
      if (condition.type !== 'burn_rate' || canFire(condition, target)) return [];
      const highest = plain(1 / allowedErrorRatio(target));
      return [
        `Objective "${name}": the ${burnTitle(condition).slice('The '.length)} can never fire, ` +
          `since it needs a burn rate of ${plain(condition.factor)} and a full outage burns at ${highest} ` +
          `with a target of ${target}.`,
      ];
    }),
  );
  const tooLow = objectives.flatMap(({ name, target }) =>
    conditions.flatMap((condition) => {
      const lowest = 1 - 1 / allowedErrorRatio(target);
      if (condition.type !== 'budget' || condition.below > lowest) return [];
      return [
        `Objective "${name}": the ${condition.severity} alert on a budget below ${plain(condition.below)} can ` +
          `never fire, since a full outage leaves ${plain(lowest)} with a target of ${target}.`,
      ];
    }),
  );
  return [...tooLong, ...tooSlow, ...tooLow];
}

function burnTitle({ severity, longMs, shortMs }: BurnRateCondition): string {
  return `The ${severity} alert over ${formatDuration(longMs)} and ${formatDuration(shortMs)}`;
}

function plain(value: number): string {
  return String(Number(value.toPrecision(4)));
}
