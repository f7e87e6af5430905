import { DAY_MS, formatDuration, HOUR_MS, MINUTE_MS } from '../lib/duration.ts';
import { allowedErrorRatio, atLeast, atMost } from './budget.ts';
import type { AlertSeverity, BurnRateCondition, SloDefinition } from './definition.ts';
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

/** False when even a full outage burns slower than the factor asks for. */
export function canFire(condition: BurnRateCondition, target: number): boolean {
  return atMost(condition.factor * allowedErrorRatio(target), 1);
}

/** A sentence for each alert of the default policy that can never fire, and one when none applies at all. */
export function neverFiresWarnings(
  definition: Pick<SloDefinition, 'timeWindow' | 'objectives'>,
  nowMs: number,
): string[] {
  const { lengthMs } = windowAt(definition.timeWindow, nowMs);
  const conditions = defaultConditions(lengthMs);
  if (conditions.length === 0) {
    return ['The time window is shorter than an hour, so no burn-rate alert applies to this SLO.'];
  }
  return definition.objectives.flatMap(({ name, target }) =>
    conditions
      .filter((condition) => !canFire(condition, target))
      .map(({ severity, longMs, shortMs, factor }) => {
        const windows = `${formatDuration(longMs)} and ${formatDuration(shortMs)}`;
        const highest = plain(1 / allowedErrorRatio(target));
        return (
          `Objective "${name}": the ${severity} alert over ${windows} can never fire, ` +
          `since it needs a burn rate of ${plain(factor)} and a full outage burns at ${highest} ` +
          `with a target of ${target}.`
        );
      }),
  );
}

function plain(value: number): string {
  return String(Number(value.toPrecision(4)));
}
