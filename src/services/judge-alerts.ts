import { randomUUID } from 'node:crypto';
import { MINUTE_MS } from '../lib/duration.ts';
import { adjustedFinder } from '../slo/adjustment.ts';
import type { AlertNews } from '../slo/alert-message.ts';
import { type AlertOutbox, withNews } from '../slo/alert-outbox.ts';
import {
  type AlertChange,
  type AlertState,
  type AlertStates,
  NEVER_HELD,
  NEWS_MS,
  nextChangeMs,
  settleAlert,
} from '../slo/alert-state.ts';
import { type Judged, noDataRuns, resolveAfterOf, withJudged } from '../slo/alert-watch.ts';
import { type AlertWords, alertsOf, alertWords, type PossibleAlert } from '../slo/alert-words.ts';
import type { Slo } from '../slo/definition.ts';
import type { EvaluatedAlerts } from '../storage/slo-evaluations.ts';

/** What the SLO's data are when the transaction is over. */
interface DataAfter {
  readonly lastDataAtMs: number | null;
  readonly snapshotsUntilMs: number | null;
}

/**
 * Keeps at which minutes the conditions held, and decides what is to be told of the alerts at `atMs`, for the
 * transaction that made it so; the SLO's row must be locked. An SLO of which minutes are still to be computed
 * waits for whoever completes them.
 */
export function judgeAlerts(
  slo: Slo,
  judged: readonly Judged[],
  { lastDataAtMs, snapshotsUntilMs }: DataAfter,
  atMs: number,
): EvaluatedAlerts {
  const states = withJudged(slo.alerts, judged);
  if (snapshotsUntilMs !== null && snapshotsUntilMs < atMs) {
    return { states: states === slo.alerts ? null : states, outbox: null, changeAtMs: atMs };
  }
  const settled = settle(slo, states, lastDataAtMs, atMs);
  return {
    states: settled.states === slo.alerts ? null : settled.states,
    outbox: settled.news.length === 0 ? null : withNews(slo.alertOutbox, settled.news, atMs),
    changeAtMs: settled.changeAtMs,
  };
}

interface Settled {
  /** The same object where nothing has changed. */
  readonly states: AlertStates;
  readonly news: readonly AlertNews[];
  readonly changeAtMs: number | null;
}

function settle(slo: Slo, before: AlertStates, lastDataAtMs: number | null, atMs: number): Settled {
  const watchesData =
    slo.alertPolicy.conditions !== 'default' &&
    slo.alertPolicy.conditions.some(({ type }) => type === 'no_data');
  // So it is for most, at most minutes.
  if (!watchesData && Object.keys(before).length === 0) {
    return { states: before, news: [], changeAtMs: null };
  }
  const isSilenced = silenceFinder(slo, atMs);
  const newestOf = (ms: number | null): number =>
    ms === null ? slo.createdAtMs : Math.max(ms + MINUTE_MS, slo.createdAtMs);
  const newest = { beforeMs: newestOf(slo.lastDataAtMs), afterMs: newestOf(lastDataAtMs) };
  const possible = alertsOf(slo, atMs);
  const news: AlertNews[] = [];
  const tell = (alert: string, { sinceMs, endMs }: AlertChange, words: AlertWords): void => {
    news.push({ id: randomUUID(), alert, sinceMs, endMs, decidedMs: atMs, ...words });
  };
  const states: Record<string, AlertState> = {};
  const changesAtMs: number[] = [];
  for (const { id, objective, condition } of possible) {
    const state = before[id] ?? NEVER_HELD;
    let { runs } = state;
    if (condition.type === 'no_data') {
      runs = noDataRuns(runs, newest, condition.forMs, atMs);
      if (newest.afterMs + condition.forMs > atMs) changesAtMs.push(newest.afterMs + condition.forMs);
    }
    if (runs.length === 0 && state.told === null) continue;
    const circumstances = { resolveAfterMs: resolveAfterOf(condition), nowMs: atMs, isSilenced };
    const { told, changes } = settleAlert({ runs, told: state.told }, circumstances);
    let { labels } = state;
    for (const change of changes) {
      const words = alertWords(slo, objective, condition);
      // Whoever was told that it fires knows it by the labels of then.
      if (change.endMs === null) labels = words.labels;
      tell(id, change, { ...words, labels: labels ?? words.labels });
    }
    const isSame = runs === state.runs && told === state.told;
    states[id] = isSame ? state : { runs, told, ...(labels === undefined ? {} : { labels }) };
    changesAtMs.push(nextChangeMs({ runs, told }, circumstances));
  }
  news.push(...endsOf(orphansOf(before, possible), atMs));
  const changeAtMs = Math.min(...changesAtMs);
  return {
    states: isSame(before, states) ? before : states,
    news,
    changeAtMs: Number.isFinite(changeAtMs) ? changeAtMs : null,
  };
}

/** Alerts that fire for those who were told, and that the definition does not have any more: they do not fire. */
function orphansOf(states: AlertStates, possible: readonly PossibleAlert[]) {
  const ids = new Set(possible.map(({ id }) => id));
  return Object.entries(states).flatMap(([id, { told, labels = {} }]) =>
    told === null || told.untilMs !== null || ids.has(id) ? [] : [{ id, told, labels }],
  );
}

/** That alerts have ended, for those who were told that they fire. */
const endsOf = (
  alerts: ReturnType<typeof orphansOf>,
  endMs: number,
  annotations: AlertNews['annotations'] = {},
): AlertNews[] =>
  alerts.map(({ id, labels, told }) => ({
    ...{ id: randomUUID(), alert: id, sinceMs: told.sinceMs, endMs, decidedMs: endMs },
    ...{ labels, annotations },
  }));

/**
 * What is left to be told of an SLO that is deleted at `nowMs`: what its outbox holds, and that its alerts fire no more.
 * Of an alert of which nobody can have heard, nothing.
 */
export function lastNews(slo: Slo, nowMs: number): AlertOutbox {
  const summary = `${slo.displayName || slo.name}: the SLO was deleted`;
  const outbox = withNews(slo.alertOutbox, endsOf(orphansOf(slo.alerts, []), nowMs, { summary }), nowMs);
  const heard = new Set<string>();
  const begun = new Set<string>();
  for (const { alert, endMs, deliveries } of outbox) {
    const wasSent = Object.values(deliveries).some(({ attempts }) => attempts > 0);
    if (wasSent || (endMs !== null && !begun.has(alert))) heard.add(alert);
    begun.add(alert);
  }
  return outbox.filter(({ alert }) => heard.has(alert));
}

const isSame = (before: AlertStates, after: AlertStates): boolean =>
  Object.keys(before).length === Object.keys(after).length &&
  Object.entries(after).every(([id, state]) => before[id] === state);

/** Whether nobody is to be told then that an alert fires: silenced, or the minute that ends then is adjusted. */
function silenceFinder(slo: Slo, atMs: number): (ms: number) => boolean {
  const { silences = [] } = slo.alertPolicy;
  const isAdjusted = adjustedFinder(slo.adjustments, atMs - NEWS_MS - 2 * MINUTE_MS, atMs);
  return (ms) =>
    isAdjusted(ms - MINUTE_MS) ||
    silences.some(({ startsAtMs, endsAtMs }) => startsAtMs <= ms && ms < endsAtMs);
}
