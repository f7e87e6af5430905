import type { SloMetricName } from '../slo/slo-metrics.ts';
import { decodeFloat8Array, decodeInstantArray, encodeInstantArray } from './arrays.ts';
import type { ReadTx } from './client.ts';
import { LISTS, ROW_EXPRESSIONS } from './sample-expressions.ts';

/** Which rows are wanted: all of a stretch `fromMs < at <= toMs`, or those at the instants, ascending. */
export type SampleRange =
  | { readonly kind: 'stretch'; readonly fromMs: number; readonly toMs: number }
  | { readonly kind: 'instants'; readonly instants: readonly number[] };

/** All rows of a range are in `afterMs < at <= untilMs`. */
export function extentOf(range: SampleRange): { readonly afterMs: number; readonly untilMs: number } {
  return range.kind === 'stretch'
    ? { afterMs: range.fromMs, untilMs: range.toMs }
    : { afterMs: (range.instants[0] ?? 0) - 1, untilMs: range.instants.at(-1) ?? 0 };
}

export interface SampleRequest {
  readonly accountId: string;
  readonly metric: SloMetricName;
  /** Null for all of the account's SLOs. */
  readonly sloIds: readonly string[] | null;
  readonly range: SampleRange;
}

/** The samples of one objective or component, ascending by time, none of them NaN. */
export interface SampleRow {
  readonly sloId: string;
  readonly objective: string;
  /** Of the component in the composite's lists, from 1; null for a metric of the whole objective. */
  readonly place: number | null;
  readonly times: Float64Array;
  readonly values: Float64Array;
}

interface Found {
  slo_id: string;
  objective: string;
  place: number | null;
  times: Buffer;
  vals: Buffer;
}

/**
 * Samples as columns, one answer an objective or component that has any. A stretch goes through the minutes of all of the
 * account's series, which lie together; instants are looked up one by one for each SLO.
 */
export async function loadSamples({ client }: ReadTx, request: SampleRequest): Promise<SampleRow[]> {
  const { accountId, metric, sloIds, range } = request;
  const expression = ROW_EXPRESSIONS[metric];
  if (expression === null) return [];
  const isStretch = range.kind === 'stretch';
  const { afterMs, untilMs } = extentOf(range);
  const slos = sloIds === null ? '' : `AND s.slo_id = ANY($4)`;
  const list = LISTS[metric];
  const elements =
    list === undefined ? '' : `CROSS JOIN LATERAL unnest(${list}) WITH ORDINALITY AS c(value, place)`;
  const place = list === undefined ? 'NULL::int' : 'c.place::int';
  const instants = isStretch ? '' : `AND s.at = ANY($${sloIds === null ? 4 : 5})`;
  const { rows } = await client.query<Found>({
    name: `samples-${metric}-${range.kind}-${sloIds === null ? 'all' : 'some'}`,
    text: `SELECT q.slo_id, q.objective, q.place, array_send(array_agg(q.at)) AS times, array_send(array_agg(q.value)) AS vals
           FROM (
             SELECT s.slo_id, s.objective, ${place} AS place, s.at, ${expression} AS value
             FROM np_slo_snapshots s ${elements}
             WHERE s.source_account_id = $1 AND s.at > $2 AND s.at <= $3 AND s.state IS NOT NULL ${slos} ${instants}
           ) q WHERE q.value IS NOT NULL GROUP BY q.slo_id, q.objective, q.place`,
    values: [
      accountId,
      new Date(afterMs),
      new Date(untilMs),
      ...(sloIds === null ? [] : [sloIds]),
      ...(isStretch ? [] : [encodeInstantArray(range.instants)]),
    ],
  });
  return rows.map((row) =>
    ascending({
      sloId: row.slo_id,
      objective: row.objective,
      place: row.place,
      times: decodeInstantArray(row.times),
      values: decodeFloat8Array(row.vals),
    }),
  );
}

/** They come in the order of the key as a rule, but nothing promises it. */
function ascending(row: SampleRow): SampleRow {
  const { times, values } = row;
  for (let i = 1; i < times.length; i += 1) {
    if ((times[i] ?? 0) > (times[i - 1] ?? 0)) continue;
    const order = Array.from(times.keys()).sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0));
    return {
      ...row,
      times: Float64Array.from(order, (at) => times[at] ?? 0),
      values: Float64Array.from(order, (at) => values[at] ?? 0),
    };
  }
  return row;
}
