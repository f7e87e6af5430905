import { MINUTE_MS } from '../lib/duration.ts';
import { groupBy } from '../lib/group-by.ts';
import { decodeFloat8Array, decodeInstantArray, decodeInt4Array } from './arrays.ts';
import type { Tx } from './client.ts';
import { RANGES, rangeParameters, type SeriesKey, STRETCH } from './series-columns.ts';
import { enoughToReadWhole } from './whole-reads.ts';

/** Minutes of a series whose rows stand in `fromMs <= at <= toMs`. */
export interface UsedRange {
  readonly key: SeriesKey;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Told of a used minute of range number `range`; its row stands at its end. */
export type OnUsedMinute = (range: number, at: number, good: number, total: number) => void;

const EACH = `
  SELECT u.* FROM ${RANGES}
  CROSS JOIN LATERAL (
    SELECT array_send(array_agg(q.at)) AS ats, array_send(array_agg(q.used_good)) AS good,
      array_send(array_agg(q.used_total)) AS total
    FROM (
      SELECT s.* FROM ${STRETCH(['at', 'used_good', 'used_total'], 'k.from_at', 'k.to_at')}
      WHERE s.used_total IS NOT NULL ORDER BY s.at
    ) q
  ) u
  ORDER BY k.n`;

/** The rows of a minute are neighbours in the key: for most of an account's series one walk finds them all. */
const WHOLE = `
  SELECT array_send(array_agg(q.k)) AS k, array_send(array_agg(q.at)) AS ats,
    array_send(array_agg(q.used_good)) AS good, array_send(array_agg(q.used_total)) AS total
  FROM (
    SELECT k.n::int AS k, s.at, s.used_good, s.used_total
    FROM (
      SELECT r.slo_id, r.objective, r.at, r.used_good, r.used_total FROM np_slo_snapshots r
      WHERE r.source_account_id = $1 AND r.at >= $2 AND r.at <= $3 AND r.used_total IS NOT NULL OFFSET 0
    ) s
    JOIN unnest($4::uuid[], $5::text[]) WITH ORDINALITY AS k(slo_id, objective, n)
      ON k.slo_id = s.slo_id AND k.objective = s.objective
  ) q`;

/** Rows that one answer brings. */
const ROWS_AT_A_TIME = 100_000;
/** Minutes that one statement looks up series by series. */
const LOOK_UPS_AT_A_TIME = 500_000;

interface UsedRow {
  ats: Buffer | null;
  good: Buffer | null;
  total: Buffer | null;
}

/** A stretch of a series that is read once, for all of the ranges that it is part of. */
interface SharedRange extends UsedRange {
  readonly ranges: readonly number[];
}

/**
 * Goes through the used minutes of the ranges, those of each range ascending, and keeps none of them: in a few
 * statements, whose answers are bounded, however many ranges there are and however long. What several ranges of a
 * series have in common is read once; most series of an account are read together.
 */
export async function walkUsedMinutes(
  tx: Tx,
  ranges: readonly UsedRange[],
  onMinute: OnUsedMinute,
  signal?: AbortSignal,
): Promise<void> {
  let lookUps: SharedRange[] = [];
  let minutes = 0;
  const lookUp = async (): Promise<void> => {
    signal?.throwIfAborted();
    await readEach(tx, lookUps, onMinute);
    lookUps = [];
    minutes = 0;
  };
  for (const [accountId, own] of groupBy(ranges.keys(), (i) => ranges[i]?.key.accountId ?? '')) {
    const stretches = stretchesOf(ranges, own);
    const isMany = stretches.some((stretch) => stretch.length > 1);
    const enough = isMany ? await enoughToReadWhole(tx, accountId) : Number.POSITIVE_INFINITY;
    for (const stretch of stretches) {
      if (stretch.length >= enough) {
        // What comes before has to be told before.
        await lookUp();
        await readWhole(tx, stretch, onMinute, signal);
        continue;
      }
      for (const range of stretch) {
        const length = (range.toMs - range.fromMs) / MINUTE_MS + 1;
        if (minutes + length > LOOK_UPS_AT_A_TIME) await lookUp();
        lookUps.push(range);
        minutes += length;
      }
    }
  }
  await lookUp();
}

/** An account's ranges, cut wherever one of them begins or ends: by time, and of each stretch the series in it. */
function stretchesOf(ranges: readonly UsedRange[], own: readonly number[]): SharedRange[][] {
  const cuts = [
    ...new Set(
      own.flatMap((i) => {
        const range = ranges[i];
        return range === undefined || range.toMs < range.fromMs ? [] : [range.fromMs, range.toMs + MINUTE_MS];
      }),
    ),
  ].sort((a, b) => a - b);
  const placeOf = new Map(cuts.map((cut, place) => [cut, place]));
  const stretches = cuts.map(() => new Map<string, { key: SeriesKey; ranges: number[] }>());
  for (const i of own) {
    const range = ranges[i];
    if (range === undefined) continue;
    const { key, fromMs, toMs } = range;
    const series = `${key.sloId} ${key.objective}`;
    const end = placeOf.get(toMs + MINUTE_MS) ?? 0;
    for (let place = placeOf.get(fromMs) ?? end; place < end; place += 1) {
      const known = stretches[place]?.get(series);
      if (known === undefined) stretches[place]?.set(series, { key, ranges: [i] });
      else known.ranges.push(i);
    }
  }
  return stretches.map((stretch, place) => {
    const fromMs = cuts[place] ?? 0;
    const toMs = (cuts[place + 1] ?? fromMs) - MINUTE_MS;
    return [...stretch.values()].map((shared) => ({ ...shared, fromMs, toMs }));
  });
}

async function readEach(tx: Tx, shared: readonly SharedRange[], onMinute: OnUsedMinute): Promise<void> {
  if (shared.length === 0) return;
  const { rows } = await tx.client.query<UsedRow>({
    name: 'used-minutes',
    text: EACH,
    values: rangeParameters(
      shared.map(({ key }) => key),
      shared.map(({ fromMs, toMs }, series) => ({ series, fromMs, toMs })),
    ),
  });
  rows.forEach((row, n) => {
    const ats = decodeInstantArray(row.ats);
    const goods = decodeFloat8Array(row.good);
    const totals = decodeFloat8Array(row.total);
    for (const range of shared[n]?.ranges ?? []) {
      for (let i = 0; i < ats.length; i += 1) onMinute(range, ats[i] ?? 0, goods[i] ?? 0, totals[i] ?? 0);
    }
  });
}

/** The stretch is the same for all of them, which are of one account. */
async function readWhole(
  tx: Tx,
  shared: readonly SharedRange[],
  onMinute: OnUsedMinute,
  signal: AbortSignal | undefined,
): Promise<void> {
  const [first] = shared;
  if (first === undefined) return;
  const { key, fromMs, toMs } = first;
  const stepMs = Math.ceil(ROWS_AT_A_TIME / shared.length) * MINUTE_MS;
  for (let lowMs = fromMs; lowMs <= toMs; lowMs += stepMs) {
    signal?.throwIfAborted();
    const { rows } = await tx.client.query<UsedRow & { k: Buffer | null }>({
      name: 'used-minutes-whole',
      text: WHOLE,
      values: [
        key.accountId,
        new Date(lowMs),
        new Date(Math.min(lowMs + stepMs - MINUTE_MS, toMs)),
        shared.map((range) => range.key.sloId),
        shared.map((range) => range.key.objective),
      ],
    });
    for (const row of rows) {
      const k = decodeInt4Array(row.k);
      const ats = decodeInstantArray(row.ats);
      const goods = decodeFloat8Array(row.good);
      const totals = decodeFloat8Array(row.total);
      for (const i of ascending(ats)) {
        for (const range of shared[(k[i] ?? 0) - 1]?.ranges ?? []) {
          onMinute(range, ats[i] ?? 0, goods[i] ?? 0, totals[i] ?? 0);
        }
      }
    }
  }
}

/** The places by ascending instant. A join keeps no order, though mostly it does. */
function ascending(ats: Float64Array): Iterable<number> {
  const isAscending = ats.every((at, i) => i === 0 || at >= (ats[i - 1] ?? at));
  const places = ats.keys();
  return isAscending ? places : [...places].sort((a, b) => (ats[a] ?? 0) - (ats[b] ?? 0));
}
