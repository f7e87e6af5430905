import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { Selection, Series } from '../promql/source.ts';
import type { AccountSeries, ConfiguredSeries } from './account-series.ts';
import { configuredValue, createConfiguredSamples } from './configured-samples.ts';
import type { MinuteGrid } from './minute-grid.ts';
import { type Need, needKey, type Plan, type Steps, stepsOf } from './sample-needs.ts';
import { assertRange, assertSamples, assertSeries, SAMPLE_BYTES } from './series-limits.ts';

/** What the selections of one query select, as the account stands. */
export interface ChosenSeries {
  readonly account: AccountSeries;
  readonly selections: readonly Selection[];
  /** Of each selection. */
  readonly series: readonly (readonly ConfiguredSeries[])[];
  /** What has to be known of which series, a series and its steps once each. */
  readonly needs: ReadonlyMap<string, Need>;
  /** The most that the samples can take. */
  readonly bytes: number;
}

/** Throws a PromqlError for more than one query may ask for. */
export function chooseSeries(
  account: AccountSeries,
  selections: readonly Selection[],
  nowMs: number,
): ChosenSeries {
  selections.forEach(assertRange);
  const series = selections.map(({ matchers }) => account.match(matchers));
  assertSeries(series);
  const needs = needsOf(selections, series, account, nowMs);
  return { account, selections, series, needs, bytes: assertSamples(needs.values()) * SAMPLE_BYTES };
}

function needsOf(
  selections: readonly Selection[],
  chosen: readonly (readonly ConfiguredSeries[])[],
  account: AccountSeries,
  nowMs: number,
): Map<string, Need> {
  const needs = new Map<string, Need>();
  selections.forEach((selection, i) => {
    const steps = stepsOf(selection);
    const toMs = Math.min(selection.toMs, lastNeeded(steps, nowMs));
    for (const series of chosen[i] ?? []) {
      const history = account.historyOf(series);
      const { firstDataAtMs, snapshotsUntilMs } = history;
      if (configuredValue(series) !== null || firstDataAtMs === null || snapshotsUntilMs === null) continue;
      const fromMs = Math.max(selection.fromMs, firstDataAtMs, account.keptFromMs - 1);
      if (toMs <= fromMs) continue;
      const need: Need = { series, history, steps, fromMs, toMs };
      const key = needKey(series, steps);
      const known = needs.get(key);
      if (known === undefined) {
        needs.set(key, need);
      } else {
        known.fromMs = Math.min(known.fromMs, fromMs);
        known.toMs = Math.max(known.toMs, toMs);
      }
    }
  });
  return needs;
}

/** A step a little ahead of the clock still sees the newest minute. */
export function lastNeeded(steps: Steps | null, nowMs: number): number {
  const lastMs = floorTo(nowMs, MINUTE_MS);
  return steps === null ? lastMs : lastMs + steps.windowMs;
}

/** The samples of each selection's series, once the columns of the plans hold all that is needed. */
export function samplesOf(
  { account, selections, series }: ChosenSeries,
  plans: ReadonlyMap<string, Plan>,
  grid: MinuteGrid,
): Series[][] {
  return selections.map((selection, i) => {
    const steps = stepsOf(selection);
    const fromMs = Math.max(selection.fromMs, account.keptFromMs - 1);
    const always = createConfiguredSamples(selection);
    const all: Series[] = [];
    for (const one of series[i] ?? []) {
      const value = configuredValue(one);
      if (value !== null) {
        all.push(always(one, account.historyOf(one).startMs, value));
        continue;
      }
      const column = plans.get(needKey(one, steps))?.column;
      const view = column?.view(fromMs, selection.toMs, grid);
      if (view !== undefined && view.start < view.end) all.push({ labels: one.labels, ...view });
    }
    return all;
  });
}
