import type { ErrorDetail } from '../lib/errors.ts';
import { mergedAlertPolicy } from './alert-policy-schema.ts';
import type { SloPatch, SloWire } from './definition-shape.ts';
import { isGiven } from './wire-fields.ts';

type Fields = Record<string, unknown>;

export interface MergedPatch {
  /** The whole SLO as `parseSloInput` reads it; it may still be wrong as a whole. */
  readonly input: Fields;
  readonly faults: readonly ErrorDetail[];
  /** Moves a fault of the whole SLO to where the patch caused it. */
  readonly pathInPatch: (detail: ErrorDetail) => ErrorDetail;
}

type ObjectivePatch = NonNullable<SloPatch['objectives']>[number];

/**
 * A JSON merge patch (RFC 7396) on an SLO's wire form: null resets to the default. Objectives are matched
 * by name. What another choice makes meaningless goes with it: a window of another type replaces the old
 * one, time slice fields leave with the time slices, a new primary objective takes over from the old one.
 */
export function mergePatch(current: SloWire, patch: SloPatch): MergedPatch {
  const faults: ErrorDetail[] = [];
  const { target, target_percent, objectives: listed, ...rest } = patch;
  const changes = objectiveChanges(current, patch, faults);
  const objectives = mergeObjectives(current, changes, faults);
  const input: Fields = {
    ...current,
    ...rest,
    labels: merged(current.labels, patch.labels),
    time_window: mergedWindow(current, patch),
    sli: mergedSli(current, patch, faults),
    alert_policy: mergedAlertPolicy(current.alert_policy, patch.alert_policy),
    objectives,
  };
  if (isGiven(current.time_slice_window) && (input.budgeting_method ?? 'occurrences') === 'occurrences') {
    if (!isGiven(patch.time_slice_window)) input.time_slice_window = null;
    for (const objective of objectives) {
      const change = changes.find(({ name }) => name === objective.name);
      if (!isGiven(change?.time_slice_target)) objective.time_slice_target = null;
    }
  }
  return { input, faults, pathInPatch: (detail) => locate(detail, objectives, listed, patch) };
}

/** The listed objectives, or the top-level target as a change of the only one. */
function objectiveChanges(
  current: SloWire,
  { target, target_percent, objectives }: SloPatch,
  faults: ErrorDetail[],
): readonly ObjectivePatch[] {
  if (target === undefined && target_percent === undefined) return objectives ?? [];
  const path = target === undefined ? 'target_percent' : 'target';
  const [only, ...others] = current.objectives;
  if (objectives !== undefined) {
    faults.push({ path, message: 'give either a target or a list of objectives, not both' });
  } else if (!isGiven(target) && !isGiven(target_percent)) {
    faults.push({ path, message: 'cannot be null' });
  } else if (only === undefined || others.length > 0) {
    faults.push({ path, message: 'names no objective: the SLO has several, list them by name' });
  } else {
    return [{ name: only.name, target, target_percent }];
  }
  return objectives ?? [];
}

function mergeObjectives(
  current: SloWire,
  changes: readonly ObjectivePatch[],
  faults: ErrorDetail[],
): Fields[] {
  const byName = new Map<string, Fields>(current.objectives.map((objective) => [objective.name, objective]));
  const seen = new Set<string>();
  const takesOver = changes.some(({ primary, remove }) => primary === true && remove !== true);
  if (takesOver) {
    for (const [name, objective] of byName) byName.set(name, { ...objective, primary: false });
  }
  for (const [index, { remove, ...change }] of changes.entries()) {
    const { name } = change;
    const path = `objectives[${index}].name`;
    if (seen.has(name)) faults.push({ path, message: 'is the name of an earlier one' });
    seen.add(name);
    const known = byName.get(name);
    if (remove === true) {
      if (known === undefined) faults.push({ path, message: 'is not an objective of this SLO' });
      byName.delete(name);
      continue;
    }
    const next: Fields = { ...known, ...definedOf(change) };
    if (isGiven(change.target_percent) && change.target === undefined) delete next.target;
    byName.set(name, next);
  }
  return [...byName.values()];
}

function mergedWindow({ time_window: current }: SloWire, { time_window: patch }: SloPatch): unknown {
  if (patch === undefined || patch === null) return patch === null ? null : current;
  if (isGiven(patch.type) && patch.type !== current.type) return definedOf(patch);
  return { ...current, ...definedOf(patch), type: current.type };
}

function mergedSli({ sli: current }: SloWire, { sli: patch }: SloPatch, faults: ErrorDetail[]): unknown {
  if (patch === undefined) return current;
  if (isGiven(patch?.type) && patch?.type !== current.type) {
    faults.push({ path: 'sli.type', message: `cannot be changed from ${current.type}` });
  }
  if (current.type === 'composite') {
    return { ...current, ...definedOf(patch ?? {}), type: current.type };
  }
  if (patch === null) return { type: current.type };
  const { source, ...rest } = patch;
  return { ...current, ...definedOf(rest), type: current.type, source: mergedSource(current.source, source) };
}

type SourcePatch = NonNullable<SloPatch['sli']>['source'];

/** A source of another type replaces the old one. */
function mergedSource(
  current: Exclude<SloWire['sli'], { type: 'composite' }>['source'],
  patch: SourcePatch,
): unknown {
  if (patch === undefined || patch === null) return patch === null ? null : current;
  if (isGiven(patch.type) && patch.type !== current.type) return definedOf(patch);
  const { where, ...rest } = patch;
  const next = { ...current, ...definedOf(rest), type: current.type };
  return where === undefined
    ? next
    : { ...next, where: merged('where' in current ? current.where : {}, where) };
}

function merged(current: Fields, patch: Fields | null | undefined): Fields | null {
  if (patch === undefined || patch === null) return patch === null ? null : current;
  return Object.fromEntries(Object.entries({ ...current, ...patch }).filter(([, value]) => isGiven(value)));
}

function definedOf(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function locate(
  { path, message }: ErrorDetail,
  objectives: readonly Fields[],
  listed: SloPatch['objectives'],
  patch: SloPatch,
): ErrorDetail {
  const match = /^objectives\[(\d+)\]\.?(.*)$/.exec(path);
  if (match === null) return { path, message };
  const [, index, field = ''] = match;
  const name = objectives[Number(index)]?.name;
  const position = listed?.findIndex((objective) => objective.name === name) ?? -1;
  if (position >= 0) return { path: `objectives[${position}].${field}`, message };
  if (field in patch) return { path: field, message };
  return { path: 'objectives', message: `${field} of the objective "${String(name)}" ${message}` };
}
