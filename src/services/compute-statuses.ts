import { floorTo, MINUTE_MS } from '../lib/duration.ts';
import { burnRates, type ObjectiveBurnRate } from '../slo/burn-rates.ts';
import type { Slo } from '../slo/definition.ts';
import { firingSince } from '../slo/firing-alerts.ts';
import { burnRateInstants, countedInstants, statusInstants } from '../slo/instants.ts';
import { ruleAt } from '../slo/revision.ts';
import type { ObjectiveRule, StatusOptions, SumsBetween } from '../slo/rule.ts';
import { type ObjectiveStatus, objectiveStatus } from '../slo/status.ts';
import { windowAt } from '../slo/window.ts';
import type { Tx } from '../storage/client.ts';
import type { CompositeAt } from '../storage/composite-rows.ts';
import { loadTotals, type SeriesTotals } from '../storage/series-totals.ts';
import {
  type ComponentStatus,
  componentStatuses,
  loadComposites,
  lookbackEndOf,
  seenAt,
} from './composite-at.ts';
import { straddleIn, straddleOptions } from './series-plan.ts';

interface Asked {
  readonly slo: Slo;
  readonly rule: ObjectiveRule;
}

/** The objectives that exist at the instant, with the rules in force then. */
function rulesAt(slos: readonly Slo[], atMs: number, objective: string | null): Asked[] {
  return slos.flatMap((slo) =>
    slo.objectives.flatMap(({ name }) => {
      const rule = objective === null || objective === name ? ruleAt(slo, name, atMs) : null;
      return rule === null ? [] : [{ slo, rule }];
    }),
  );
}

/** What an answer is made of. */
interface Basis {
  readonly slo: Slo;
  readonly rule: ObjectiveRule;
  readonly sums: SumsBetween;
  readonly options: StatusOptions;
  readonly totals: SeriesTotals['totals'];
  /** Of a composite; else null. */
  readonly composite: CompositeAt | null;
}

async function compute<T>(
  tx: Tx,
  asked: readonly Asked[],
  atMs: number,
  instants: (rule: ObjectiveRule, tMs: number) => number[],
  answer: (basis: Basis) => T,
): Promise<Map<string, T[]>> {
  const composites = await loadComposites(
    tx,
    asked.map(({ slo }) => slo),
    atMs,
  );
  let before: readonly number[] = [];
  const loaded = await loadTotals(
    tx,
    asked.map(({ slo, rule }) => {
      const composite = composites.get(slo.id);
      // A composite that waits looks back from where it stopped.
      const lookbackEndMs =
        composite === undefined ? atMs : lookbackEndOf(slo, composite, floorTo(atMs, MINUTE_MS));
      const needed =
        lookbackEndMs === atMs
          ? instants(rule, atMs)
          : [...new Set([...instants(rule, atMs), ...instants(rule, lookbackEndMs)])].sort((a, b) => a - b);
      const counted = countedInstants(slo, needed);
      // The same array where it says the same: then it is looked through once for all.
      if (!isSame(counted, before)) before = counted;
      return {
        key: { accountId: slo.accountId, sloId: slo.id, objective: rule.objective.name },
        instants: before,
        minutes: straddleIn(rule, windowAt(rule.timeWindow, atMs)),
      };
    }),
  );
  const answers = new Map<string, T[]>();
  asked.forEach(({ slo, rule }, i) => {
    const series = loaded[i];
    if (series === undefined) return;
    const options = straddleOptions(slo, rule, windowAt(rule.timeWindow, atMs), series.minutes);
    const composite = composites.get(slo.id) ?? null;
    const sums: SumsBetween = (fromMs, toMs) => series.totals.between(fromMs, toMs);
    const seen = composite === null ? { sums, options } : seenAt(slo, rule, composite, atMs, sums, options);
    const list = answers.get(slo.id);
    const one = answer({ slo, rule, composite, ...seen, ...series });
    if (list === undefined) answers.set(slo.id, [one]);
    else list.push(one);
  });
  return answers;
}

const isSame = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);

/**
 * The status of every objective of the SLOs at `atMs`, by the id of the SLO, from the running totals: by the
 * targets in force at the very instant, over the minutes that are complete by then.
 */
export function computeStatuses(
  tx: Tx,
  slos: readonly Slo[],
  atMs: number,
): Promise<Map<string, ObjectiveStatus[]>> {
  return compute(tx, rulesAt(slos, atMs, null), atMs, statusInstants, ({ rule, sums, options }) =>
    objectiveStatus(rule, atMs, sums, options),
  );
}

/** A status, and whether the minute that ends with it has data; null where that was not to be seen. */
export interface StatusWithData {
  readonly status: ObjectiveStatus;
  readonly hasData: boolean | null;
  /** Of a composite; else null. */
  readonly components: readonly ComponentStatus[] | null;
  /** Of a composite: the newest minute that was decided on, if it is near. */
  readonly newestEvaluatedMs: number | null;
}

/** As `computeStatuses`, for those who ask for the newest data too. */
export function computeStatusesWithData(
  tx: Tx,
  slos: readonly Slo[],
  atMs: number,
): Promise<Map<string, StatusWithData[]>> {
  return compute(tx, rulesAt(slos, atMs, null), atMs, statusInstants, (basis) => {
    const { slo, rule, sums, options, totals, composite } = basis;
    const status = objectiveStatus(rule, atMs, sums, options);
    const { reliability } = status;
    return {
      status,
      hasData: totals.dataAt(status.atMs),
      components: composite === null ? null : componentStatuses(slo, rule, composite, atMs, reliability),
      newestEvaluatedMs: composite?.newestEvaluatedMs ?? null,
    };
  });
}

/** The burn rates and conditions of the objectives at `atMs`, by the id of the SLO. */
export function computeBurnRates(
  tx: Tx,
  slos: readonly Slo[],
  atMs: number,
  objective: string | null,
): Promise<Map<string, ObjectiveBurnRate[]>> {
  return compute(tx, rulesAt(slos, atMs, objective), atMs, burnRateInstants, ({ slo, rule, sums, options }) =>
    burnRates(rule, atMs, sums, options, (condition) =>
      firingSince(slo, rule.objective.name, condition, atMs),
    ),
  );
}
