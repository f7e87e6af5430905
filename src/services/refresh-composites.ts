import { floorTo, HOUR_MS, MINUTE_MS } from '../lib/duration.ts';
import { adjustedFinder } from '../slo/adjustment.ts';
import type { Judged } from '../slo/alert-watch.ts';
import { componentKey, type EvaluatedComposite, everyComponent, waitingReach } from '../slo/composite.ts';
import { evaluateComposite } from '../slo/composite-evaluation.ts';
import { CompositeWalk } from '../slo/composite-walk.ts';
import type { Slo } from '../slo/definition.ts';
import { objectiveAt } from '../slo/revision.ts';
import { stepOf } from '../slo/rule.ts';
import type { ObjectiveStatus } from '../slo/status.ts';
import { announceChanges } from '../storage/changes.ts';
import type { Tx } from '../storage/client.ts';
import { clearRecompute, markRecompute, selectComposites } from '../storage/composite-places.ts';
import { type CompositeRow, loadCompositeRows, loadLosses } from '../storage/composite-rows.ts';
import { lastDataOf, lastRowOf, type SeriesKey } from '../storage/series-columns.ts';
import { slosByReference } from '../storage/slos-by-reference.ts';
import { saveStatuses } from './bring-up-to-date.ts';
import {
  type KnownComponent,
  knownComponents,
  loadComponentMinutes,
  longestSliceMs,
} from './known-components.ts';
import { type RewriteListener, rewriteComposite } from './rewrite-snapshots.ts';
import { lookbackRanges, type RewriteSpan, spanOfChange, straddlesBefore } from './series-plan.ts';

/**
 * Marks every composite above the SLOs, whose minutes from then on have changed. In the transaction that
 * changes them, so that no change is lost; whoever comes first works the marks off.
 */
export async function markComposites(
  tx: Tx,
  accountId: string,
  changedFrom: ReadonlyMap<string, number>,
): Promise<string[]> {
  if (changedFrom.size === 0) return [];
  const marks = new Map<string, number>();
  // Components come before what they are part of, so one pass reaches every level.
  for (const { id, componentIds } of await selectComposites(tx, accountId)) {
    const from = componentIds.map((component) =>
      Math.min(
        changedFrom.get(component) ?? Number.POSITIVE_INFINITY,
        marks.get(component) ?? Number.POSITIVE_INFINITY,
      ),
    );
    const earliest = Math.min(...from);
    if (Number.isFinite(earliest)) marks.set(id, earliest);
  }
  await markRecompute(tx, accountId, marks);
  return [...marks.keys()];
}

/** Computes composites anew, those of components first, as far as they are marked or behind. Returns the rows. */
export async function refreshComposites(
  tx: Tx,
  accountId: string,
  ids: readonly string[],
  nowMs: number,
): Promise<number> {
  let rows = 0;
  const slos = await slosByReference(tx, accountId, ids, { lock: true });
  const ordered = slos
    .filter((slo) => slo !== null)
    .sort((a, b) => a.level - b.level || (a.id < b.id ? -1 : 1));
  for (const { id } of ordered) {
    // One below it may have marked it since.
    const [slo] = await slosByReference(tx, accountId, [id], { lock: true });
    if (slo === null || slo === undefined || slo.sli.type !== 'composite') continue;
    const refreshed = await refresh(tx, slo, nowMs);
    rows += refreshed.rows;
    if (refreshed.changedFromMs !== null) {
      await markComposites(tx, accountId, new Map([[slo.id, refreshed.changedFromMs]]));
    }
  }
  return rows;
}

interface Refreshed {
  readonly rows: number;
  /** The first minute that came out different; null for none. */
  readonly changedFromMs: number | null;
}

async function refresh(tx: Tx, slo: Slo, nowMs: number): Promise<Refreshed> {
  const atMs = floorTo(nowMs, MINUTE_MS);
  const { accountId, id, revisions } = slo;
  const objective = slo.objectives[0]?.name ?? '';
  const key = { accountId, sloId: id, objective };
  const ids = [...new Set(everyComponent(revisions).map(({ sloId }) => sloId))];
  const found = await slosByReference(tx, accountId, ids);
  const components = await knownComponents(
    tx,
    slo,
    new Map(found.flatMap((one) => (one === null ? [] : [[one.id, one]]))),
  );
  const startMs = Math.min(...components.map(({ firstDataMs }) => firstDataMs ?? Number.POSITIVE_INFINITY));
  const [lastRowMs = null] = await lastRowOf(tx, [key], nowMs);
  let refreshed: Refreshed = { rows: 0, changedFromMs: null };
  const statuses = new Map<string, ObjectiveStatus>();
  const judged: Judged[] = [];
  let newestMs = slo.lastDataAtMs;
  if (startMs < atMs) {
    const reachMs = waitingReach(revisions, longestSliceMs(components)) + slo.sliceMs;
    // Up to here the rows are complete, whether or not any stand.
    const completeMs = lastRowMs === null ? startMs : (slo.snapshotsUntilMs ?? startMs);
    const baseMs = Math.min(slo.recomputeFromMs ?? atMs, completeMs);
    const silentSinceMs = await silentSince(tx, slo, components, baseMs);
    const compareFromMs = Math.max(startMs, Math.min(baseMs - reachMs, silentSinceMs));
    const span = { fromMs: compareFromMs, untilMs: atMs };
    // A period that begins within a slice is judged by that slice's minutes.
    const straddles = straddlesBefore(slo, objective, span).map(({ fromMs }) => fromMs);
    // What components that are composites were known by at the beginning is certain only that much later.
    const settledMs = Math.max(
      0,
      ...components.map(({ slo: { sli, revisions } }) =>
        sli.type === 'composite' ? waitingReach(revisions, HOUR_MS) : 0,
      ),
    );
    const fromMs = floorTo(Math.min(compareFromMs - reachMs, ...straddles) - settledMs, HOUR_MS);
    const minutes = await loadComponentMinutes(tx, slo, components, fromMs, atMs);
    const step = stepOf(slo);
    const evaluated = evaluateComposite(
      { fromMs, untilMs: atMs, revisions, components: minutes },
      slo.budgetingMethod === 'timeslices' ? slo.sliceMs : null,
    );
    const walk = new CompositeWalk({
      revisions,
      timeslices: slo.budgetingMethod === 'timeslices',
      sliceMs: step,
      evaluated,
      isAdjusted: adjustedFinder(slo.adjustments, fromMs, atMs),
    });
    const isFrozen = frozenFinder(
      slo,
      components.map(({ name }) => name),
    );
    const standing = await loadCompositeRows(tx, [key], [{ series: 0, fromMs: compareFromMs, toMs: atMs }]);
    const changedMs = firstChange(walk, evaluated, standing[0] ?? [], compareFromMs, isFrozen);
    const firstAt = Math.min((changedMs ?? Number.POSITIVE_INFINITY) + MINUTE_MS, completeMs + MINUTE_MS);
    newestMs = evaluated.minutes.findLast(({ evaluatedAtMs }) => evaluatedAtMs <= atMs)?.minuteMs ?? newestMs;
    if (firstAt <= atMs) {
      const { fromMs: spanFromMs } = spanOfChange(slo, objective, firstAt, firstAt, atMs);
      const rows = await rewriteFrom(
        tx,
        slo,
        key,
        walk,
        { fromMs: spanFromMs, untilMs: atMs },
        lastRowMs,
        isFrozen,
        {
          status: (_, status) => {
            if (status.atMs === atMs) statuses.set(status.objective, status);
          },
          judged: (_, one) => judged.push(one),
        },
      );
      refreshed = { rows, changedFromMs: changedMs };
    }
  }
  if (slo.recomputeFromMs !== null) await clearRecompute(tx, accountId, id);
  const hasData = startMs < atMs && newestMs !== null;
  await saveStatuses(
    tx,
    [
      {
        slo,
        lastDataAtMs: newestMs,
        snapshotsUntilMs: hasData ? atMs : slo.snapshotsUntilMs,
        firstDataAtMs: hasData ? startMs : slo.firstDataAtMs,
        historyFromMs: refreshed.changedFromMs,
      },
    ],
    nowMs,
    { statuses: new Map(statuses.size === 0 ? [] : [[id, statuses]]), judged: new Map([[id, judged]]) },
  );
  await announceChanges(tx, [
    refreshed.changedFromMs === null
      ? { accountId, sloIds: [id], kind: 'status', fromMs: null }
      : { accountId, sloIds: [id], kind: 'history', fromMs: refreshed.changedFromMs },
  ]);
  return refreshed;
}

/**
 * The first minute that waits for what comes in from `baseMs` on, since all components of a rule were silent until
 * then; `baseMs` where there is none. However long they were silent, nothing is looked at before they have data.
 */
async function silentSince(
  tx: Tx,
  { revisions }: Slo,
  components: readonly KnownComponent[],
  baseMs: number,
): Promise<number> {
  const newest = await lastDataOf(
    tx,
    components.map(({ key }) => ({ ...key, fromMs: baseMs })),
  );
  const since = revisions.map(({ composite }, i) => {
    const places = (composite?.components ?? []).flatMap((one) => {
      const place = components.findIndex(({ name }) => name === componentKey(one));
      return place === -1 ? [] : [place];
    });
    const hasNews = places.some((place) => (components[place]?.slo.lastDataAtMs ?? 0) >= baseMs);
    const before = Math.max(...places.map((place) => newest[place] ?? Number.NEGATIVE_INFINITY));
    const isOver = before >= (revisions[i + 1]?.fromMs ?? Number.POSITIVE_INFINITY);
    return hasNews && !isOver && Number.isFinite(before) ? before + MINUTE_MS : baseMs;
  });
  return Math.min(baseMs, ...since);
}

/** Minutes that were judged with an SLO that is gone stay as they are. */
function frozenFinder(slo: Slo, known: readonly string[]): (minuteMs: number) => boolean {
  const gone = slo.revisions.map(({ composite }) =>
    (composite?.components ?? []).some(({ sloId, objective }) => !known.includes(`${sloId}/${objective}`)),
  );
  if (!gone.includes(true)) return () => false;
  return (minuteMs) => {
    const index = slo.revisions.findLastIndex(({ fromMs }) => fromMs <= minuteMs);
    return gone[Math.max(0, index)] === true;
  };
}

async function rewriteFrom(
  tx: Tx,
  slo: Slo,
  key: SeriesKey,
  walk: CompositeWalk,
  span: RewriteSpan,
  lastRowMs: number | null,
  isFrozen: (minuteMs: number) => boolean,
  listener: RewriteListener,
): Promise<number> {
  const { objective } = key;
  for (const { atMs, pairs } of await loadLosses(tx, key, lookbackRanges(slo, objective, 0, span))) {
    if (atMs < span.fromMs) walk.load(atMs, pairs);
  }
  walk.begin(span.fromMs, (endMs) => objectiveAt(slo.revisions, objective, endMs)?.timeSliceTarget ?? 1);
  const changes = walk.changes(span.fromMs - MINUTE_MS).filter(({ minuteMs }) => !isFrozen(minuteMs));
  return rewriteComposite(tx, { slo, objective, key, span, lastRowMs, changes, composite: walk }, listener);
}

/** The first minute whose row does not stand as it should; null where all do. */
function firstChange(
  walk: CompositeWalk,
  evaluated: EvaluatedComposite,
  standing: readonly CompositeRow[],
  fromMs: number,
  isFrozen: (minuteMs: number) => boolean,
): number | null {
  const rows = new Map(standing.map((row) => [row.atMs, row]));
  const settled = new Map(walk.changes(fromMs).map((minute) => [minute.minuteMs, minute]));
  for (const { minuteMs } of evaluated.minutes) {
    const minute = settled.get(minuteMs);
    if (minute === undefined || isFrozen(minuteMs)) continue;
    const row = rows.get(minuteMs + MINUTE_MS);
    if (!walk.isSame(minuteMs + MINUTE_MS, minute, row ?? null)) return minuteMs;
  }
  return null;
}
