import { MINUTE_MS } from '../lib/duration.ts';
import { adjustedFinder } from '../slo/adjustment.ts';
import { UNKNOWN_VALUES } from '../slo/counter.ts';
import type { Slo } from '../slo/definition.ts';
import type { MinuteChange } from '../slo/rewrite.ts';
import { INTERPOLATION_REACH_MS, settleMinutes } from '../slo/settle.ts';
import type { MinuteReceived } from '../slo/sli.ts';
import type { Tx } from '../storage/client.ts';
import { loadCounterSurroundings, loadReceived } from '../storage/received-minutes.ts';
import type { SeriesKey } from '../storage/series-columns.ts';

/** What has come in for a series. */
interface ChangedSeries {
  readonly slo: Slo;
  readonly objective: string;
  /** Ascending, one a minute. */
  readonly changes: readonly MinuteReceived[];
  /** Minutes of which it is decided anew what of them is used: the first and the last one. */
  readonly resettle?: { readonly fromMs: number; readonly untilMs: number };
}

interface Hanging extends ChangedSeries {
  readonly key: SeriesKey;
  /** Place in the list of all. */
  readonly index: number;
  /** The first and the last minute that may come out different. */
  readonly fromMs: number;
  readonly untilMs: number;
}

const isCounter = ({ sli }: Slo): boolean => sli.type === 'ratio' && sli.incremental;

/** How far a change of one minute reaches into others. */
const reachOf = ({ sli }: Slo): number =>
  sli.type === 'ratio' && sli.alignment === 'interpolate' ? INTERPOLATION_REACH_MS : 0;

function hangsTogether(slo: Slo): boolean {
  return isCounter(slo) || reachOf(slo) > 0 || slo.adjustments.length > 0;
}

/** The minutes that a change names, the first and the last one; null for none. */
function extentOf({ changes, resettle }: ChangedSeries): { fromMs: number; untilMs: number } | null {
  const fromMs = Math.min(
    changes[0]?.minuteMs ?? Number.POSITIVE_INFINITY,
    resettle?.fromMs ?? Number.POSITIVE_INFINITY,
  );
  const untilMs = Math.max(
    changes.at(-1)?.minuteMs ?? Number.NEGATIVE_INFINITY,
    resettle?.untilMs ?? Number.NEGATIVE_INFINITY,
  );
  return fromMs <= untilMs ? { fromMs, untilMs } : null;
}

/**
 * What the changes do to each minute, in their order. Where minutes hang together, as those of counters do, the
 * ones beside the changed minutes are read and settled with them; other changes are returned as they are.
 */
export async function settleChanges(
  tx: Tx,
  all: readonly ChangedSeries[],
): Promise<(readonly MinuteChange[])[]> {
  const settled: (readonly MinuteChange[])[] = all.map(({ changes }) => changes);
  const hanging = all.flatMap((series, index): Hanging[] => {
    const { slo, objective, resettle } = series;
    const extent = extentOf(series);
    if (extent === null || (resettle === undefined && !hangsTogether(slo))) return [];
    const key = { accountId: slo.accountId, sloId: slo.id, objective };
    const reach = reachOf(slo);
    return [{ ...series, key, index, fromMs: extent.fromMs - reach, untilMs: extent.untilMs + reach }];
  });
  if (hanging.length === 0) return settled;

  const keys = hanging.map(({ key }) => key);
  // Rows stand at the end of their minute; neighbours of the outermost minutes are needed too.
  const startOf = ({ slo, fromMs }: Hanging): number => fromMs - reachOf(slo) + MINUTE_MS;
  const counters = hanging.flatMap((series, i) => (isCounter(series.slo) ? [{ series, i }] : []));
  const surroundings = await loadCounterSurroundings(
    tx,
    keys,
    counters.map(({ series, i }) => {
      const toMs = series.untilMs - reachOf(series.slo) + MINUTE_MS;
      return { series: i, fromMs: startOf(series), toMs };
    }),
  );
  const around = new Map(counters.map(({ i }, n) => [i, surroundings[n]]));
  const widened = hanging.map((series, i) => {
    const nextMs = around.get(i)?.nextMs ?? null;
    const untilMs = nextMs === null ? series.untilMs : nextMs - MINUTE_MS + reachOf(series.slo);
    return { ...series, untilMs: Math.max(series.untilMs, untilMs) };
  });
  const stored = await loadReceived(
    tx,
    keys,
    widened.map((series, i) => ({
      series: i,
      fromMs: startOf(series),
      toMs: series.untilMs + reachOf(series.slo) + MINUTE_MS,
    })),
  );
  widened.forEach(({ slo, changes, index, fromMs, untilMs }, i) => {
    settled[index] = settleMinutes({
      sli: slo.sli,
      stored: stored[i] ?? [],
      changes,
      before: around.get(i)?.before ?? UNKNOWN_VALUES,
      isAdjusted: adjustedFinder(slo.adjustments, fromMs - reachOf(slo), untilMs + reachOf(slo) + MINUTE_MS),
      fromMs,
      untilMs,
    });
  });
  return settled;
}
