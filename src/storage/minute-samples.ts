import type { SloMetricName } from '../slo/slo-metrics.ts';
import { decodeFloat8s, encodeInstantArray } from './arrays.ts';
import type { ReadTx } from './client.ts';
import { LISTS, ROW_EXPRESSIONS } from './sample-expressions.ts';
import { extentOf, type SampleRange, type SampleRow } from './sample-rows.ts';

/** From so many rows a minute on, an answer a minute is less than one a series. */
const MANY = 8;

/** Whether `loadWholeMinutes` is the way to read the metric of a whole account. */
export const readsWholeMinutes = (metric: SloMetricName, objectives: number): boolean =>
  objectives >= MANY && LISTS[metric] === undefined;

export interface WholeMinutes {
  readonly accountId: string;
  /** One with a value a row, not with a list. */
  readonly metric: SloMetricName;
  readonly range: SampleRange;
}

/** What a minute has, in the rows' order; of the rows' order itself, only where it is another than before. */
interface MinuteRow {
  readonly at: Date;
  /** Of each row 32 hexadecimal digits. */
  readonly slo_ids: string | null;
  /** Names, which hold no spaces. */
  readonly objectives: string | null;
  readonly vals: Buffer;
}

const SAME = (column: string): string =>
  `CASE WHEN m.${column} = lag(m.${column}) OVER w THEN NULL ELSE m.${column} END`;

/**
 * Samples of all of the account's objectives. The rows of a minute are neighbours in the key: grouped by the minute
 * they need no sorting, and neither the minute nor whose the samples are is sent with each one of them. A day of 200
 * series takes PostgreSQL half the time that a group a series does, and a third of the bytes. Nothing is said of objectives
 * without a sample.
 */
export async function loadWholeMinutes(
  { client }: ReadTx,
  { accountId, metric, range }: WholeMinutes,
): Promise<SampleRow[]> {
  const isStretch = range.kind === 'stretch';
  const { afterMs, untilMs } = extentOf(range);
  const instants = isStretch ? '' : 'AND s.at = ANY($4)';
  const { rows } = await client.query<MinuteRow>({
    name: `minutes-${metric}-${range.kind}`,
    text: `SELECT m.at, encode(${SAME('slo_ids')}, 'hex') AS slo_ids, ${SAME('objectives')} AS objectives, m.vals
           FROM (
             SELECT s.at, string_agg(uuid_send(s.slo_id), '') AS slo_ids, string_agg(s.objective, ' ') AS objectives,
               string_agg(float8send(COALESCE(${ROW_EXPRESSIONS[metric]}, 'NaN')), '') AS vals
             FROM np_slo_snapshots s
             WHERE s.source_account_id = $1 AND s.at > $2 AND s.at <= $3 AND s.state IS NOT NULL ${instants}
             GROUP BY s.at
           ) m WINDOW w AS (ORDER BY m.at) ORDER BY m.at`,
    values: [
      accountId,
      new Date(afterMs),
      new Date(untilMs),
      ...(isStretch ? [] : [encodeInstantArray(range.instants)]),
    ],
  });
  return columnsOf(rows);
}

/** The samples of one objective so far; `times` is null as long as it had one in every minute. */
interface Growing {
  readonly sloId: string;
  readonly objective: string;
  readonly values: Float64Array;
  times: Float64Array | null;
  length: number;
}

function columnsOf(rows: readonly MinuteRow[]): SampleRow[] {
  const minutes = Float64Array.from(rows, ({ at }) => at.getTime());
  const bySeries = new Map<string, Growing>();
  let sloIds = '';
  let names: readonly string[] = [];
  let owners: readonly Growing[] = [];
  for (const [i, { slo_ids, objectives, vals }] of rows.entries()) {
    if (slo_ids !== null || objectives !== null) {
      sloIds = slo_ids ?? sloIds;
      names = objectives?.split(' ') ?? names;
      owners = names.map((name, n) => growingOf(bySeries, sloIds.slice(n * 32, (n + 1) * 32), name, minutes));
    }
    const values = decodeFloat8s(vals);
    for (let n = 0; n < owners.length; n += 1) {
      const owner = owners[n];
      const value = values[n] ?? Number.NaN;
      if (owner === undefined || Number.isNaN(value)) continue;
      const { length } = owner;
      if (owner.times === null && length < i) {
        owner.times = new Float64Array(minutes.length);
        owner.times.set(minutes.subarray(0, length));
      }
      if (owner.times !== null) owner.times[length] = minutes[i] ?? Number.NaN;
      owner.values[length] = value;
      owner.length = length + 1;
    }
  }
  return [...bySeries.values()]
    .filter(({ length }) => length > 0)
    .map(({ sloId, objective, times, values, length }) => ({
      sloId,
      objective,
      place: null,
      times: (times ?? minutes).subarray(0, length),
      values: values.subarray(0, length),
    }));
}

function growingOf(
  bySeries: Map<string, Growing>,
  hexId: string,
  objective: string,
  { length }: Float64Array,
): Growing {
  const key = `${hexId} ${objective}`;
  let known = bySeries.get(key);
  if (known === undefined) {
    known = { sloId: withDashes(hexId), objective, values: new Float64Array(length), times: null, length: 0 };
    bySeries.set(key, known);
  }
  return known;
}

const withDashes = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
