import type { HeldRuns } from '../slo/alert-runs.ts';
import type { Judged } from '../slo/alert-watch.ts';
import { allowedErrorRatio, TOLERANCE } from '../slo/budget.ts';
import { cannotHold, deepRuns } from '../slo/deep-alerts.ts';
import { lookbackReach } from '../slo/rule.ts';
import { RunningTotals } from '../slo/running-totals.ts';
import { AT_RISK_BUDGET } from '../slo/status.ts';
import type { Tx } from '../storage/client.ts';
import { moveCounts } from '../storage/move-counts.ts';
import { loadRuns } from '../storage/series-columns.ts';
import type { MovedSpan } from './moved-span.ts';
import { rowsOf, type SpannedSeries } from './series-plan.ts';

/** What a change, all of it before the moved rows, has done to their windows. */
export interface WindowMove {
  readonly series: SpannedSeries;
  readonly moved: MovedSpan;
  /** What was added to every window. */
  readonly good: number;
  readonly total: number;
  /** The highest burn rate of the rows from `moved.hoursFromMs` to the moved ones; null for none. */
  readonly burnBefore: number | null;
}

/**
 * Brings rows up to date that need not be computed, and judges the alerts that look further back. All rows before
 * them must have been written. Null where one of the rows cannot be moved: then all of them are to be computed.
 */
export async function moveWindows(tx: Tx, move: WindowMove): Promise<readonly Judged[] | null> {
  const { series, moved, good, total, burnBefore } = move;
  const { fromMs, untilMs, judgedUntilMs, rule, deep } = moved;
  // The minute came in again as it stood.
  if (good === 0 && total === 0 && series.changes.length === 1) return [];
  if (!Number.isSafeInteger(good) || !Number.isSafeInteger(total)) return null;
  const { rows, highestBurn } = await moveCounts(tx, {
    key: series.key,
    fromMs,
    untilMs,
    good,
    total,
    allowedRatio: allowedErrorRatio(rule.objective.target),
    exhaustedUpTo: TOLERANCE,
    atRiskBelow: AT_RISK_BUDGET - TOLERANCE,
    burnUntilMs: judgedUntilMs,
  });
  if (rows !== rowsOf(moved)) return null;
  if (deep.length === 0) return [];
  const burns = [highestBurn, burnBefore].filter((burn) => burn !== null);
  const isQuiet = cannotHold(deep, burns.length === 0 ? null : Math.max(...burns));
  const runs = isQuiet ? new Map<string, HeldRuns>() : await judgeDeep(tx, move);
  const only = new Set(deep.map(({ id }) => id));
  return [{ objective: series.objective, fromMs, untilMs: judgedUntilMs, runs, only }];
}

async function judgeDeep(tx: Tx, { series, moved }: WindowMove): Promise<Judged['runs']> {
  const { rule, deep, fromMs, judgedUntilMs } = moved;
  const reach = Math.max(...deep.map(({ condition }) => lookbackReach(rule, condition.longMs)));
  const [loaded] = await loadRuns(
    tx,
    [series.key],
    [{ series: 0, fromMs: fromMs - reach, toMs: judgedUntilMs }],
  );
  if (loaded === undefined) return new Map();
  const totals = new RunningTotals(loaded.at.length);
  totals.load(loaded, loaded.bases);
  return deepRuns(deep, rule, { fromMs, untilMs: judgedUntilMs }, totals.between);
}
