import { burnRates, type ObjectiveBurnRate } from '../slo/burn-rates.ts';
import type { Slo } from '../slo/definition.ts';
import { firingSince } from '../slo/firing-alerts.ts';
import { burnRateInstants, rareInstants, statusInstants } from '../slo/instants.ts';
import { ruleAt } from '../slo/revision.ts';
import { type ObjectiveStatus, objectiveStatus } from '../slo/status.ts';
import type { Tx } from '../storage/client.ts';
import { type Asked, answerObjectives } from './answer-objectives.ts';
import { type ComponentStatus, componentStatuses } from './composite-at.ts';

/** The objectives that exist at the instant, with the rules in force then. */
function rulesAt(slos: readonly Slo[], atMs: number, objective: string | null): Asked[] {
  const asked: Asked[] = [];
  for (const slo of slos) {
    for (const { name } of slo.objectives) {
      const rule = objective === null || objective === name ? ruleAt(slo, name, atMs) : null;
      if (rule !== null) asked.push({ slo, rule });
    }
  }
  return asked;
}

const OF_STATUS = { instants: statusInstants, rare: rareInstants };

/**
 * The status of every objective of the SLOs at `atMs`, by the id of the SLO, from the running totals: by the
 * targets in force at the very instant, over the minutes that are complete by then.
 */
export function computeStatuses(
  tx: Tx,
  slos: readonly Slo[],
  atMs: number,
): Promise<Map<string, ObjectiveStatus[]>> {
  return answerObjectives(tx, rulesAt(slos, atMs, null), atMs, {
    ...OF_STATUS,
    answer: ({ rule, sums, options }) => objectiveStatus(rule, atMs, sums, options),
  });
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
  return answerObjectives(tx, rulesAt(slos, atMs, null), atMs, {
    ...OF_STATUS,
    answer: ({ slo, rule, sums, options, totals, composite }) => {
      const status = objectiveStatus(rule, atMs, sums, options);
      const { reliability } = status;
      return {
        status,
        hasData: totals.dataAt(status.atMs),
        components: composite === null ? null : componentStatuses(slo, rule, composite, atMs, reliability),
        newestEvaluatedMs: composite?.newestEvaluatedMs ?? null,
      };
    },
  });
}

/** The burn rates and conditions of the objectives at `atMs`, by the id of the SLO. */
export function computeBurnRates(
  tx: Tx,
  slos: readonly Slo[],
  atMs: number,
  objective: string | null,
): Promise<Map<string, ObjectiveBurnRate[]>> {
  return answerObjectives(tx, rulesAt(slos, atMs, objective), atMs, {
    instants: burnRateInstants,
    rare: () => [],
    answer: ({ slo, rule, sums, options }) =>
      burnRates(rule, atMs, sums, options, (condition) =>
        firingSince(slo, rule.objective.name, condition, atMs),
      ),
  });
}
