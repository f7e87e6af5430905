import { DAY_MS } from '../lib/duration.ts';
import type { TotalPoints } from '../slo/total-points.ts';
import { decodeFloat8Array, decodeFloat8s, encodeInstantArray, orZero } from './arrays.ts';
import type { Tx } from './client.ts';
import { hasData, type SeriesKey } from './series-columns.ts';

/** What an instant has, in the rows' order; of the rows' order itself, only where it is another than before. */
interface InstantRow {
  /** Of each row 32 hexadecimal digits. */
  slo_ids: string | null;
  /** Names, which hold no spaces. */
  objectives: string | null;
  run_good: Buffer | null;
  run_total: Buffer | null;
  /** Null where nothing was left out by rounding. */
  run_good_low: Buffer | null;
  run_total_low: Buffer | null;
  /** A `1` or `0` a row; null where all have data. */
  with_data: string | null;
  /** Decimal texts, of a day's start. */
  base_good: string | null;
  base_total: string | null;
}

const SAME = (column: string): string =>
  `CASE WHEN a.${column} = lag(a.${column}) OVER w THEN NULL ELSE a.${column} END AS ${column}`;

/**
 * The rows of an instant are neighbours in the key, for all series of an account: reading an instant whole costs a
 * tenth of looking each series up. Neither joined nor sorted: what belongs to whom is found out here, which takes
 * a third of the time of a join and a sort by name, and mostly once for all instants.
 */
const INSTANTS = (filter: string): string => `
  SELECT ${SAME('slo_ids')}, ${SAME('objectives')}, a.run_good, a.run_total,
    CASE WHEN a.fine > 0 THEN array_send(a.good_low) END AS run_good_low,
    CASE WHEN a.fine > 0 THEN array_send(a.total_low) END AS run_total_low,
    CASE WHEN NOT a.complete THEN a.with_data END AS with_data, a.base_good, a.base_total
  FROM unnest($2::timestamptz[], $3::bool[]) WITH ORDINALITY AS i(at, is_day, n)
  CROSS JOIN LATERAL (
    SELECT encode(string_agg(uuid_send(f.slo_id), ''), 'hex') AS slo_ids, string_agg(f.objective, ' ') AS objectives,
      string_agg(float8send(f.run_good), '') AS run_good, string_agg(float8send(f.run_total), '') AS run_total,
      count(f.run_good_low) + count(f.run_total_low) AS fine,
      array_agg(f.run_good_low) AS good_low, array_agg(f.run_total_low) AS total_low,
      bool_and(f.has_data) AS complete, string_agg(CASE WHEN f.has_data THEN '1' ELSE '0' END, '') AS with_data,
      string_agg(COALESCE(f.base_good::text, ''), ' ') FILTER (WHERE i.is_day) AS base_good,
      string_agg(COALESCE(f.base_total::text, ''), ' ') FILTER (WHERE i.is_day) AS base_total
    FROM (
      SELECT r.slo_id, r.objective, r.run_good, r.run_total, r.run_good_low, r.run_total_low,
        r.base_good, r.base_total, ${hasData('r')} AS has_data
      FROM np_slo_snapshots r WHERE r.source_account_id = $1 AND r.at = i.at OFFSET 0
    ) f ${filter}
  ) a
  WINDOW w AS (ORDER BY i.n) ORDER BY i.n`;

const OF_ALL = { name: 'totals-at-instants', text: INSTANTS('') };
const OF_SOME = {
  name: 'totals-of-some-at-instants',
  text: INSTANTS('WHERE f.slo_id IN (SELECT unnest($4::uuid[]))'),
};

/** From this share of an account's SLOs on, the rows of the others are not worth being kept back. */
const MOST = 0.5;

export interface WholeInstants {
  readonly accountId: string;
  /** How many SLOs the account has. */
  readonly slos: number;
  /** Epoch milliseconds, in any order. */
  readonly instants: readonly number[];
  /** Series of the account, each with where its points go; some may be there twice. */
  readonly series: readonly { readonly key: SeriesKey; readonly points: TotalPoints }[];
}

/** Reads the rows of each instant whole, and gives each of the series its own. */
export async function loadWholeInstants(
  { client }: Tx,
  { accountId, slos, instants, series }: WholeInstants,
): Promise<void> {
  const ascending = instants.toSorted((a, b) => a - b);
  const ids = [...new Set(series.map(({ key }) => key.sloId))];
  const isMost = ids.length >= slos * MOST;
  const { rows } = await client.query<InstantRow>({
    ...(isMost ? OF_ALL : OF_SOME),
    values: [
      accountId,
      encodeInstantArray(ascending),
      ascending.map((at) => at % DAY_MS === 0),
      ...(isMost ? [] : [ids]),
    ],
  });
  const ownersOf = createOwnerFinder(series);
  rows.forEach((row, i) => {
    takeInstant(ascending[i] ?? Number.NaN, row, ownersOf(row));
  });
}

type Owners = readonly (readonly TotalPoints[] | undefined)[];

/** Whose points the rows of an instant are; remembered, since most instants have the same rows in the same order. */
function createOwnerFinder(series: WholeInstants['series']): (row: InstantRow) => Owners {
  const bySeries = new Map<string, TotalPoints[]>();
  for (const { key, points } of series) {
    const name = `${key.sloId.replaceAll('-', '')} ${key.objective}`;
    const known = bySeries.get(name);
    if (known === undefined) bySeries.set(name, [points]);
    else known.push(points);
  }
  let ids = '';
  let objectives: string[] = [];
  let owners: Owners = [];
  return ({ slo_ids, objectives: names }) => {
    if (slo_ids === null && names === null) return owners;
    ids = slo_ids ?? ids;
    objectives = names?.split(' ') ?? objectives;
    owners = objectives.map((name, i) => bySeries.get(`${ids.slice(i * 32, (i + 1) * 32)} ${name}`));
    return owners;
  };
}

function takeInstant(at: number, row: InstantRow, owners: Owners): void {
  // No row at all.
  if (row.run_good === null || row.run_total === null) return;
  const good = decodeFloat8s(row.run_good);
  const total = decodeFloat8s(row.run_total);
  const goodLow = decodeFloat8Array(row.run_good_low);
  const totalLow = decodeFloat8Array(row.run_total_low);
  const { with_data: withData } = row;
  const baseGood = row.base_good?.split(' ');
  const baseTotal = row.base_total?.split(' ');
  for (let i = 0; i < good.length; i += 1) {
    for (const points of owners[i] ?? []) {
      points.add({
        at,
        good: good[i] ?? Number.NaN,
        total: total[i] ?? Number.NaN,
        goodLow: orZero(goodLow[i]),
        totalLow: orZero(totalLow[i]),
        hasData: withData === null || withData[i] === '1',
      });
      const dayGood = baseGood?.[i] ?? '';
      const dayTotal = baseTotal?.[i] ?? '';
      if (dayGood !== '' && dayTotal !== '') points.addBase({ dayMs: at, good: dayGood, total: dayTotal });
    }
  }
}
