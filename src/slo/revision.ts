import type { AlertPolicy } from './alert-policy.ts';
import type { BudgetingMethod, DefinitionRevision, Objective } from './definition.ts';
import type { ObjectiveRule } from './rule.ts';

/** What of a stored SLO decides its statuses, at any time. */
export interface RevisedSlo {
  readonly budgetingMethod: BudgetingMethod;
  readonly sliceMs: number;
  readonly alertPolicy: AlertPolicy;
  /** At least one, ascending by `fromMs`. */
  readonly revisions: readonly DefinitionRevision[];
}

/** A stretch of time `[fromMs, toMs)` in which one rule decides. */
export interface RuleSegment {
  readonly fromMs: number;
  readonly toMs: number;
  readonly rule: ObjectiveRule;
}

/** The revision in force at `tMs`; the first one also before its time. Throws RangeError for no revisions. */
export function revisionAt(revisions: readonly DefinitionRevision[], tMs: number): DefinitionRevision {
  const inForce = revisions.findLast((revision) => revision.fromMs <= tMs) ?? revisions[0];
  if (inForce === undefined) throw new RangeError('An SLO has at least one revision.');
  return inForce;
}

/** The objective as it was at `tMs`; null while it did not exist. */
export function objectiveAt(
  revisions: readonly DefinitionRevision[],
  objectiveName: string,
  tMs: number,
): Objective | null {
  return revisionAt(revisions, tMs).objectives.find(({ name }) => name === objectiveName) ?? null;
}

/** The slice target in force where a slice ends, as `StraddleSums` takes it. */
export function sliceTargetAt(
  revisions: readonly DefinitionRevision[],
  objectiveName: string,
  endMs: number,
): { readonly timeSliceTarget?: number } {
  const timeSliceTarget = objectiveAt(revisions, objectiveName, endMs)?.timeSliceTarget ?? null;
  return timeSliceTarget === null ? {} : { timeSliceTarget };
}

/**
 * The rule for a status at `tMs`; null while the objective did not exist. Before the SLO's creation its
 * first definition is used; an objective that was added later starts at its addition.
 */
export function ruleAt(slo: RevisedSlo, objectiveName: string, tMs: number): ObjectiveRule | null {
  return ruleOf(slo, revisionAt(slo.revisions, tMs), objectiveName);
}

/** The rules in force over `[fromMs, toMs)`, ascending, without the stretches where the objective is not. */
export function ruleSegments(
  slo: RevisedSlo,
  objectiveName: string,
  fromMs: number,
  toMs: number,
): RuleSegment[] {
  return slo.revisions.flatMap((revision, index) => {
    const startMs = Math.max(fromMs, index === 0 ? fromMs : revision.fromMs);
    const endMs = Math.min(toMs, slo.revisions[index + 1]?.fromMs ?? toMs);
    const rule = startMs < endMs ? ruleOf(slo, revision, objectiveName) : null;
    return rule === null ? [] : [{ fromMs: startMs, toMs: endMs, rule }];
  });
}

function ruleOf(slo: RevisedSlo, revision: DefinitionRevision, objectiveName: string): ObjectiveRule | null {
  const objective = revision.objectives.find(({ name }) => name === objectiveName);
  if (objective === undefined) return null;
  const { conditions } = slo.alertPolicy;
  return {
    objective,
    budgetingMethod: slo.budgetingMethod,
    sliceMs: slo.sliceMs,
    timeWindow: revision.timeWindow,
    ...(revision.composite === undefined ? {} : { isComposite: true }),
    ...(conditions === 'default'
      ? {}
      : { conditions: conditions.filter((condition) => condition.type === 'burn_rate') }),
  };
}
