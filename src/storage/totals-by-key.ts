import type { TotalPoints } from '../slo/total-points.ts';
import { decodeFloat8Array, decodeInt4Array, encodeInstantArray, orZero } from './arrays.ts';
import type { Tx } from './client.ts';
import { hasData, type SeriesKey } from './series-columns.ts';

const IS_FINE = 'f.run_good_low IS NOT NULL OR f.run_total_low IS NOT NULL';

/** What is found: `k` numbers the look-ups; what few rows have comes with numbers of its own. */
const FOUND = `
  array_send(array_agg(f.k)) AS k,
  array_send(array_agg(f.run_good)) AS run_good, array_send(array_agg(f.run_total)) AS run_total,
  array_send(array_agg(f.k) FILTER (WHERE ${IS_FINE})) AS low_k,
  array_send(array_agg(f.run_good_low) FILTER (WHERE ${IS_FINE})) AS run_good_low,
  array_send(array_agg(f.run_total_low) FILTER (WHERE ${IS_FINE})) AS run_total_low,
  array_send(array_agg(f.k) FILTER (WHERE NOT f.has_data)) AS silent_k,
  array_agg(f.k) FILTER (WHERE f.base_good IS NOT NULL) AS day_k,
  array_agg(f.base_good::text) FILTER (WHERE f.base_good IS NOT NULL) AS day_good,
  array_agg(f.base_total::text) FILTER (WHERE f.base_good IS NOT NULL) AS day_total`;

const COLUMNS = ['run_good', 'run_total', 'run_good_low', 'run_total_low', 'base_good', 'base_total'];
const columnsOf = (alias: string): string => COLUMNS.map((name) => `${alias}.${name}`).join(', ');
const dataOf = (alias: string): string => `${hasData(alias)} AS has_data`;

/** A look-up by the whole key for each series and instant. */
const EXACT = `
  SELECT ${FOUND} FROM (
    SELECT k.n::int AS k, ${columnsOf('s')}, ${dataOf('s')}
    FROM unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[])
      WITH ORDINALITY AS k(account, slo_id, objective, at, n)
    CROSS JOIN LATERAL (
      SELECT * FROM np_slo_snapshots r WHERE r.source_account_id = k.account AND r.slo_id = k.slo_id
        AND r.objective = k.objective AND r.at = k.at LIMIT 1
    ) s
  ) f`;

interface FoundRow {
  k: Buffer | null;
  run_good: Buffer | null;
  run_total: Buffer | null;
  low_k: Buffer | null;
  run_good_low: Buffer | null;
  run_total_low: Buffer | null;
  silent_k: Buffer | null;
  day_k: number[] | null;
  day_good: string[] | null;
  day_total: string[] | null;
}

/** An instant of a series, and where its point goes. */
export interface KeyedInstant {
  readonly key: SeriesKey;
  readonly at: number;
  readonly points: TotalPoints;
}

/** Looks the instants up one by one, in one statement; where no row stands exactly there, nothing is found. */
export async function loadTotalsByKey({ client }: Tx, asked: readonly KeyedInstant[]): Promise<void> {
  if (asked.length === 0) return;
  const { rows } = await client.query<FoundRow>({
    name: 'totals-by-key',
    text: EXACT,
    values: [
      asked.map(({ key }) => key.accountId),
      asked.map(({ key }) => key.sloId),
      asked.map(({ key }) => key.objective),
      encodeInstantArray(asked.map(({ at }) => at)),
    ],
  });
  for (const row of rows) take(row, asked);
}

/** Gives each of the instants what was found of it. */
function take(row: FoundRow, asked: readonly KeyedInstant[]): void {
  const fine = new Map<number, { good: number; total: number }>();
  const goodLow = decodeFloat8Array(row.run_good_low);
  const totalLow = decodeFloat8Array(row.run_total_low);
  decodeInt4Array(row.low_k).forEach((k, n) => {
    fine.set(k, { good: orZero(goodLow[n]), total: orZero(totalLow[n]) });
  });
  const silent = new Set(decodeInt4Array(row.silent_k));
  const good = decodeFloat8Array(row.run_good);
  const total = decodeFloat8Array(row.run_total);
  decodeInt4Array(row.k).forEach((k, n) => {
    const one = asked[k - 1];
    const low = fine.get(k);
    one?.points.add({
      at: one.at,
      good: good[n] ?? 0,
      total: total[n] ?? 0,
      goodLow: low?.good ?? 0,
      totalLow: low?.total ?? 0,
      hasData: !silent.has(k),
    });
  });
  row.day_k?.forEach((k, n) => {
    const one = asked[k - 1];
    const dayGood = row.day_good?.[n];
    const dayTotal = row.day_total?.[n];
    if (one === undefined || dayGood === undefined || dayTotal === undefined) return;
    one.points.addBase({ dayMs: one.at, good: dayGood, total: dayTotal });
  });
}
