import { MINUTE_MS } from '../lib/duration.ts';
import type { CounterPoint, CounterValues } from '../slo/counter.ts';
import { receivedOfRow } from '../slo/rewrite.ts';
import type { SettledMinute } from '../slo/settle.ts';
import type { Tx } from './client.ts';
import {
  MINUTE_COLUMNS,
  OWN,
  RANGES,
  rangeParameters,
  type SeriesKey,
  type SeriesRange,
  SPARSE_COLUMNS,
  STRETCH,
} from './series-columns.ts';

const COLUMNS = ['at', ...MINUTE_COLUMNS, ...SPARSE_COLUMNS] as const;

interface ReceivedRow {
  n: number;
  at: Date;
  used_good: number | null;
  used_total: number | null;
  received_good: number | null;
  received_bad: number | null;
  received_total: number | null;
  value: number | null;
  counter_points: readonly CounterPoint[] | null;
  data_unused: boolean | null;
}

const orNaN = (value: number | null): number => value ?? Number.NaN;

function minuteOf(row: ReceivedRow): SettledMinute {
  const minuteMs = row.at.getTime() - MINUTE_MS;
  const received = receivedOfRow(minuteMs, {
    usedGood: orNaN(row.used_good),
    usedTotal: orNaN(row.used_total),
    receivedGood: orNaN(row.received_good),
    receivedBad: orNaN(row.received_bad),
    receivedTotal: orNaN(row.received_total),
    value: orNaN(row.value),
  });
  return {
    ...received,
    ...(row.counter_points === null ? {} : { points: row.counter_points }),
    used:
      row.used_good === null || row.used_total === null
        ? null
        : { good: row.used_good, total: row.used_total },
    dataUnused: row.data_unused === true,
  };
}

/** The minutes of the ranges for which something came in, ascending; one list a range, in their order. */
export async function loadReceived(
  { client }: Tx,
  keys: readonly SeriesKey[],
  ranges: readonly SeriesRange[],
): Promise<SettledMinute[][]> {
  const lists: SettledMinute[][] = ranges.map(() => []);
  if (ranges.length === 0) return lists;
  const { rows } = await client.query<ReceivedRow>({
    name: 'load-received',
    text: `SELECT k.n::int AS n, q.* FROM ${RANGES}
           CROSS JOIN LATERAL (SELECT s.* FROM ${STRETCH(COLUMNS, 'k.from_at', 'k.to_at')}) q
           WHERE num_nonnulls(q.used_total, q.received_good, q.received_bad, q.received_total) > 0
           ORDER BY k.n, q.at`,
    values: rangeParameters(keys, ranges),
  });
  for (const row of rows) lists[row.n - 1]?.push(minuteOf(row));
  return lists;
}

/** What of a counter stands around a range. */
export interface CounterSurroundings {
  /** The last values before the range. */
  readonly before: CounterValues;
  /** `at` of the last of those rows after the range that hold the next value of a field; null for none. */
  readonly nextMs: number | null;
}

const FIELDS = ['good', 'bad', 'total'] as const;

// Each field has an index of its own, so that one that never comes in costs nothing.
const POINTS_OF = (alias: string, field: string): string =>
  `${OWN(alias)} AND ${alias}.counter_points IS NOT NULL AND ${alias}.received_${field} IS NOT NULL`;

/** For each range the values of the counter before it, and how far after it an increase depends on it. */
export async function loadCounterSurroundings(
  { client }: Tx,
  keys: readonly SeriesKey[],
  ranges: readonly SeriesRange[],
): Promise<CounterSurroundings[]> {
  if (ranges.length === 0) return [];
  const before = FIELDS.map(
    (field) => `(SELECT p.received_${field} FROM np_slo_snapshots p
      WHERE ${POINTS_OF('p', field)} AND p.at < k.from_at ORDER BY p.at DESC LIMIT 1) AS ${field}`,
  );
  const after = FIELDS.map(
    (field) => `(SELECT p.at FROM np_slo_snapshots p
      WHERE ${POINTS_OF('p', field)} AND p.at > k.to_at ORDER BY p.at LIMIT 1)`,
  );
  const { rows } = await client.query<
    { [Field in keyof CounterValues]: number | null } & { next: Date | null }
  >({
    name: 'load-counter-surroundings',
    text: `SELECT ${before.join(', ')}, GREATEST(${after.join(', ')}) AS next FROM ${RANGES} ORDER BY k.n`,
    values: rangeParameters(keys, ranges),
  });
  return rows.map(({ good, bad, total, next }) => ({
    before: { good, bad, total },
    nextMs: next?.getTime() ?? null,
  }));
}
