import { DAY_MS, MINUTE_MS } from '../../src/lib/duration.ts';
import type { Slo } from '../../src/slo/definition.ts';
import { SnapshotBatch, type SnapshotRow } from '../../src/slo/snapshot-batch.ts';
import { TotalPoints } from '../../src/slo/total-points.ts';
import {
  lockDueOutboxes,
  lockOutbox,
  saveOutboxes,
  selectOutboxes,
  selectToldSlos,
} from '../../src/storage/alert-outbox.ts';
import type { Tx } from '../../src/storage/client.ts';
import {
  clearRecompute,
  markRecompute,
  saveLevel,
  selectComposites,
  selectMarked,
} from '../../src/storage/composite-places.ts';
import {
  firstDataOf,
  loadCompositeRows,
  loadCompositesAt,
  loadLosses,
} from '../../src/storage/composite-rows.ts';
import { inOne } from '../../src/storage/in-pieces.ts';
import { loadWholeMinutes } from '../../src/storage/minute-samples.ts';
import { moveCounts } from '../../src/storage/move-counts.ts';
import {
  countFailingPulls,
  lockPulledSlos,
  saveBackfillFailures,
  saveBackfills,
  savePullFailures,
  savePulls,
  selectDuePulls,
} from '../../src/storage/pulls.ts';
import { loadCounterSurroundings, loadReceived } from '../../src/storage/received-minutes.ts';
import {
  selectDayReports,
  selectReportDue,
  selectReports,
  selectReportsDue,
  selectUnreported,
} from '../../src/storage/reports.ts';
import { loadSamples } from '../../src/storage/sample-rows.ts';
import { saveReports } from '../../src/storage/save-reports.ts';
import {
  lastDataOf,
  lastRowOf,
  loadFirstRows,
  loadMinutes,
  loadRuns,
  type SeriesKey,
} from '../../src/storage/series-columns.ts';
import {
  readSeriesHistories,
  readSeriesStateIn,
  selectSeriesDefinitions,
} from '../../src/storage/series-definitions.ts';
import { loadTotals } from '../../src/storage/series-totals.ts';
import { settleSlos } from '../../src/storage/settled-slos.ts';
import { loadSharedRuns } from '../../src/storage/shared-runs.ts';
import { lockSlosBehind, saveEvaluations, selectSlosBehind } from '../../src/storage/slo-evaluations.ts';
import { versionsById } from '../../src/storage/slo-versions.ts';
import {
  insertSlo,
  removeSlo,
  restartPull,
  selectAllSlos,
  selectSlos,
  selectWindows,
  updateAdjustments,
  updateSloDefinition,
} from '../../src/storage/slos.ts';
import { idsByReference, lockSlos, slosByReference } from '../../src/storage/slos-by-reference.ts';
import {
  insertSnapshots,
  removeSnapshots,
  replaceSnapshots,
  shiftBases,
} from '../../src/storage/snapshot-rows.ts';
import { selectBurnDays, selectSnapshots } from '../../src/storage/snapshots.ts';
import { loadWholeInstants } from '../../src/storage/totals-at-instants.ts';
import { walkUsedMinutes } from '../../src/storage/used-minutes.ts';

/** How far the reports of each account have come. */
export const REPORT_DUE_MS: Readonly<Record<string, number>> = {
  mine: Date.UTC(2026, 10, 18),
  theirs: Date.UTC(2026, 10, 17),
};

/** Whose rows a call asks for. */
export interface Target {
  readonly accountId: string;
  readonly slo: Slo;
  /** The last complete minute, at which every series of the test has a row. */
  readonly atMs: number;
}

export type StorageCall = (tx: Tx, target: Target) => Promise<unknown>;

const keysOf = ({ accountId, slo }: Target): SeriesKey[] =>
  slo.objectives.map(({ name }) => ({ accountId, sloId: slo.id, objective: name }));

const hourOf = (target: Target) => ({
  keys: keysOf(target),
  ranges: [{ series: 0, fromMs: target.atMs - 60 * MINUTE_MS, toMs: target.atMs }],
});

const page = { limit: 100, offset: 0, sort: 'name', descending: false } as const;

function row(at: number): SnapshotRow {
  const none = Number.NaN;
  const zero = { high: 0, low: 0 };
  return {
    series: 0,
    at,
    minute: {
      usedGood: none,
      usedTotal: none,
      receivedGood: none,
      receivedBad: none,
      receivedTotal: none,
      value: none,
      counterPoints: null,
      dataUnused: false,
    },
    runGood: zero,
    runTotal: zero,
    composite: null,
    sliceReliability: none,
    status: null,
    state: 'no_data',
    baseGood: null,
    baseTotal: null,
  };
}

function rows(...instants: readonly number[]): SnapshotBatch {
  const batch = new SnapshotBatch();
  for (const at of instants) batch.add(row(at));
  return batch;
}

/** The SLO as one whose source is read; the test makes both so. */
const pulled = ({ accountId, slo, atMs }: Target) => ({
  slo: {
    accountId,
    id: slo.id,
    sli: slo.sli,
    pull: { fromMs: 0, untilMs: PULLED_UNTIL_MS, lastPulledAtMs: atMs, lastError: 'seized', recent: {} },
    backfill: { ...BACKFILL, lastError: 'seized' },
  },
  isBackfill: false,
  message: 'seized',
});

/** Where the reading of both accounts' sources stands. */
export const PULLED_UNTIL_MS = Date.UTC(2026, 10, 18, 11, 0);
export const BACKFILL = {
  ...{ id: 'one', fromMs: 0, toMs: 1, nextMs: 0, requestedAtMs: 0 },
  ...{ finishedAtMs: null, minutes: 0, lastError: null },
};

/** Enough rows in a run for them to be taken out and put in again. */
const LONG_RUN = 250;

/**
 * Every query of the storage floor, as a request could make it. What is exported there and not called here
 * fails the test beside this file.
 */
export const STORAGE_CALLS: Readonly<Record<string, StorageCall>> = {
  insertSlo: (tx, { accountId, slo, atMs }) =>
    insertSlo(tx, accountId, { ...slo, name: `${slo.name}-two` }, slo.revisions, slo.pull, atMs),
  updateSloDefinition: (tx, { accountId, slo, atMs }) =>
    updateSloDefinition(tx, { ...slo, accountId }, { ...slo, description: 'seized' }, slo.revisions, atMs),
  countFailingPulls: (tx) => countFailingPulls(tx, null),
  selectDuePulls: (tx, { atMs }) => selectDuePulls(tx, atMs + DAY_MS, null),
  lockPulledSlos: (tx, { accountId, slo }) => lockPulledSlos(tx, [{ accountId, id: slo.id }]),
  savePulls: (tx, target) =>
    savePulls(
      tx,
      [pulled(target)].map(({ slo }) => ({ slo, pull: slo.pull })),
    ),
  saveBackfills: (tx, target) =>
    saveBackfills(
      tx,
      [pulled(target)].map(({ slo }) => ({ slo, backfill: slo.backfill })),
    ),
  savePullFailures: (tx, target) => savePullFailures(tx, [pulled(target)]),
  saveBackfillFailures: (tx, target) => saveBackfillFailures(tx, [pulled(target)]),
  restartPull: (tx, { accountId, slo }) =>
    restartPull(
      tx,
      { ...slo, accountId },
      { fromMs: 0, untilMs: 0, lastPulledAtMs: null, lastError: 'seized', recent: {} },
    ),
  selectComposites: (tx, { accountId }) => selectComposites(tx, accountId),
  saveLevel: (tx, { accountId, slo }) => saveLevel(tx, accountId, slo.id, 3),
  markRecompute: (tx, { accountId, slo, atMs }) =>
    markRecompute(tx, accountId, new Map([[slo.id, atMs - DAY_MS]])),
  clearRecompute: (tx, { accountId, slo }) => clearRecompute(tx, accountId, slo.id),
  selectMarked: (tx, { accountId }) => selectMarked(tx, accountId),
  updateAdjustments: (tx, { accountId, slo, atMs }) =>
    updateAdjustments(tx, { ...slo, accountId }, slo.adjustments, atMs),
  removeSlo: (tx, { accountId, slo }) => removeSlo(tx, { ...slo, accountId }),
  slosByReference: async (tx, { accountId, slo }) => {
    const refs = [slo.id, `${slo.project}.${slo.name}`];
    return [
      await slosByReference(tx, accountId, refs),
      await slosByReference(tx, accountId, refs, { lock: true }),
    ];
  },
  idsByReference: (tx, { accountId, slo }) => idsByReference(tx, accountId, [`${slo.project}.${slo.name}`]),
  lockSlos: (tx, { accountId, slo }) => lockSlos(tx, accountId, [slo.id]),
  versionsById: (tx, { accountId, slo }) => versionsById(tx, accountId, [slo.id]),
  selectSlos: (tx, { accountId, slo }) => selectSlos(tx, accountId, { ids: [slo.id] }, page),
  selectAllSlos: (tx, { accountId, slo }) =>
    selectAllSlos(tx, accountId, { project: slo.project, labels: slo.labels }),
  selectSlosBehind: (tx, { atMs }) => selectSlosBehind(tx, atMs + DAY_MS, 100),
  lockSlosBehind: (tx, { accountId, slo, atMs }) =>
    lockSlosBehind(tx, atMs + DAY_MS, [{ accountId, id: slo.id }]),
  saveEvaluations: (tx, { accountId, slo, atMs }) =>
    saveEvaluations(tx, [
      {
        slo: { ...slo, accountId },
        state: 'exhausted',
        reliability: 0.125,
        budget: -7,
        burnRate: 99,
        evaluatedAtMs: atMs,
        lastDataAtMs: atMs,
        snapshotsUntilMs: atMs,
        firstDataAtMs: atMs,
        historyFromMs: atMs,
        alerts: { states: { other: { runs: [], told: null } }, outbox: [], changeAtMs: atMs },
      },
    ]),
  lockDueOutboxes: (tx, { atMs }) => lockDueOutboxes(tx, 'router', atMs, null, 100),
  lockOutbox: (tx, { accountId, slo }) => lockOutbox(tx, { accountId, id: slo.id }),
  saveOutboxes: (tx, { accountId, slo }) => saveOutboxes(tx, [{ accountId, id: slo.id, outbox: [] }]),
  selectOutboxes: (tx) => selectOutboxes(tx, null),
  selectToldSlos: (tx) => selectToldSlos(tx, null, null, 100),
  selectWindows,
  selectReportsDue: (tx) => selectReportsDue(tx, null, 100, null),
  selectReportDue: (tx, { accountId }) => selectReportDue(tx, accountId),
  selectUnreported,
  selectReports: (tx, { accountId, slo, atMs }) =>
    selectReports(tx, accountId, {
      sloIds: [slo.id],
      period: 'day',
      fromMs: 0,
      toMs: atMs + DAY_MS,
      limit: 100,
    }),
  selectDayReports: (tx, { accountId, slo, atMs }) =>
    selectDayReports(tx, accountId, { sloIds: [slo.id], fromMs: 0, toMs: atMs + DAY_MS }),
  saveReports: (tx, { accountId, slo, atMs }) =>
    saveReports(
      tx,
      accountId,
      [
        {
          slo: { ...slo, accountId },
          position: { dueAtMs: REPORT_DUE_MS[accountId] ?? null, version: 0 },
          historyVersion: 0,
          next: { dueAtMs: atMs, version: 0 },
          rows: [],
        },
      ],
      atMs,
    ),
  selectSnapshots: (tx, { accountId, slo, atMs }) =>
    selectSnapshots(tx, {
      accountId,
      sloId: slo.id,
      objective: null,
      fromMs: atMs - DAY_MS,
      toMs: atMs,
      stepMs: MINUTE_MS,
      after: null,
      limit: 1000,
    }),
  selectBurnDays: (tx, { accountId, atMs }) => selectBurnDays(tx, accountId, atMs - 7 * DAY_MS, atMs),
  loadRuns: (tx, target) => {
    const { keys, ranges } = hourOf(target);
    return loadRuns(tx, keys, ranges);
  },
  loadSharedRuns: async (tx, target) => {
    const [key] = keysOf(target);
    if (key === undefined) return [];
    // As most of an account are read: sixteen series, of which one is.
    const keys = Array.from({ length: 16 }, (_, i) => (i === 0 ? key : { ...key, objective: `other-${i}` }));
    const ranges = keys.map((_, series) => ({
      series,
      fromMs: target.atMs - 60 * MINUTE_MS,
      toMs: target.atMs,
    }));
    return loadSharedRuns(tx, keys, ranges);
  },
  loadMinutes: (tx, target) => {
    const { keys, ranges } = hourOf(target);
    return loadMinutes(tx, keys, ranges);
  },
  walkUsedMinutes: async (tx, target) => {
    const [key] = keysOf(target);
    const minutes: unknown[] = [];
    if (key === undefined) return minutes;
    const hour = { fromMs: target.atMs - 60 * MINUTE_MS, toMs: target.atMs };
    // Once by its key, and once as most of an account are read: sixteen series, of which one is.
    const others = Array.from({ length: 15 }, (_, i) => ({ ...key, objective: `other-${i}` }));
    for (const keys of [[key], [key, ...others]]) {
      await walkUsedMinutes(
        inOne(tx),
        keys.map((one) => ({ key: one, ...hour, tellBelow: Number.POSITIVE_INFINITY })),
        {
          counted: (...some) => minutes.push(some),
          told: (...minute) => minutes.push(minute),
        },
      );
    }
    return minutes;
  },
  loadCompositeRows: (tx, target) => {
    const { keys, ranges } = hourOf(target);
    return loadCompositeRows(tx, keys, ranges);
  },
  loadCompositesAt: (tx, target) => {
    const { keys, ranges } = hourOf(target);
    return loadCompositesAt(tx, keys, ranges, () => null);
  },
  firstDataOf: (tx, target) => firstDataOf(tx, keysOf(target)),
  loadLosses: async (tx, target) => {
    const { keys, ranges } = hourOf(target);
    return Promise.all(keys.map((key) => loadLosses(tx, key, ranges)));
  },
  loadReceived: (tx, target) => {
    const { keys, ranges } = hourOf(target);
    return loadReceived(tx, keys, ranges);
  },
  loadCounterSurroundings: (tx, target) => {
    const { keys, ranges } = hourOf(target);
    return loadCounterSurroundings(tx, keys, ranges);
  },
  loadFirstRows: (tx, target) => loadFirstRows(tx, keysOf(target)),
  lastRowOf: (tx, target) => lastRowOf(tx, keysOf(target), target.atMs),
  lastDataOf: (tx, target) =>
    lastDataOf(
      tx,
      keysOf(target).map((key) => ({ ...key, fromMs: target.atMs })),
    ),
  loadTotals: async (tx, target) => {
    const { atMs } = target;
    const loaded = await loadTotals(
      tx,
      keysOf(target).map((key) => ({
        key,
        instants: [atMs - 5 * MINUTE_MS, atMs],
        minutes: { fromMs: atMs - 3 * MINUTE_MS, toMs: atMs },
      })),
    );
    return loaded.map(({ totals, minutes }) => ({
      end: totals.runningTotals().end,
      lately: totals.between(atMs - 5 * MINUTE_MS, atMs),
      minutes,
    }));
  },
  loadWholeInstants: async (tx, target) => {
    const { accountId, atMs } = target;
    const keys = keysOf(target);
    const answers: unknown[] = [];
    // All of the account's SLOs, and a few of many.
    for (const slos of [keys.length, 100]) {
      const found = TotalPoints.forSeries(keys.map(() => 2));
      await loadWholeInstants(tx, {
        accountId,
        slos,
        instants: [atMs, atMs - 5 * MINUTE_MS],
        series: keys.flatMap((key, i) => {
          const points = found[i];
          return points === undefined ? [] : [{ key, points }];
        }),
      });
      answers.push(found.map((points) => [points.between(atMs - 5 * MINUTE_MS, atMs), points.dataAt(atMs)]));
    }
    return answers;
  },
  readSeriesHistories: (tx, { accountId }) => readSeriesHistories(tx, accountId),
  readSeriesStateIn: (tx, { accountId }) => readSeriesStateIn(tx, accountId),
  selectSeriesDefinitions: async (tx, { accountId }) =>
    selectSeriesDefinitions(tx, accountId, (await readSeriesHistories(tx, accountId)).histories),
  loadWholeMinutes: (tx, { accountId, atMs }) =>
    loadWholeMinutes(tx, {
      accountId,
      metric: 'count_total',
      range: { kind: 'stretch', fromMs: atMs - DAY_MS, toMs: atMs },
    }),
  loadSamples: async (tx, { accountId, slo, atMs }) => {
    const request = { accountId, metric: 'count_total' } as const;
    const stretch = { kind: 'stretch', fromMs: atMs - DAY_MS, toMs: atMs } as const;
    return [
      await loadSamples(tx, { ...request, sloIds: null, range: stretch }),
      await loadSamples(tx, { ...request, sloIds: [slo.id], range: { kind: 'instants', instants: [atMs] } }),
    ];
  },
  settleSlos: (tx, { atMs }) => settleSlos(tx, atMs, null),
  insertSnapshots: (tx, target) => insertSnapshots(tx, keysOf(target), rows(target.atMs + MINUTE_MS)),
  replaceSnapshots: async (tx, target) => {
    const { atMs } = target;
    await replaceSnapshots(tx, keysOf(target), rows(atMs));
    const run = Array.from({ length: LONG_RUN }, (_, i) => atMs - (LONG_RUN - 1 - i) * MINUTE_MS);
    await replaceSnapshots(tx, keysOf(target), rows(...run));
  },
  moveCounts: (tx, target) =>
    Promise.all(
      keysOf(target).map((key) =>
        moveCounts(tx, {
          key,
          fromMs: target.atMs - 5 * MINUTE_MS,
          untilMs: target.atMs,
          good: 1,
          total: 1,
          allowedRatio: 0.1,
          exhaustedUpTo: 0,
          atRiskBelow: 0.25,
          burnUntilMs: target.atMs,
        }),
      ),
    ),
  shiftBases: (tx, target) =>
    shiftBases(
      tx,
      keysOf(target).map((key) => ({
        key,
        dayMs: target.atMs - (target.atMs % DAY_MS),
        good: '1000',
        total: '1000',
      })),
    ),
  removeSnapshots: (tx, { accountId, slo }) => removeSnapshots(tx, accountId, slo.id),
};

/** What else the modules with SQL export, and why it is no query on an account's rows. */
export const NO_STORAGE_CALLS: Readonly<Record<string, string>> = {
  assertMayMigrate: 'before the service serves',
  createDatabase: 'the pool itself',
  encodeChanges: 'a text',
  blocksOfSlos: 'how long the table is, no rows',
  countSlos: 'how many SLOs the account has, which loadTotals asks',
  enoughOf: 'a number',
  enoughToReadWhole: 'the same, for a bound',
  loadTotalsByKey: 'part of loadTotals',
  readInstants: 'part of loadWholeInstants and loadSharedRuns',
  hasData: 'a text',
  storedOf: 'a row that was read, in our own shape',
  KeptSlos: 'what was read, by the version of its row',
  keptSlo: 'a transaction of its own: see test/storage/kept-slos.test.ts',
  slosOfVersions: 'after slosByReference and selectSlos, which read the versions',
  decodeChanges: 'a text',
  createChangeFeed: 'LISTEN, no rows',
  announceChanges: 'NOTIFY, no rows',
  createPartitions: 'DDL, as the owner',
  createShards: 'advisory locks',
  ensureHasuraRole: 'before the service serves',
  ensureRoles: 'before the service serves',
  migrate: 'before the service serves',
  countEvents: 'on tables that are not ours, whose own column tells accounts apart: test/sources',
  describeTables: 'the catalogue',
  findByName: 'on tables that are not ours, whose own column tells accounts apart: test/sources',
  readEvents: 'on tables that are not ours, whose own column tells accounts apart: test/sources',
  lockComposition: 'an advisory lock',
  inShards: 'a part of statements',
  IN_STRETCH: 'a part of statements',
  LAST_ROW: 'a part of statements',
  OWN: 'a part of statements',
  keyParameters: 'parameters of statements',
  STRETCH: 'a part of statements',
  rangeParameters: 'parameters of statements',
  migrationsPending: 'the record of migrations',
  partitionStart: 'a time out of a name',
  privilegeRefusal: 'a sentence',
  readSeriesState: 'sends the statement of readSeriesStateIn',
  readsWholeMinutes: 'which of two ways to read',
  extentOf: 'two instants',
  historyMarksOf: 'marks out of a text',
};
