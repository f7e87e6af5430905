import { burnRates, type ObjectiveBurnRate } from '../slo/burn-rates.ts';
import type { Slo } from '../slo/definition.ts';
import { burnRateInstants, countedInstants, statusInstants } from '../slo/instants.ts';
import { ruleAt } from '../slo/revision.ts';
import type { ObjectiveRule, StatusOptions } from '../slo/rule.ts';
import { type ObjectiveStatus, objectiveStatus } from '../slo/status.ts';
import { windowAt } from '../slo/window.ts';
import type { Tx } from '../storage/client.ts';
import { loadTotals, type SeriesTotals } from '../storage/series-totals.ts';
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

async function compute<T>(
  tx: Tx,
  asked: readonly Asked[],
  atMs: number,
  instants: (rule: ObjectiveRule, tMs: number) => number[],
  answer: (rule: ObjectiveRule, totals: SeriesTotals, options: StatusOptions) => T,
): Promise<Map<string, T[]>> {
  const loaded = await loadTotals(
    tx,
    asked.map(({ slo, rule }) => ({
      key: { accountId: slo.accountId, sloId: slo.id, objective: rule.objective.name },
      instants: countedInstants(slo, instants(rule, atMs)),
      minutes: straddleIn(rule, windowAt(rule.timeWindow, atMs)),
    })),
  );
  const answers = new Map<string, T[]>();
  asked.forEach(({ slo, rule }, i) => {
    const totals = loaded[i];
    if (totals === undefined) return;
    const options = straddleOptions(slo, rule, windowAt(rule.timeWindow, atMs), totals.minutes);
    const list = answers.get(slo.id);
    const one = answer(rule, totals, options);
    if (list === undefined) answers.set(slo.id, [one]);
    else list.push(one);
  });
  return answers;
}

/**
 * The status of every objective of the SLOs at `atMs`, by the id of the SLO, from the running totals: by the
 * targets in force at the very instant, over the minutes that are complete by then.
 */
export function computeStatuses(
  tx: Tx,
  slos: readonly Slo[],
  atMs: number,
): Promise<Map<string, ObjectiveStatus[]>> {
  return compute(tx, rulesAt(slos, atMs, null), atMs, statusInstants, (rule, { totals }, options) =>
    objectiveStatus(rule, atMs, totals.between, options),
  );
}

/** A status, and whether the minute that ends with it has data; null where that was not to be seen. */
export interface StatusWithData {
  readonly status: ObjectiveStatus;
  readonly hasData: boolean | null;
}

/** As `computeStatuses`, for those who ask for the newest data too. */
export function computeStatusesWithData(
  tx: Tx,
  slos: readonly Slo[],
  atMs: number,
): Promise<Map<string, StatusWithData[]>> {
  return compute(tx, rulesAt(slos, atMs, null), atMs, statusInstants, (rule, { totals }, options) => {
    const status = objectiveStatus(rule, atMs, totals.between, options);
    return { status, hasData: totals.dataAt(status.atMs) };
  });
}

/** The burn rates and conditions of the objectives at `atMs`, by the id of the SLO. */
export function computeBurnRates(
  tx: Tx,
  slos: readonly Slo[],
  atMs: number,
  objective: string | null,
): Promise<Map<string, ObjectiveBurnRate[]>> {
  return compute(tx, rulesAt(slos, atMs, objective), atMs, burnRateInstants, (rule, { totals }, options) =>
    burnRates(rule, atMs, totals.between, options),
  );
}
