import type { Clock } from '../lib/clock.ts';
import { DAY_MS, floorTo, MINUTE_MS } from '../lib/duration.ts';
import { PromqlError } from '../promql/promql-error.ts';
import type { SampleSource, Selection, Series } from '../promql/source.ts';
import { AccountSeries, type ConfiguredSeries } from './account-series.ts';
import { BoundedCache, type Sized } from './bounded-cache.ts';
import type { ReadTx } from './client.ts';
import { configuredValue, createConfiguredSamples } from './configured-samples.ts';
import { fillGaps } from './fill-gaps.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { type Grant, MemoryBudget } from './memory-budget.ts';
import { MinuteGrid } from './minute-grid.ts';
import { prepareConnections } from './prepare-connections.ts';
import { createRehearsalSeries, type SeriesDatabase } from './rehearsal-series.ts';
import { SampleColumn } from './sample-column.ts';
import { type Need, needKey, type Plan, planNeed, type Steps, stepsOf } from './sample-needs.ts';
import { readSeriesHistories, readSeriesState, selectSeriesDefinitions } from './series-definitions.ts';

export interface SeriesStoreOptions {
  readonly db: SeriesDatabase;
  readonly clock: Clock;
  /** For columns that are kept from one query to the next. */
  readonly cacheBytes: number;
}

/** What one query reads through. Its series are good until `release`. */
export interface OpenSource extends SampleSource {
  release(): void;
}

/** The series of all accounts, as their definitions and snapshots make them. */
export interface SeriesStore {
  /** Opens connections and has them plan the statements of queries, so that the first query need not. */
  prepare(): Promise<void>;
  /** A store of made-up series that runs the same code, and the clock that it goes by. */
  rehearsal(): { readonly series: SeriesStore; readonly clock: Clock };
  /** For one query of the account. */
  open(accountId: string): OpenSource;
  /** All series that the account's definitions make now, with or without samples. */
  configured(accountId: string): Promise<AccountSeries>;
}

export const SERIES_LIMITS = { series: 10_000, rangeMs: 400 * DAY_MS, samples: 50_000_000 } as const;

/** What running queries may hold beside the cache is never less than this. */
const LEAST_WORKING_BYTES = 128 * 1024 * 1024;
const SAMPLE_BYTES = 8;

/**
 * A source over the snapshots. What is read is kept as columns, and every query asks, in the transaction that it
 * reads in, which of them still stand: a change made by any replica is seen by the next query.
 */
export function createSeriesStore({ db, clock, cacheBytes }: SeriesStoreOptions): SeriesStore {
  const cache = new BoundedCache<Sized & (SampleColumn | AccountSeries)>(cacheBytes);
  const budget = new MemoryBudget(Math.max(LEAST_WORKING_BYTES, cacheBytes));
  const queue = new KeyedQueue();
  const grid = new MinuteGrid();
  let open = 0;

  function cachedAccount(accountId: string): AccountSeries | null {
    const cached = cache.get(`account ${accountId}`);
    return cached instanceof AccountSeries ? cached : null;
  }

  async function accountSeries(tx: ReadTx, accountId: string): Promise<AccountSeries> {
    const { histories, ...state } = await readSeriesHistories(tx, accountId);
    const before = cachedAccount(accountId);
    if (before?.fingerprint === state.fingerprint) return before;
    const known = histories.flatMap((history) => before?.definitionOf(history) ?? []);
    const unknown = histories.filter((history) => (before?.definitionOf(history) ?? null) === null);
    const read = unknown.length === 0 ? [] : await selectSeriesDefinitions(tx, accountId, unknown);
    const definitions = [...known, ...read];
    const series = new AccountSeries(state, histories, definitions, before);
    cache.put(`account ${accountId}`, series);
    return series;
  }

  function columnOf(key: string): SampleColumn | undefined {
    const cached = cache.get(key);
    return cached instanceof SampleColumn ? cached : undefined;
  }

  /** The plans of a query's needs, by their keys. */
  function planAll(needs: ReadonlyMap<string, Need>, nowMs: number): Map<string, Plan> {
    const plans = new Map<string, Plan>();
    for (const [key, need] of needs) {
      const { historyVersion, snapshotsUntilMs } = need.history;
      const settledMs = Math.min(floorTo(nowMs, MINUTE_MS), snapshotsUntilMs ?? Number.NEGATIVE_INFINITY);
      const make = (fromMs: number): SampleColumn => new SampleColumn(fromMs, historyVersion);
      // Arrays that another query is reading stay as they are.
      plans.set(key, planNeed(need, columnOf(key), settledMs, make, open > 1));
    }
    return plans;
  }

  /** What the query asks for, where all of it is kept and still stands; null where something is to be read. */
  async function readKept(accountId: string, selections: readonly Selection[]): Promise<Done | null> {
    const account = cachedAccount(accountId);
    if (account === null) return null;
    const { fingerprint } = await readSeriesState(db, accountId);
    if (account.fingerprint !== fingerprint) return null;
    const nowMs = clock.now();
    const chosen = selections.map(({ matchers }) => account.match(matchers));
    assertSeries(chosen);
    const needs = needsOf(selections, chosen, account, nowMs);
    const bytes = assertSamples([...needs.values()]) * SAMPLE_BYTES;
    const plans = planAll(needs, nowMs);
    for (const { gaps } of plans.values()) if (gaps.length > 0) return null;
    const grant = budget.tryTake(bytes);
    if (grant === null) return null;
    const series = selections.map((selection, i) =>
      seriesOf(selection, chosen[i] ?? [], plans, account, grid),
    );
    return { kind: 'done', series, grant };
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
    const chosen = selections.map(({ matchers }) => account.match(matchers));
    assertSeries(chosen);
    const needs = needsOf(selections, chosen, account, nowMs);
    const bytes = assertSamples([...needs.values()]) * SAMPLE_BYTES;
    if (bytes > budget.maxBytes) throw tooManySamples();
    if (bytes > (grant?.bytes ?? 0)) {
      const taken = grant === null ? budget.tryTake(bytes) : null;
      if (taken === null) return { kind: 'wait', bytes };
      return { ...(await load(taken)), grant: taken };
    }
    return load(grant);

    async function load(held: Grant | null): Promise<Done> {
      try {
        const plans = planAll(needs, nowMs);
        const gaps = [...plans.values()].flatMap((plan) => plan.gaps);
        const lastMs = floorTo(nowMs, MINUTE_MS);
        await fillGaps(tx, gaps, { accountId, objectives: account.objectives, lastMs, signal });
        for (const [key, { column, head, gaps: filled, keep }] of plans) {
          if (head !== null) column.prepend(head);
          if (keep && filled.length > 0) cache.put(key, column);
        }
        const series = selections.map((selection, i) =>
          seriesOf(selection, chosen[i] ?? [], plans, account, grid),
        );
        return { kind: 'done', series, grant: held };
      } catch (error) {
        held?.release();
        throw error;
      }
    }
  }

  return {
    prepare: () => prepareConnections(db, clock.now()),
    rehearsal() {
      const madeUp = createRehearsalSeries();
      return { series: createSeriesStore({ ...madeUp, cacheBytes }), clock: madeUp.clock };
    },
    configured: (accountId) => db.tenantSnapshot(accountId, (tx) => accountSeries(tx, accountId)),
    open(accountId) {
      const grants: Grant[] = [];
      open += 1;
      let released = false;
      return {
        async select(selections, signal) {
          for (const { fromMs, toMs } of selections) assertRange(fromMs, toMs);
          const kept = await readKept(accountId, selections);
          if (kept !== null) {
            if (kept.grant !== null) grants.push(kept.grant);
            return kept.series;
          }
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
        },
        release() {
          if (released) return;
          released = true;
          open -= 1;
          for (const grant of grants) grant.release();
        },
      };
    },
  };
}

interface Done {
  readonly kind: 'done';
  readonly series: readonly (readonly Series[])[];
  readonly grant: Grant | null;
}

type Read = Done | { readonly kind: 'wait'; readonly bytes: number };

/** What has to be known of which series, a series and its steps once each. */
function needsOf(
  selections: readonly Selection[],
  chosen: readonly (readonly ConfiguredSeries[])[],
  account: AccountSeries,
  nowMs: number,
): Map<string, Need> {
  const needs = new Map<string, Need>();
  selections.forEach((selection, i) => {
    const steps = stepsOf(selection);
    const toMs = Math.min(selection.toMs, lastNeeded(steps, nowMs));
    for (const series of chosen[i] ?? []) {
      const history = account.historyOf(series);
      const { firstDataAtMs, snapshotsUntilMs } = history;
      if (configuredValue(series) !== null || firstDataAtMs === null || snapshotsUntilMs === null) continue;
      const fromMs = Math.max(selection.fromMs, firstDataAtMs, account.keptFromMs - 1);
      if (toMs <= fromMs) continue;
      const need: Need = { series, history, steps, fromMs, toMs };
      const key = needKey(series, steps);
      const known = needs.get(key);
      if (known === undefined) {
        needs.set(key, need);
      } else {
        known.fromMs = Math.min(known.fromMs, fromMs);
        known.toMs = Math.max(known.toMs, toMs);
      }
    }
  });
  return needs;
}

/** A step a little ahead of the clock still sees the newest minute. */
function lastNeeded(steps: Steps | null, nowMs: number): number {
  const lastMs = floorTo(nowMs, MINUTE_MS);
  return steps === null ? lastMs : lastMs + steps.windowMs;
}

function seriesOf(
  selection: Selection,
  chosen: readonly ConfiguredSeries[],
  plans: ReadonlyMap<string, Plan>,
  account: AccountSeries,
  grid: MinuteGrid,
): Series[] {
  const steps = stepsOf(selection);
  const fromMs = Math.max(selection.fromMs, account.keptFromMs - 1);
  const always = createConfiguredSamples(selection);
  const all: Series[] = [];
  for (const series of chosen) {
    const value = configuredValue(series);
    if (value !== null) {
      all.push(always(series, account.historyOf(series).startMs, value));
      continue;
    }
    const column = plans.get(needKey(series, steps))?.column;
    const view = column?.view(fromMs, selection.toMs, grid);
    if (view !== undefined && view.start < view.end) all.push({ labels: series.labels, ...view });
  }
  return all;
}

function assertRange(fromMs: number, toMs: number): void {
  if (toMs - fromMs <= SERIES_LIMITS.rangeMs + DAY_MS) return;
  throw new PromqlError('bad_data', 'the query reaches over more than 400 days; shorten its range');
}

function assertSeries(chosen: readonly (readonly ConfiguredSeries[])[]): void {
  const count = chosen.reduce((sum, series) => sum + series.length, 0);
  if (count <= SERIES_LIMITS.series) return;
  throw new PromqlError(
    'bad_data',
    `the query selects ${count} series, and 10,000 is the limit; narrow its selectors`,
  );
}

/** The most samples that the needs can have. */
function assertSamples(needs: readonly Need[]): number {
  let samples = 0;
  for (const { fromMs, toMs, steps } of needs) {
    samples += steps === null ? (toMs - fromMs) / MINUTE_MS : (toMs - fromMs) / steps.stepMs + 1;
  }
  if (samples > SERIES_LIMITS.samples) throw tooManySamples();
  return Math.ceil(samples);
}

const tooManySamples = (): PromqlError =>
  new PromqlError('bad_data', 'query processing would load too many samples into memory in query execution');
