import type { Clock } from '../lib/clock.ts';
import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import type { SampleSource, Selection, Series } from '../promql/source.ts';
import { AccountSeries } from './account-series.ts';
import { BoundedCache, type Sized } from './bounded-cache.ts';
import { type ChosenSeries, chooseSeries, samplesOf } from './chosen-series.ts';
import type { ReadTx } from './client.ts';
import { fillGaps } from './fill-gaps.ts';
import { KeptSeries } from './kept-series.ts';
import { KeptSource } from './kept-source.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { type Grant, MemoryBudget } from './memory-budget.ts';
import { MinuteGrid } from './minute-grid.ts';
import { prepareConnections } from './prepare-connections.ts';
import { createRehearsalSeries } from './rehearsal-series.ts';
import { SampleColumn } from './sample-column.ts';
import { type Plan, planNeed } from './sample-needs.ts';
import type { SeriesDatabase } from './series-database.ts';
import { readSeriesHistories, readSeriesStateIn, selectSeriesDefinitions } from './series-definitions.ts';
import { tooManySamples } from './series-limits.ts';

export interface SeriesStoreOptions {
  readonly db: SeriesDatabase;
  readonly clock: Clock;
  /** For columns that are kept from one query to the next. */
  readonly cacheBytes: number;
}

/**
 * Reads through the source, whose series are good until it is done. It may be done over, so that it may leave nothing
 * behind but its result.
 */
export type SeriesWork<T> = (source: SampleSource) => Promise<T>;

/** The series of all accounts, as their definitions and snapshots make them. */
export interface SeriesStore {
  /** Opens connections and has them plan the statements of queries, so that the first query need not. */
  prepare(): Promise<void>;
  /** A store of made-up series that runs the same code, and the clock that it goes by. */
  rehearsal(): { readonly series: SeriesStore; readonly clock: Clock };
  /** Does the work of one query over the account's series as they stand now, or fails as it does. */
  query<T>(accountId: string, signal: AbortSignal, work: SeriesWork<T>): Promise<T>;
  /** All series that the account's definitions make now, with or without samples. */
  configured(accountId: string): Promise<AccountSeries>;
}

/** What running queries may hold beside the cache is never less than this. */
const LEAST_WORKING_BYTES = 128 * 1024 * 1024;

/**
 * A source over the snapshots. What is read is kept as columns, and every query asks which of them still stand: a
 * change made by any replica is seen by the next query.
 */
export function createSeriesStore({ db, clock, cacheBytes }: SeriesStoreOptions): SeriesStore {
  const cache = new BoundedCache<Sized & (SampleColumn | AccountSeries)>(cacheBytes);
  const budget = new MemoryBudget(Math.max(LEAST_WORKING_BYTES, cacheBytes));
  const queue = new KeyedQueue();
  const grid = new MinuteGrid();
  const kept = new KeptSeries(cache, grid);
  let open = 0;

  function cachedAccount(accountId: string): AccountSeries | null {
    const cached = cache.get(`account ${accountId}`);
    return cached instanceof AccountSeries ? cached : null;
  }

  async function accountSeries(tx: ReadTx, accountId: string): Promise<AccountSeries> {
    const known = cachedAccount(accountId);
    if (known !== null && (await readSeriesStateIn(tx, accountId)).fingerprint === known.fingerprint) {
      return known;
    }
    const { histories, ...state } = await readSeriesHistories(tx, accountId);
    const before = cachedAccount(accountId);
    const same = histories.flatMap((history) => before?.definitionOf(history) ?? []);
    const unknown = histories.filter((history) => (before?.definitionOf(history) ?? null) === null);
    const read = unknown.length === 0 ? [] : await selectSeriesDefinitions(tx, accountId, unknown);
    const definitions = [...same, ...read];
    const series = new AccountSeries(state, histories, definitions, before);
    cache.put(`account ${accountId}`, series);
    return series;
  }

  function columnOf(key: string): SampleColumn | undefined {
    const cached = cache.get(key);
    return cached instanceof SampleColumn ? cached : undefined;
  }

  /** The plans of a query's needs, by their keys. */
  function planAll({ needs }: ChosenSeries, nowMs: number): Map<string, Plan> {
    const plans = new Map<string, Plan>();
    for (const [key, need] of needs) {
      const { snapshotsUntilMs } = need.history;
      const settledMs = Math.min(floorTo(nowMs, MINUTE_MS), snapshotsUntilMs ?? Number.NEGATIVE_INFINITY);
      // Arrays that another query is reading stay as they are.
      plans.set(key, planNeed(need, columnOf(key), settledMs, { copy: open > 1 }));
    }
    return plans;
  }

  /** Does the work, and gives back what it was granted. */
  async function opened<T>(work: (grants: Grant[]) => Promise<T>): Promise<T> {
    const grants: Grant[] = [];
    open += 1;
    try {
      return await work(grants);
    } finally {
      open -= 1;
      for (const grant of grants) grant.release();
    }
  }

  /** Does the work over what is kept. Null where that does not stand, or does not do: then it is to be done over. */
  async function queryKept<T>(
    accountId: string,
    grants: Grant[],
    work: SeriesWork<T>,
  ): Promise<{ readonly value: T } | null> {
    const source = new KeptSource({
      db,
      accountId,
      account: () => cachedAccount(accountId),
      find(account, selections) {
        const found = kept.find(account, selections, clock.now());
        const grant = found === null ? null : budget.tryTake(found.bytes);
        if (found === null || grant === null) return null;
        grants.push(grant);
        return found.series;
      },
    });
    try {
      const value = await work(source);
      return (await source.stands()) ? { value } : null;
    } catch (error) {
      if (await source.stands()) throw error;
      return null;
    }
  }

  async function read(
    tx: ReadTx,
    accountId: string,
    selections: readonly Selection[],
    grant: Grant | null,
    signal: AbortSignal,
  ): Promise<Read> {
    const account = await accountSeries(tx, accountId);
    const nowMs = clock.now();
    const chosen = chooseSeries(account, selections, nowMs);
    const { bytes } = chosen;
    if (bytes > budget.maxBytes) throw tooManySamples();
    if (bytes > (grant?.bytes ?? 0)) {
      const taken = grant === null ? budget.tryTake(bytes) : null;
      if (taken === null) return { kind: 'wait', bytes };
      return { ...(await load(taken)), grant: taken };
    }
    return load(grant);

    async function load(held: Grant | null): Promise<Done> {
      try {
        const plans = planAll(chosen, nowMs);
        const gaps = [...plans.values()].flatMap((plan) => plan.gaps);
        const lastMs = floorTo(nowMs, MINUTE_MS);
        await fillGaps(tx, gaps, { accountId, objectives: account.objectives, lastMs, signal });
        for (const [key, { column, head, gaps: filled, keep }] of plans) {
          if (head !== null) column.prepend(head);
          if (keep && filled.length > 0) cache.put(key, column);
        }
        return { kind: 'done', series: samplesOf(chosen, plans, grid), grant: held };
      } catch (error) {
        held?.release();
        throw error;
      }
    }
  }

  /** The selections' series, read in a transaction that sees what they come of at one time. */
  async function selectRead(
    accountId: string,
    selections: readonly Selection[],
    signal: AbortSignal,
    grants: Grant[],
  ): Promise<Done['series']> {
    let grant: Grant | null = null;
    for (;;) {
      signal.throwIfAborted();
      const held: Grant | null = grant;
      // One after the other, so that many queries at once do not read the same columns many times.
      const answer: Read = await queue.run(accountId, () =>
        db.tenantSnapshot(accountId, (tx) => read(tx, accountId, selections, held, signal)),
      );
      if (answer.kind === 'done') {
        if (answer.grant !== null) grants.push(answer.grant);
        return answer.series;
      }
      grant?.release();
      // Waiting here holds no connection.
      grant = await budget.take(answer.bytes, signal);
    }
  }

  return {
    prepare: () => prepareConnections(db, clock.now()),
    rehearsal() {
      const madeUp = createRehearsalSeries();
      return { series: createSeriesStore({ ...madeUp, cacheBytes }), clock: madeUp.clock };
    },
    configured: (accountId) => db.tenantSnapshot(accountId, (tx) => accountSeries(tx, accountId)),
    async query(accountId, signal, work) {
      if (cachedAccount(accountId) !== null) {
        const done = await opened((grants) => queryKept(accountId, grants, work));
        if (done !== null) return done.value;
      }
      return opened((grants) =>
        work({
          isSorted: true,
          select: (selections) => selectRead(accountId, selections, signal, grants),
        }),
      );
    },
  };
}

interface Done {
  readonly kind: 'done';
  readonly series: readonly (readonly Series[])[];
  readonly grant: Grant | null;
}

type Read = Done | { readonly kind: 'wait'; readonly bytes: number };
