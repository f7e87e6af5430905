import { DAY_MS, MINUTE_MS } from '../lib/duration.ts';
import type { CompositeColumns } from '../slo/composite-walk.ts';
import { rowsByMinute } from '../slo/rows-by-minute.ts';
import {
  SLO_STATES,
  SnapshotBatch,
  type SnapshotColumns,
  type SnapshotNumber,
} from '../slo/snapshot-batch.ts';
import {
  encodeFloat8Array,
  encodeInstantArray,
  encodeInt4Array,
  encodeTextArray,
  encodeUuidArray,
} from './arrays.ts';
import type { Tx } from './client.ts';
import type { SeriesKey } from './series-columns.ts';

const NUMBER_COLUMNS: ReadonlyArray<readonly [column: string, name: SnapshotNumber]> = [
  ['used_good', 'usedGood'],
  ['used_total', 'usedTotal'],
  ['run_good', 'runGood'],
  ['run_total', 'runTotal'],
  ['run_good_low', 'runGoodLow'],
  ['run_total_low', 'runTotalLow'],
  ['reliability', 'reliability'],
  ['budget', 'budget'],
  ['burn_rate', 'burnRate'],
  ['count_good', 'countGood'],
  ['count_total', 'countTotal'],
  ['received_good', 'receivedGood'],
  ['received_bad', 'receivedBad'],
  ['received_total', 'receivedTotal'],
  ['value', 'value'],
  ['slice_reliability', 'sliceReliability'],
];

const COLUMN_NAMES = NUMBER_COLUMNS.map(([column]) => column);
const FIRST_NUMBER = 10;

/** Columns of composites, which come as text, and what they are. */
const COMPOSITE_COLUMNS: ReadonlyArray<
  readonly [column: string, type: string, text: (columns: CompositeColumns) => string | null]
> = [
  ['evaluated_at', 'timestamptz', ({ evaluatedAtMs }) => instantText(evaluatedAtMs)],
  ['counted_at', 'timestamptz', ({ countedAtMs }) => instantText(countedAtMs)],
  ['lookback_end', 'timestamptz', ({ lookbackEndMs }) => instantText(lookbackEndMs)],
  ['composite_max_delay', 'float8', ({ maxDelaySeconds }) => maxDelaySeconds?.toString() ?? null],
  ['component_impact', 'float8[]', ({ impact }) => listText(impact)],
  ['component_delay', 'float8[]', ({ delay }) => listText(delay)],
  ['component_was_delayed', 'float8[]', ({ wasDelayed }) => listText(wasDelayed)],
  ['component_loss', 'float8[]', ({ loss }) => listText(loss)],
];

const instantText = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
const listText = (list: readonly number[] | null): string | null =>
  list === null ? null : `{${list.map((value) => (Number.isNaN(value) ? 'NULL' : value)).join(',')}}`;

/** The rows of a batch as a table, without any join: each row carries its key. */
function rowsSql(composites: boolean): string {
  const extra = composites ? COMPOSITE_COLUMNS : [];
  const numbers = COLUMN_NAMES.map((_, i) => `$${FIRST_NUMBER + i}::float8[]`);
  const texts = extra.map((_, i) => `$${FIRST_NUMBER + COLUMN_NAMES.length + i}::text[]`);
  return `
  SELECT u.*, ('{${SLO_STATES.join(',')}}'::np_slo_state[])[u.state_number] AS state,
    u.base_good_text::numeric AS base_good, u.base_total_text::numeric AS base_total,
    u.counter_json::jsonb AS counter_points, u.unused = 1 AS data_unused
    ${extra.map(([column, type]) => `, u.${column}_text::${type} AS ${column}`).join('')}
  FROM unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[], $5::int4[], $6::text[], $7::text[],
      $8::text[], $9::int4[], ${[...numbers, ...texts].join(', ')})
    AS u(account, slo_id, objective, at, state_number, base_good_text, base_total_text,
      counter_json, unused, ${[...COLUMN_NAMES, ...extra.map(([column]) => `${column}_text`)].join(', ')})`;
}

const WRITTEN = ['at', 'state', ...COLUMN_NAMES, 'base_good', 'base_total', 'counter_points', 'data_unused'];

const writtenOf = (composites: boolean): string[] => [
  ...WRITTEN,
  ...(composites ? COMPOSITE_COLUMNS.map(([column]) => column) : []),
];

const insertSql = (composites: boolean): string => `
  INSERT INTO np_slo_snapshots (source_account_id, slo_id, objective, ${writtenOf(composites).join(', ')})
  SELECT n.account, n.slo_id, n.objective, ${writtenOf(composites)
    .map((column) => `n.${column}`)
    .join(', ')}
  FROM (${rowsSql(composites)}) n`;

/** For a few rows of each of many series: not an UPDATE, whose join could read the whole account. */
const replaceSql = (composites: boolean): string => `${insertSql(composites)}
  ON CONFLICT (source_account_id, at, slo_id, objective) DO UPDATE SET ${writtenOf(composites)
    .slice(1)
    .map((column) => `${column} = excluded.${column}`)
    .join(', ')}`;

/** Without and with the columns of composites. */
const INSERT = { plain: insertSql(false), composites: insertSql(true) };
const REPLACE = { plain: replaceSql(false), composites: replaceSql(true) };

const kindOf = (rows: SnapshotColumns): 'plain' | 'composites' =>
  rows.composites.length === 0 ? 'plain' : 'composites';

/** For a long run of one series: to take the rows out and to put them in again is the faster way. */
const REMOVE_RANGE = `
  DELETE FROM np_slo_snapshots
  WHERE source_account_id = $1 AND slo_id = $2 AND objective = $3 AND at >= $4 AND at <= $5
    AND at = ANY (ARRAY(SELECT generate_series($4::timestamptz, $5::timestamptz, interval '1 minute')))`;

/** From so many rows of a series on. */
const LONG_RUN = 200;

function parameters(keys: readonly SeriesKey[], rows: SnapshotColumns): Buffer[] {
  const { series, length } = rows;
  const perRow = (pick: (key: SeriesKey) => string): (string | null)[] => {
    const texts = keys.map(pick);
    return Array.from(series, (number) => texts[number] ?? null);
  };
  const baseGood: (string | null)[] = new Array(length).fill(null);
  const baseTotal: (string | null)[] = new Array(length).fill(null);
  for (const { row, good, total } of rows.bases) {
    baseGood[row] = good;
    baseTotal[row] = total;
  }
  const counterPoints: (string | null)[] = new Array(length).fill(null);
  for (const { row, json } of rows.counterPoints) counterPoints[row] = json;
  const unused = new Int32Array(length).fill(-1);
  for (const row of rows.dataUnused) unused[row] = 1;
  return [
    encodeTextArray(perRow((key) => key.accountId)),
    encodeUuidArray(
      keys.map((key) => key.sloId),
      series,
    ),
    encodeTextArray(perRow((key) => key.objective)),
    encodeInstantArray(rows.at),
    encodeInt4Array(rows.state),
    encodeTextArray(baseGood),
    encodeTextArray(baseTotal),
    encodeTextArray(counterPoints),
    encodeInt4Array(unused),
    ...NUMBER_COLUMNS.map(([, name]) => encodeFloat8Array(rows.column(name))),
    ...compositeParameters(rows),
  ];
}

function compositeParameters(rows: SnapshotColumns): Buffer[] {
  if (rows.composites.length === 0) return [];
  return COMPOSITE_COLUMNS.map(([, , text]) => {
    const texts: (string | null)[] = new Array(rows.length).fill(null);
    for (const { row, columns } of rows.composites) texts[row] = text(columns);
    return encodeTextArray(texts);
  });
}

/** Writes rows that do not stand yet. Their partitions must exist. */
export async function insertSnapshots(
  { client }: Tx,
  keys: readonly SeriesKey[],
  rows: SnapshotBatch,
): Promise<void> {
  if (rows.length > 0) await client.query(INSERT[kindOf(rows)], parameters(keys, rowsByMinute(rows)));
}

/**
 * Writes rows anew that stand already. Between the first and the last row of a series no other may stand; rows
 * to be inserted there come after.
 */
export async function replaceSnapshots(
  tx: Tx,
  keys: readonly SeriesKey[],
  rows: SnapshotBatch,
): Promise<void> {
  const few = new SnapshotBatch();
  for (const run of rows.bySeries()) {
    if (run.length < LONG_RUN) few.addAll(run);
    else await replaceRun(tx, keys, run);
  }
  if (few.length > 0) await tx.client.query(REPLACE[kindOf(few)], parameters(keys, few));
}

async function replaceRun({ client }: Tx, keys: readonly SeriesKey[], run: SnapshotColumns): Promise<void> {
  const key = keys[run.series[0] ?? -1];
  const first = run.at[0];
  const last = run.at.at(-1);
  if (key === undefined || first === undefined || last === undefined) return;
  await client.query(REMOVE_RANGE, [
    key.accountId,
    key.sloId,
    key.objective,
    new Date(first),
    new Date(last),
  ]);
  await client.query(INSERT[kindOf(run)], parameters(keys, run));
}

/** What is to be added to the base of one day. Decimal text. */
export interface BaseShift {
  readonly key: SeriesKey;
  readonly dayMs: number;
  readonly good: string;
  readonly total: string;
}

/** Adds to the bases of later days what a late change has added before them. */
export async function shiftBases({ client }: Tx, shifts: readonly BaseShift[]): Promise<void> {
  if (shifts.length === 0) return;
  await client.query(
    `UPDATE np_slo_snapshots s
     SET base_good = s.base_good + n.good::numeric, base_total = s.base_total + n.total::numeric
     FROM unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::text[])
       AS n(account, slo_id, objective, at, good, total)
     WHERE s.source_account_id = n.account AND s.slo_id = n.slo_id AND s.objective = n.objective AND s.at = n.at`,
    [
      shifts.map(({ key }) => key.accountId),
      shifts.map(({ key }) => key.sloId),
      shifts.map(({ key }) => key.objective),
      encodeInstantArray(shifts.map(({ dayMs }) => dayMs)),
      shifts.map(({ good }) => good),
      shifts.map(({ total }) => total),
    ],
  );
}

/** Removes all rows of the SLO, or of one of its objectives. The SLO's row must be locked. */
export async function removeSnapshots(
  { client }: Tx,
  accountId: string,
  sloId: string,
  objective: string | null = null,
): Promise<void> {
  const { rows } = await client.query<{ objective: string; first: Date; last: Date }>(
    `SELECT d.objective, min(d.at) AS first, max(d.at) AS last FROM np_slo_snapshots d
     WHERE d.source_account_id = $1 AND d.slo_id = $2 AND ($3::text IS NULL OR d.objective = $3)
       AND d.base_good IS NOT NULL
     GROUP BY d.objective, date_trunc('week', d.at, 'UTC')`,
    [accountId, sloId, objective],
  );
  // A week, and so a partition, at a time.
  for (const stretch of rows) {
    const last = new Date(stretch.last.getTime() + DAY_MS - MINUTE_MS);
    await client.query(REMOVE_RANGE, [accountId, sloId, stretch.objective, stretch.first, last]);
  }
}
