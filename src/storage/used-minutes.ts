import { MINUTE_MS } from '../lib/duration.ts';
import { groupBy } from '../lib/group-by.ts';
import { readInstant } from './arrays.ts';
import type { Tx } from './client.ts';
import type { InPieces } from './in-pieces.ts';
import { rangeParameters, type SeriesKey, STRETCH } from './series-columns.ts';
import { enoughToReadWhole } from './whole-reads.ts';

/** Minutes of a series whose rows stand in `fromMs <= at <= toMs`. */
export interface UsedRange {
  readonly key: SeriesKey;
  readonly fromMs: number;
  readonly toMs: number;
  /** Minutes whose good/total is below this are told, up to rounding; the others are only counted. Infinity: all. */
  readonly tellBelow: number;
}

/** Told of the minutes with used events, by the number of their range. */
export interface UsedMinutes {
  /** So many more of them, told or not. */
  counted(range: number, minutes: number): void;
  /** One of them, whose row stands at its end. It may be one that is not below the range's own `tellBelow`. */
  told(range: number, at: number, good: number, total: number): void;
}

/**
 * Of every row the number of its series, and of those that are told 28 bytes: few of an SLO's minutes are bad mostly,
 * and the others would cross over only to be counted. Grouped by nothing: sorting the rows by their series took half as
 * long again.
 */
const COUNTED_AND_TOLD = `
  SELECT string_agg(int4send(q.k), '') AS counted,
    string_agg(int4send(q.k) || timestamptz_send(q.at) || float8send(q.used_good) || float8send(q.used_total), '')
      FILTER (WHERE q.used_good < q.used_total * q.tell_below) AS told`;
const NUMBER_BYTES = 4;
const MINUTE_BYTES = 28;

const EACH = `
  ${COUNTED_AND_TOLD}
  FROM (
    SELECT k.n::int AS k, k.tell_below, u.*
    FROM unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::float8[])
      WITH ORDINALITY AS k(account, slo_id, objective, from_at, to_at, tell_below, n)
    CROSS JOIN LATERAL (
      SELECT s.* FROM ${STRETCH(['at', 'used_good', 'used_total'], 'k.from_at', 'k.to_at')}
      WHERE s.used_total > 0
    ) u
  ) q`;

/** The rows of a minute are neighbours in the key: for most of an account's series one walk finds them all. */
const WHOLE = `
  ${COUNTED_AND_TOLD}
  FROM (
    SELECT k.n::int AS k, k.tell_below, s.at, s.used_good, s.used_total
    FROM (
      SELECT r.slo_id, r.objective, r.at, r.used_good, r.used_total FROM np_slo_snapshots r
      WHERE r.source_account_id = $1 AND r.at >= $2 AND r.at <= $3 AND r.used_total > 0 OFFSET 0
    ) s
    JOIN unnest($4::uuid[], $5::text[], $6::float8[]) WITH ORDINALITY AS k(slo_id, objective, tell_below, n)
      ON k.slo_id = s.slo_id AND k.objective = s.objective
  ) q`;

/** Rows that one statement reads of an account: some ten milliseconds of PostgreSQL's time. */
const ROWS_AT_A_TIME = 25_000;
/** Minutes that one statement looks up series by series. */
const LOOK_UPS_AT_A_TIME = 50_000;

interface UsedRow {
  counted: Buffer | null;
  told: Buffer | null;
}

/** A stretch of a series that is read once, for all of the ranges that it is part of. */
interface SharedRange extends UsedRange {
  readonly ranges: number[];
}

/**
 * Goes through the used minutes of the ranges, those of each range ascending, and keeps none of them: in short pieces,
 * however many ranges there are and however long. What several ranges of a series have in common is read once; most
 * series of an account are read together.
 */
export async function walkUsedMinutes(
  inPieces: InPieces,
  ranges: readonly UsedRange[],
  minutes: UsedMinutes,
): Promise<void> {
  let lookUps: SharedRange[] = [];
  let length = 0;
  const lookUp = async (): Promise<void> => {
    const some = lookUps;
    lookUps = [];
    length = 0;
    if (some.length > 0) await inPieces((tx) => readEach(tx, some, minutes));
  };
  for (const [accountId, own] of groupBy(ranges.keys(), (i) => ranges[i]?.key.accountId ?? '')) {
    let enough: number | null = null;
    for (const stretch of stretchesOf(ranges, own)) {
      if (stretch.length > 1) enough ??= await inPieces((tx) => enoughToReadWhole(tx, accountId));
      if (stretch.length >= (enough ?? Number.POSITIVE_INFINITY)) {
        // What comes before has to be told before.
        await lookUp();
        await readWhole(inPieces, stretch, minutes);
        continue;
      }
      for (const range of stretch) {
        const more = (range.toMs - range.fromMs) / MINUTE_MS + 1;
        if (length + more > LOOK_UPS_AT_A_TIME) await lookUp();
        lookUps.push(range);
        length += more;
      }
    }
  }
  await lookUp();
}

/** An account's ranges, cut wherever one of them begins or ends: by time, and of each stretch the series in it. */
function* stretchesOf(ranges: readonly UsedRange[], own: readonly number[]): Generator<SharedRange[]> {
  const beginning = new Map<number, number[]>();
  const ends = new Set<number>();
  for (const i of own) {
    const range = ranges[i];
    if (range === undefined || range.toMs < range.fromMs) continue;
    const others = beginning.get(range.fromMs);
    if (others === undefined) beginning.set(range.fromMs, [i]);
    else others.push(i);
    ends.add(range.toMs + MINUTE_MS);
  }
  const cuts = [...new Set([...beginning.keys(), ...ends])].sort((a, b) => a - b);
  let open: number[] = [];
  for (const [place, fromMs] of cuts.entries()) {
    const toMs = (cuts[place + 1] ?? fromMs) - MINUTE_MS;
    if (ends.has(fromMs)) open = open.filter((i) => (ranges[i]?.toMs ?? 0) >= fromMs);
    open.push(...(beginning.get(fromMs) ?? []));
    if (open.length > 0) yield sharedBy(ranges, open, fromMs, toMs);
  }
}

/** The stretch `fromMs <= at <= toMs` of each series of which there is a range. */
function sharedBy(
  ranges: readonly UsedRange[],
  open: readonly number[],
  fromMs: number,
  toMs: number,
): SharedRange[] {
  const bySeries = new Map<string, { key: SeriesKey; tellBelow: number; ranges: number[] }>();
  for (const i of open) {
    const range = ranges[i];
    if (range === undefined) continue;
    const { key, tellBelow } = range;
    const series = `${key.sloId} ${key.objective}`;
    const known = bySeries.get(series);
    if (known === undefined) bySeries.set(series, { key, tellBelow, ranges: [i] });
    else {
      known.ranges.push(i);
      known.tellBelow = Math.max(known.tellBelow, tellBelow);
    }
  }
  return [...bySeries.values()].map((shared) => ({ ...shared, fromMs, toMs }));
}

async function readEach({ client }: Tx, shared: readonly SharedRange[], minutes: UsedMinutes): Promise<void> {
  const { rows } = await client.query<UsedRow>({
    name: 'used-minutes',
    text: EACH,
    values: [
      ...rangeParameters(
        shared.map(({ key }) => key),
        shared.map(({ fromMs, toMs }, series) => ({ series, fromMs, toMs })),
      ),
      shared.map(({ tellBelow }) => tellBelow),
    ],
  });
  for (const row of rows) pass(row, shared, minutes);
}

/** The stretch is the same for all of them, which are of one account. */
async function readWhole(
  inPieces: InPieces,
  shared: readonly SharedRange[],
  minutes: UsedMinutes,
): Promise<void> {
  const [first] = shared;
  if (first === undefined) return;
  const { key, fromMs, toMs } = first;
  const stepMs = Math.ceil(ROWS_AT_A_TIME / shared.length) * MINUTE_MS;
  const series = [
    shared.map((range) => range.key.sloId),
    shared.map((range) => range.key.objective),
    shared.map(({ tellBelow }) => tellBelow),
  ];
  for (let lowMs = fromMs; lowMs <= toMs; lowMs += stepMs) {
    await inPieces(async ({ client }) => {
      const { rows } = await client.query<UsedRow>({
        name: 'used-minutes-whole',
        text: WHOLE,
        values: [
          key.accountId,
          new Date(lowMs),
          new Date(Math.min(lowMs + stepMs - MINUTE_MS, toMs)),
          ...series,
        ],
      });
      for (const row of rows) pass(row, shared, minutes);
    });
  }
}

/** Their numbers begin at 1. */
function pass({ counted, told }: UsedRow, shared: readonly SharedRange[], minutes: UsedMinutes): void {
  const counts = new Uint32Array(shared.length + 1);
  for (let place = 0; place < (counted?.length ?? 0); place += NUMBER_BYTES) {
    const n = counted?.readInt32BE(place) ?? 0;
    counts[n] = (counts[n] ?? 0) + 1;
  }
  for (const [i, { ranges }] of shared.entries()) {
    const count = counts[i + 1] ?? 0;
    if (count > 0) for (const range of ranges) minutes.counted(range, count);
  }
  if (told === null) return;
  for (const place of ascending(told)) {
    const at = instantAt(told, place);
    const good = told.readDoubleBE(place + 12);
    const total = told.readDoubleBE(place + 20);
    for (const range of shared[told.readInt32BE(place) - 1]?.ranges ?? [])
      minutes.told(range, at, good, total);
  }
}

const instantAt = (told: Buffer, place: number): number => readInstant(told, place + NUMBER_BYTES);

/** Where the minutes begin, by ascending instant. */
function ascending(told: Buffer): readonly number[] {
  const places = Array.from({ length: told.length / MINUTE_BYTES }, (_, i) => i * MINUTE_BYTES);
  const isAscending = places.every(
    (place, i) => i === 0 || instantAt(told, place) >= instantAt(told, place - MINUTE_BYTES),
  );
  return isAscending ? places : places.sort((a, b) => instantAt(told, a) - instantAt(told, b));
}
