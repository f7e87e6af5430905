import { DAY_MS, floorTo, HOUR_MS, MINUTE_MS } from '../lib/duration.ts';
import { policyConditions } from '../slo/alerting.ts';
import { type DeepCondition, deepConditions } from '../slo/deep-alerts.ts';
import { statusLookbacks } from '../slo/instants.ts';
import { ruleSegments } from '../slo/revision.ts';
import { lookbackReach, type ObjectiveRule } from '../slo/rule.ts';
import { windowAt } from '../slo/window.ts';
import type { RewriteSpan, SpannedSeries } from './series-plan.ts';

/**
 * Rows that know of a change only by their window: it holds the change whole, and every look-back of a status ends
 * after it. What they count moves by what the change has added, and that is all.
 */
export interface MovedSpan extends RewriteSpan {
  readonly rule: ObjectiveRule;
  /** Conditions of alerts that look back to the change for longer, up to `judgedUntilMs`; mostly a few. */
  readonly deep: readonly DeepCondition[];
  readonly judgedUntilMs: number;
  /** The hours that end from here on are what the short windows of `deep` are made of. */
  readonly hoursFromMs: number;
}

/** Fewer rows than these are as soon computed. */
const LEAST_ROWS = 200;

/**
 * Of a span that is to be computed, the rows that need not be, and those before them, which must; null where it is
 * all or next to all. Behind the moved rows up to the end of the span it must be computed again.
 */
export function splitSpan({ slo, objective, span, lastRowMs, changes }: SpannedSeries): {
  readonly near: RewriteSpan;
  readonly moved: MovedSpan;
} | null {
  const first = changes[0]?.minuteMs;
  const last = changes.at(-1)?.minuteMs;
  if (first === undefined || last === undefined || lastRowMs === null) return null;
  // So it is for most: their minute is new.
  if (Math.min(lastRowMs, span.untilMs) - last < LEAST_ROWS * MINUTE_MS) return null;
  if (slo.sli.type === 'composite' || slo.budgetingMethod === 'timeslices') return null;
  const [segment] = ruleSegments(slo, objective, span.fromMs, span.untilMs + 1);
  // Under two rules a row does not say by which of them its neighbours were judged.
  if (segment === undefined || segment.fromMs > span.fromMs || segment.toMs <= span.untilMs) return null;
  const { rule } = segment;

  const changedAt = last + MINUTE_MS;
  const endOfDay = floorTo(last, DAY_MS) + DAY_MS;
  const { lengthMs } = windowAt(rule.timeWindow, changedAt);
  const conditions = policyConditions(slo.alertPolicy, lengthMs);
  // Those depend on the window, and so on every one of its rows.
  if (conditions.some(({ type }) => type === 'budget' || type === 'time_to_exhaustion')) return null;
  const shorts = conditions.flatMap((one) => (one.type === 'burn_rate' ? [one.shortMs] : []));
  const reach = Math.max(...statusLookbacks(rule), ...shorts.map((ms) => lookbackReach(rule, ms)));
  const near = { fromMs: span.fromMs, untilMs: Math.max(endOfDay, changedAt + reach) };

  const fromMs = near.untilMs + MINUTE_MS;
  const window = windowAt(rule.timeWindow, fromMs);
  if (window.startMs > first) return null;
  const lastSeenMs = window.rolling ? first + window.lengthMs : window.endMs - MINUTE_MS;
  const untilMs = Math.min(lastSeenMs, lastRowMs, span.untilMs);
  if (untilMs - fromMs < LEAST_ROWS * MINUTE_MS) return null;
  const deep = deepConditions(slo.alertPolicy, rule, lengthMs, near.untilMs - changedAt);
  const longest = Math.max(0, ...deep.map(({ condition }) => lookbackReach(rule, condition.longMs)));
  const deepShort = Math.max(0, ...deep.map(({ condition }) => condition.shortMs));
  return {
    near,
    moved: {
      fromMs,
      untilMs,
      rule,
      deep,
      judgedUntilMs: Math.min(untilMs, changedAt + longest),
      hoursFromMs: fromMs - deepShort + HOUR_MS,
    },
  };
}
