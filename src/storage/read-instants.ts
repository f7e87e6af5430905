import { DAY_MS } from '../lib/duration.ts';
import { decodeFloat8Array, decodeFloat8s, encodeInstantArray } from './arrays.ts';
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
const INSTANTS = ({ within = '', filter = '' }): string => `
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
      FROM np_slo_snapshots r WHERE r.source_account_id = $1 AND r.at = i.at ${within} OFFSET 0
    ) f ${filter}
  ) a
  WINDOW w AS (ORDER BY i.n) ORDER BY i.n`;

const OF_ALL = { name: 'totals-at-instants', text: INSTANTS({}) };
const OF_SOME = {
  name: 'totals-of-some-at-instants',
  text: INSTANTS({ filter: 'WHERE f.slo_id IN (SELECT unnest($4::uuid[]))' }),
};
const OF_NEIGHBOURS = {
  name: 'totals-of-neighbours-at-instants',
  text: INSTANTS({ within: 'AND r.slo_id >= $4 AND r.slo_id <= $5' }),
};

/** Which SLOs of the account are meant: all, those, or all whose ids lie between two. */
export type Among =
  | { readonly type: 'all' }
  | { readonly type: 'some'; readonly ids: readonly string[] }
  | { readonly type: 'neighbours'; readonly firstId: string; readonly lastId: string };

function statementOf(among: Among): { readonly name: string; readonly text: string; values: unknown[] } {
  switch (among.type) {
    case 'all':
      return { ...OF_ALL, values: [] };
    case 'some':
      return { ...OF_SOME, values: [among.ids] };
    case 'neighbours':
      return { ...OF_NEIGHBOURS, values: [among.firstId, among.lastId] };
  }
}

/** The rows of an instant, by column; a row's number is the place in each of them. */
export interface RowsAtInstant {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly good: Float64Array;
  readonly total: Float64Array;
  /** Empty where nothing was left out by rounding; NaN for nothing. */
  readonly goodLow: Float64Array;
  readonly totalLow: Float64Array;
  /** A `1` or `0` a row; null where all have data. */
  readonly withData: string | null;
  /** Decimal texts, empty for none; undefined but at the start of a day. */
  readonly baseGood: readonly string[] | undefined;
  readonly baseTotal: readonly string[] | undefined;
}

export interface InstantsToRead<Owner> {
  readonly accountId: string;
  readonly among: Among;
  /** Epoch milliseconds, ascending. */
  readonly instants: readonly number[];
  /** Series of the account, each with whom its rows are for; some may be there twice. Of others nothing is told. */
  readonly owners: readonly { readonly key: SeriesKey; readonly owner: Owner }[];
}

/** Reads the rows of each instant whole, and tells of those that have an owner: by instant, then in the rows' order. */
export async function readInstants<Owner>(
  { client }: Tx,
  { accountId, among, instants, owners }: InstantsToRead<Owner>,
  tell: (owner: Owner, rows: RowsAtInstant, row: number) => void,
): Promise<void> {
  const { values, ...statement } = statementOf(among);
  const isDay = instants.map((at) => at % DAY_MS === 0);
  const { rows } = await client.query<InstantRow>({
    ...statement,
    values: [accountId, encodeInstantArray(instants), isDay, ...values],
  });
  const ownersOf = createOwnerFinder(owners);
  rows.forEach((row, i) => {
    const found = ownersOf(row);
    const decoded = decode(instants[i] ?? Number.NaN, row);
    if (decoded === null) return;
    for (let number = 0; number < decoded.good.length; number += 1) {
      for (const owner of found[number] ?? []) tell(owner, decoded, number);
    }
  });
}

/** Null where there is no row at all. */
function decode(at: number, row: InstantRow): RowsAtInstant | null {
  if (row.run_good === null || row.run_total === null) return null;
  return {
    at,
    good: decodeFloat8s(row.run_good),
    total: decodeFloat8s(row.run_total),
    goodLow: decodeFloat8Array(row.run_good_low),
    totalLow: decodeFloat8Array(row.run_total_low),
    withData: row.with_data,
    baseGood: row.base_good?.split(' '),
    baseTotal: row.base_total?.split(' '),
  };
}

/** Whom the rows of an instant are for; remembered, since most instants have the same rows in the same order. */
function createOwnerFinder<Owner>(
  owners: InstantsToRead<Owner>['owners'],
): (row: InstantRow) => readonly (readonly Owner[] | undefined)[] {
  const bySeries = new Map<string, Owner[]>();
  for (const { key, owner } of owners) {
    const name = `${key.sloId.replaceAll('-', '')} ${key.objective}`;
    const known = bySeries.get(name);
    if (known === undefined) bySeries.set(name, [owner]);
    else known.push(owner);
  }
  let ids = '';
  let objectives: string[] = [];
  let found: readonly (readonly Owner[] | undefined)[] = [];
  return ({ slo_ids, objectives: names }) => {
    if (slo_ids === null && names === null) return found;
    ids = slo_ids ?? ids;
    objectives = names?.split(' ') ?? objectives;
    found = objectives.map((name, i) => bySeries.get(`${ids.slice(i * 32, (i + 1) * 32)} ${name}`));
    return found;
  };
}
