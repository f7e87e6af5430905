import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { MINUTE_MS } from '../lib/duration.ts';
import { adjustedFinder } from '../slo/adjustment.ts';
import { type AlertMessage, MAX_MESSAGES } from '../slo/alert-message.ts';
import {
  type AlertChange,
  type AlertState,
  isOver,
  NEVER_HELD,
  NEWS_MS,
  settleAlert,
} from '../slo/alert-state.ts';
import { type Judged, noDataRuns, resolveAfterOf, withJudged } from '../slo/alert-watch.ts';
import { type AlertWords, alertsOf, alertWords } from '../slo/alert-words.ts';
import type { Slo } from '../slo/definition.ts';
import { type KeptAlerts, loadAlerts, saveAlerts } from '../storage/alerts.ts';
import type { Tx } from '../storage/client.ts';

const NO_ALERTS: KeptAlerts = { states: {}, outbox: [], quiet: true };

/** Which conditions of one objective held. */
export interface JudgedSeries {
  readonly slo: Slo;
  readonly judged: Judged;
}

/** Keeps which conditions held at the minutes that were computed. The SLOs' rows must be locked. */
export async function keepJudged(tx: Tx, all: readonly JudgedSeries[]): Promise<void> {
  const bySlo = new Map<string, { readonly slo: Slo; readonly judged: Judged[] }>();
  for (const { slo, judged } of all) {
    const known = bySlo.get(slo.id);
    if (known === undefined) bySlo.set(slo.id, { slo, judged: [judged] });
    else known.judged.push(judged);
  }
  const kept = await loadAlerts(
    tx,
    [...bySlo.values()].map(({ slo }) => slo),
  );
  await saveAlerts(
    tx,
    [...bySlo.values()].flatMap(({ slo, judged }) => {
      const alerts = kept.get(slo.id) ?? NO_ALERTS;
      const states = withJudged(alerts.states, judged);
      return states === alerts.states ? [] : [{ slo, alerts: { ...alerts, states, quiet: false } }];
    }),
  );
}

/** An SLO whose data is as it stands after this transaction. */
interface Settling {
  readonly slo: Slo;
  readonly lastDataAtMs: number | null;
  readonly snapshotsUntilMs: number | null;
}

/**
 * Decides what is to be told of the alerts at `atMs`, and puts it into the outbox, in the transaction that made it
 * so. SLOs of which minutes are still to be computed wait for whoever completes them.
 */
export async function settleAlerts(tx: Tx, all: readonly Settling[], atMs: number): Promise<void> {
  const complete = all.filter(
    ({ snapshotsUntilMs }) => snapshotsUntilMs === null || snapshotsUntilMs >= atMs,
  );
  const kept = await loadAlerts(
    tx,
    complete.map(({ slo }) => slo),
  );
  await saveAlerts(
    tx,
    complete.flatMap((settling) => {
      const before = kept.get(settling.slo.id) ?? NO_ALERTS;
      const alerts = settled(settling, before, atMs);
      return alerts === before ? [] : [{ slo: settling.slo, alerts }];
    }),
  );
}

function settled({ slo, lastDataAtMs }: Settling, before: KeptAlerts, atMs: number): KeptAlerts {
  const { silences = [] } = slo.alertPolicy;
  const isAdjusted = adjustedFinder(slo.adjustments, atMs - NEWS_MS - 2 * MINUTE_MS, atMs);
  const isSilenced = (ms: number): boolean =>
    isAdjusted(ms - MINUTE_MS) ||
    silences.some(({ startsAtMs, endsAtMs }) => startsAtMs <= ms && ms < endsAtMs);
  const possible = alertsOf(slo, atMs);
  const states: Record<string, AlertState> = {};
  const messages: AlertMessage[] = [];
  let quiet = true;
  const tell = (alert: string, { sinceMs, endMs }: AlertChange, words: AlertWords): void => {
    const change = { id: randomUUID(), alert, sinceMs, endMs, ...words };
    messages.push({ ...change, delivered: [], attempts: 0, dueMs: atMs, lastError: null });
  };
  for (const alert of possible) {
    const { id, condition } = alert;
    const state = before.states[id] ?? NEVER_HELD;
    const newestMs =
      lastDataAtMs === null ? slo.createdAtMs : Math.max(lastDataAtMs + MINUTE_MS, slo.createdAtMs);
    const runs =
      condition.type === 'no_data' ? noDataRuns(state.runs, newestMs, condition.forMs, atMs) : state.runs;
    if (runs.length === 0 && state.told === null) continue;
    const circumstances = { resolveAfterMs: resolveAfterOf(condition), nowMs: atMs, isSilenced };
    const { told, changes } = settleAlert({ runs, told: state.told }, circumstances);
    const words = alertWords(slo, alert.objective, condition);
    let labels = state.labels;
    for (const change of changes) {
      if (change.endMs === null) labels = words.labels;
      tell(id, change, { ...words, labels: labels ?? words.labels });
    }
    quiet &&= isOver(runs, circumstances);
    states[id] = { runs, told, ...(labels === undefined ? {} : { labels }) };
  }
  // An alert that the definition does not have any more does not fire either.
  for (const [id, { told, labels = {} }] of Object.entries(before.states)) {
    if (told?.untilMs !== null || possible.some((alert) => alert.id === id)) continue;
    tell(id, { sinceMs: told.sinceMs, endMs: atMs }, { labels, annotations: {} });
  }
  const isSame = messages.length === 0 && isDeepStrictEqual(states, before.states);
  return isSame && quiet === before.quiet
    ? before
    : { states, outbox: [...before.outbox, ...messages].slice(-MAX_MESSAGES), quiet };
}
