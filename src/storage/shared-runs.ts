import { DAY_MS, floorTo, MINUTE_MS } from '../lib/duration.ts';
import { groupBy } from '../lib/group-by.ts';
import type { DayBase } from '../slo/running-totals.ts';
import { orZero } from './arrays.ts';
import type { Tx } from './client.ts';
import { type RowsAtInstant, readInstants } from './read-instants.ts';
import { type LoadedRuns, loadRuns, type SeriesKey, type SeriesRange } from './series-columns.ts';
import { SHARED_AT_LEAST } from './whole-reads.ts';

/** Minutes are read whole where at least this share of what is read then is asked for. */
const ASKED_SHARE = 0.3;
/** Rows of one statement. */
const ROWS_AT_A_TIME = 50_000;

interface Asked {
  /** In the list of all ranges. */
  readonly place: number;
  readonly key: SeriesKey;
  readonly range: SeriesRange;
}

/** What is to be found among the rows of whole minutes. */
interface Shared extends Asked {
  readonly rows: SharedRows;
}

/**
 * As `loadRuns`. Ranges that many series of an account have in common, as those of a stream that goes minute by minute
 * over all of them, are read minute by minute: the rows of a minute are neighbours in the key, and those of SLOs whose
 * ids lie next to each other are too. So it costs a few times less, and as much for a thousand SLOs as for a hundred.
 */
export async function loadSharedRuns(
  tx: Tx,
  keys: readonly SeriesKey[],
  ranges: readonly SeriesRange[],
): Promise<LoadedRuns[]> {
  const found: (LoadedRuns | null)[] = ranges.map(() => null);
  const asked = ranges.flatMap((range, place): Asked[] => {
    const key = keys[range.series];
    return key === undefined ? [] : [{ place, key, range }];
  });
  for (const [accountId, own] of groupBy(asked, ({ key }) => key.accountId)) {
    await loadOfAccount(tx, accountId, own, found);
  }
  const apart = [...ranges.keys()].filter((i) => found[i] === null);
  const others = await loadRuns(
    tx,
    keys,
    apart.flatMap((i) => ranges[i] ?? []),
  );
  apart.forEach((i, n) => {
    found[i] = others[n] ?? null;
  });
  return found.flatMap((runs) => runs ?? []);
}

async function loadOfAccount(
  tx: Tx,
  accountId: string,
  asked: readonly Asked[],
  found: (LoadedRuns | null)[],
): Promise<void> {
  if (asked.length < SHARED_AT_LEAST) return;
  const ids = asked.map(({ key }) => key.sloId).sort();
  const bounds = { firstId: ids[0] ?? '', lastId: ids.at(-1) ?? '' };
  const slos = await countBetween(tx, accountId, bounds);
  const covers = coversOf(asked).filter(({ asked: own, fromMs, toMs }) => {
    const wanted = own.reduce((sum, { range }) => sum + minutesOf(range), 0);
    return own.length >= SHARED_AT_LEAST && wanted >= ASKED_SHARE * slos * minutesOf({ fromMs, toMs });
  });
  const shared = covers.flatMap((cover) =>
    cover.asked.map((one): Shared => ({ ...one, rows: new SharedRows(one.range) })),
  );
  if (shared.length === 0) return;
  const instants = instantsOf(covers, shared);
  const step = Math.max(1, Math.floor(ROWS_AT_A_TIME / slos));
  for (let i = 0; i < instants.length; i += step) {
    await readInstants(
      tx,
      {
        accountId,
        among: { type: 'neighbours', ...bounds },
        instants: instants.slice(i, i + step),
        owners: shared.map(({ key, rows }) => ({ key, owner: rows })),
      },
      (owner, rows, row) => owner.take(rows, row),
    );
  }
  for (const { place, rows } of shared) found[place] = rows.loaded();
}

const minutesOf = ({ fromMs, toMs }: Pick<SeriesRange, 'fromMs' | 'toMs'>): number =>
  (toMs - fromMs) / MINUTE_MS + 1;

/** Ranges that overlap, and what they cover together. */
interface Cover {
  readonly asked: Asked[];
  readonly fromMs: number;
  toMs: number;
}

function coversOf(asked: readonly Asked[]): Cover[] {
  const covers: Cover[] = [];
  for (const one of asked.toSorted((a, b) => a.range.fromMs - b.range.fromMs)) {
    const { fromMs, toMs } = one.range;
    const last = covers.at(-1);
    if (last === undefined || fromMs > last.toMs) {
      covers.push({ asked: [one], fromMs, toMs });
    } else {
      last.asked.push(one);
      last.toMs = Math.max(last.toMs, toMs);
    }
  }
  return covers;
}

/** All minutes of the covers, and the starts of the days that the ranges begin in; ascending. */
function instantsOf(covers: readonly Cover[], shared: readonly Shared[]): number[] {
  const instants = new Set(shared.map(({ range }) => floorTo(range.fromMs, DAY_MS)));
  for (const { fromMs, toMs } of covers) {
    for (let at = fromMs; at <= toMs; at += MINUTE_MS) instants.add(at);
  }
  return [...instants].sort((a, b) => a - b);
}

async function countBetween(
  { client }: Tx,
  accountId: string,
  { firstId, lastId }: { readonly firstId: string; readonly lastId: string },
): Promise<number> {
  const { rows } = await client.query<{ slos: number }>({
    name: 'count-slos-between',
    text: 'SELECT count(*)::int AS slos FROM np_slos WHERE source_account_id = $1 AND id >= $2 AND id <= $3',
    values: [accountId, firstId, lastId],
  });
  return rows[0]?.slos ?? 0;
}

/** The rows of one range, as they come. */
class SharedRows {
  readonly #range: SeriesRange;
  readonly #at: Float64Array;
  readonly #good: Float64Array;
  readonly #total: Float64Array;
  /** Made with the first number that is not 0. */
  #goodLow: Float64Array | null = null;
  #totalLow: Float64Array | null = null;
  readonly #bases: DayBase[] = [];
  #length = 0;

  constructor(range: SeriesRange) {
    this.#range = range;
    const capacity = minutesOf(range);
    this.#at = new Float64Array(capacity);
    this.#good = new Float64Array(capacity);
    this.#total = new Float64Array(capacity);
  }

  /** Takes a row of the series, of the range or not. Ascending over all calls. */
  take(rows: RowsAtInstant, row: number): void {
    const { at } = rows;
    const { fromMs, toMs } = this.#range;
    if (at > toMs) return;
    if (rows.baseGood !== undefined && at > fromMs - DAY_MS) {
      const good = rows.baseGood[row] ?? '';
      const total = rows.baseTotal?.[row] ?? '';
      if (good !== '' && total !== '') this.#bases.push({ dayMs: at, good, total });
    }
    if (at < fromMs) return;
    const place = this.#length;
    this.#length += 1;
    this.#at[place] = at;
    this.#good[place] = rows.good[row] ?? Number.NaN;
    this.#total[place] = rows.total[row] ?? Number.NaN;
    if (rows.goodLow.length > 0) {
      this.#goodLow ??= new Float64Array(this.#at.length);
      this.#goodLow[place] = orZero(rows.goodLow[row]);
    }
    if (rows.totalLow.length > 0) {
      this.#totalLow ??= new Float64Array(this.#at.length);
      this.#totalLow[place] = orZero(rows.totalLow[row]);
    }
  }

  /** Null where no row stands at the range's start: then one before it is to be searched for. */
  loaded(): LoadedRuns | null {
    const length = this.#length;
    if (length === 0 || this.#at[0] !== this.#range.fromMs) return null;
    return {
      at: this.#at.subarray(0, length),
      runGood: this.#good.subarray(0, length),
      runTotal: this.#total.subarray(0, length),
      runGoodLow: this.#goodLow?.subarray(0, length) ?? NOTHING,
      runTotalLow: this.#totalLow?.subarray(0, length) ?? NOTHING,
      bases: this.#bases,
    };
  }
}

/** Nothing was left out by rounding. */
const NOTHING = new Float64Array(0);
