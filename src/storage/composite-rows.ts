import { MINUTE_MS } from '../lib/duration.ts';
import type { PendingUnit } from '../slo/composite-view.ts';
import { sliceIsGood } from '../slo/sli.ts';
import type { Tx } from './client.ts';
import {
  hasData,
  IN_STRETCH,
  KEYS,
  keyParameters,
  LAST_ROW,
  OWN,
  RANGES,
  rangeParameters,
  type SeriesKey,
  type SeriesRange,
  STRETCH,
} from './series-columns.ts';

/** A row as composites look at it, their own and those of their components. */
export interface CompositeRow {
  readonly atMs: number;
  readonly usedGood: number | null;
  readonly usedTotal: number | null;
  readonly dataUnused: boolean;
  readonly budget: number | null;
  /** Composites: when the minute was decided on; null for at its end. */
  readonly evaluatedAtMs: number | null;
  readonly countedAtMs: number | null;
  readonly delay: readonly (number | null)[] | null;
  readonly wasDelayed: readonly (number | null)[] | null;
}

interface Row {
  n: number;
  at: Date;
  used_good: number | null;
  used_total: number | null;
  data_unused: boolean | null;
  budget: number | null;
  evaluated_at: Date | null;
  counted_at: Date | null;
  component_delay: (number | null)[] | null;
  component_was_delayed: (number | null)[] | null;
}

const COLUMNS = [
  'at',
  'used_good',
  'used_total',
  'data_unused',
  'budget',
  'evaluated_at',
  'counted_at',
  'component_delay',
  'component_was_delayed',
];

/** The rows of the ranges, ascending; one list a range, in their order. */
export async function loadCompositeRows(
  { client }: Tx,
  keys: readonly SeriesKey[],
  ranges: readonly SeriesRange[],
): Promise<CompositeRow[][]> {
  const lists: CompositeRow[][] = ranges.map(() => []);
  if (ranges.length === 0) return lists;
  const { rows } = await client.query<Row>({
    name: 'load-composite-rows',
    text: `SELECT k.n::int AS n, q.* FROM ${RANGES}
           CROSS JOIN LATERAL (SELECT s.* FROM ${STRETCH(COLUMNS, 'k.from_at', 'k.to_at')}) q
           ORDER BY k.n, q.at`,
    values: rangeParameters(keys, ranges),
  });
  for (const row of rows) {
    lists[row.n - 1]?.push({
      atMs: row.at.getTime(),
      usedGood: row.used_good,
      usedTotal: row.used_total,
      dataUnused: row.data_unused === true,
      budget: row.budget,
      evaluatedAtMs: row.evaluated_at?.getTime() ?? null,
      countedAtMs: row.counted_at?.getTime() ?? null,
      delay: row.component_delay,
      wasDelayed: row.component_was_delayed,
    });
  }
  return lists;
}

/** Start of each series' first minute with data; null where there is none. */
export async function firstDataOf({ client }: Tx, keys: readonly SeriesKey[]): Promise<(number | null)[]> {
  if (keys.length === 0) return [];
  const { rows } = await client.query<{ at: Date | null }>({
    name: 'first-data-of',
    text: `SELECT (
             SELECT l.at FROM (
               SELECT d.at FROM np_slo_snapshots d WHERE ${OWN('d')} AND d.base_good IS NOT NULL ORDER BY d.at
             ) day CROSS JOIN LATERAL (
               SELECT min(r.at) AS at FROM np_slo_snapshots r
               WHERE ${IN_STRETCH('r', 'day.at', `day.at + interval '1439 minutes'`)} AND ${hasData('r')}
             ) l WHERE l.at IS NOT NULL ORDER BY day.at LIMIT 1
           ) - interval '1 minute' AS at FROM ${KEYS} ORDER BY k.n`,
    values: keyParameters(keys),
  });
  return rows.map((row) => row.at?.getTime() ?? null);
}

/** What components have cost up to a row, as it is stored. */
export interface LossRow {
  readonly atMs: number;
  readonly pairs: readonly (number | null)[];
}

/** Rows of one composite over the ranges, each reaching back to the last row at or before its start; ascending. */
export async function loadLosses(
  { client }: Tx,
  key: SeriesKey,
  ranges: readonly Omit<SeriesRange, 'series'>[],
): Promise<LossRow[]> {
  if (ranges.length === 0) return [];
  const low = `COALESCE((${LAST_ROW('k.from_at')}), k.from_at)`;
  const { rows } = await client.query<{ at: Date; component_loss: (number | null)[] }>({
    name: 'load-losses',
    text: `SELECT DISTINCT ON (q.at) q.at, q.component_loss FROM ${RANGES}
           CROSS JOIN LATERAL (SELECT ${low} AS at OFFSET 0) low
           CROSS JOIN LATERAL (
             SELECT s.* FROM ${STRETCH(['at', 'component_loss'], 'low.at', 'k.to_at')}
           ) q
           WHERE q.component_loss IS NOT NULL ORDER BY q.at`,
    values: rangeParameters(
      [key],
      ranges.map((range) => ({ ...range, series: 0 })),
    ),
  });
  return rows.map((row) => ({ atMs: row.at.getTime(), pairs: row.component_loss }));
}

/** What has to be known of a composite at an instant, beside its running totals. */
export interface CompositeAt {
  /** What is counted by then, but was still waited for. */
  readonly pending: readonly PendingUnit[];
  /** Ends of time slices that do not count by then, since minutes of them are waited for. */
  readonly openSlices: readonly number[];
  /** The newest row by then; null where none is near. */
  readonly last: {
    readonly atMs: number;
    readonly lookbackEndMs: number | null;
    readonly impact: readonly (number | null)[] | null;
    readonly delay: readonly (number | null)[] | null;
  } | null;
  /** The newest minute that was decided on by then; null where none is near. */
  readonly newestEvaluatedMs: number | null;
  /** Of that minute. */
  readonly wasDelayed: readonly (number | null)[] | null;
}

/** How composites stood at the ends of the ranges, which reach back as far as anything can be waited for. */
export async function loadCompositesAt(
  { client }: Tx,
  keys: readonly SeriesKey[],
  ranges: readonly SeriesRange[],
  sliceTarget: (range: number, endMs: number) => number | null,
): Promise<CompositeAt[]> {
  const found = ranges.map(
    (): MutableAt => ({
      pending: [],
      openSlices: [],
      last: null,
      newestEvaluatedMs: null,
      wasDelayed: null,
    }),
  );
  if (ranges.length === 0) return found;
  const columns = [
    'at',
    'used_good',
    'used_total',
    'slice_reliability',
    'evaluated_at',
    'counted_at',
    'lookback_end',
    'component_impact',
    'component_delay',
    'component_was_delayed',
  ];
  const { rows } = await client.query<{
    n: number;
    at: Date;
    used_good: number | null;
    slice_reliability: number | null;
    evaluated_at: Date | null;
    counted_at: Date | null;
    lookback_end: Date | null;
    component_impact: (number | null)[] | null;
    component_delay: (number | null)[] | null;
    component_was_delayed: (number | null)[] | null;
  }>({
    name: 'load-composites-at',
    text: `SELECT k.n::int AS n, q.* FROM ${RANGES}
           CROSS JOIN LATERAL (SELECT s.* FROM ${STRETCH(columns, 'k.from_at', 'k.to_at')}) q
           ORDER BY k.n, q.at`,
    values: rangeParameters(keys, ranges),
  });
  for (const row of rows) {
    const range = row.n - 1;
    const one = found[range];
    const tMs = ranges[range]?.toMs;
    if (one === undefined || tMs === undefined) continue;
    const atMs = row.at.getTime();
    one.last = {
      atMs,
      lookbackEndMs: row.lookback_end?.getTime() ?? null,
      impact: row.component_impact,
      delay: row.component_delay,
    };
    const isDecided = (row.component_was_delayed ?? []).some((value) => value !== null);
    if (isDecided && (row.evaluated_at?.getTime() ?? atMs) <= tMs) {
      one.wasDelayed = row.component_was_delayed;
      one.newestEvaluatedMs = atMs - MINUTE_MS;
    }
    const target = sliceTarget(range, atMs);
    const isCounted = row.counted_at === null || row.counted_at.getTime() <= tMs;
    if (target !== null && (!isCounted || row.slice_reliability === null)) one.openSlices.push(atMs);
    if (row.counted_at === null || isCounted) continue;
    const good =
      target === null
        ? row.used_good
        : row.slice_reliability === null
          ? null
          : Number(sliceIsGood(row.slice_reliability, 1, target));
    if (good !== null) {
      one.pending.push({ at: atMs, countedAtMs: row.counted_at.getTime(), good, total: 1 });
    }
  }
  return found;
}

interface MutableAt {
  pending: PendingUnit[];
  openSlices: number[];
  last: CompositeAt['last'];
  newestEvaluatedMs: number | null;
  wasDelayed: CompositeAt['wasDelayed'];
}
