import { parseDuration } from '../lib/duration.ts';
import type { ErrorDetail } from '../lib/errors.ts';
import { alertPolicyFaults } from './alert-policy-schema.ts';
import { sourceFaults } from './source-rules.ts';
import { type Fields, isFields, isGiven } from './wire-fields.ts';

/**
 * What the fields of an SLO on the wire must say together. Reads the input as it came, and so reports beside
 * the faults of single fields; fields of a wrong type are left to those.
 */
export function jointFaults(input: unknown): ErrorDetail[] {
  if (!isFields(input)) return [];
  return [
    ...targetFaults(input),
    ...sliceFaults(input),
    ...objectivesFaults(input),
    ...sourceFaults(input.sli),
    ...compositeFaults(input),
    ...alertPolicyFaults(input.alert_policy),
  ];
}

function targetFaults(slo: Fields): ErrorDetail[] {
  const hasTarget = isGiven(slo.target) || isGiven(slo.target_percent);
  const listed = isGiven(slo.objectives);
  if (listed && hasTarget) {
    const path = isGiven(slo.target) ? 'target' : 'target_percent';
    return [{ path, message: 'give either a target or a list of objectives, not both' }];
  }
  if (listed) return [];
  if (!hasTarget) return [{ path: 'target', message: 'is required, unless a list of objectives is given' }];
  return [
    ...bothTargets(slo, ''),
    ...(slo.budgeting_method === 'timeslices' || sliTypeOf(slo) === 'threshold'
      ? [{ path: 'objectives', message: `is required for ${kindOf(slo)}` }]
      : []),
  ];
}

function sliceFaults(slo: Fields): ErrorDetail[] {
  const faults: ErrorDetail[] = [];
  const slice = slo.time_slice_window;
  if (isGiven(slice) && slo.budgeting_method !== 'timeslices') {
    faults.push({ path: 'time_slice_window', message: 'applies only to time slices' });
  }
  const window = slo.time_window;
  if (!isFields(window) || typeof window.duration !== 'string' || typeof slice !== 'string') return faults;
  const durationMs = parseDuration(window.duration);
  const sliceMs = parseDuration(slice);
  if (durationMs !== null && sliceMs !== null && durationMs % sliceMs !== 0) {
    faults.push({
      path: 'time_window.duration',
      message: `must be a multiple of the time slice of ${slice}`,
    });
  }
  return faults;
}

function objectivesFaults(slo: Fields): ErrorDetail[] {
  if (!Array.isArray(slo.objectives)) return [];
  const faults: ErrorDetail[] = [];
  const names = new Set<unknown>();
  let primary = false;
  for (const [index, objective] of slo.objectives.entries()) {
    if (!isFields(objective)) continue;
    const at = `objectives[${index}].`;
    if (names.has(objective.name))
      faults.push({ path: `${at}name`, message: 'is the name of an earlier one' });
    if (objective.name !== undefined) names.add(objective.name);
    if (objective.primary === true && primary) {
      faults.push({ path: `${at}primary`, message: 'only one objective can be primary' });
    }
    primary ||= objective.primary === true;
    faults.push(...bothTargets(objective, at), ...kindFaults(slo, objective, at));
    if (!isGiven(objective.target) && !isGiven(objective.target_percent)) {
      faults.push({ path: `${at}target`, message: 'is required' });
    }
    if (faults.length > 1000) break;
  }
  return faults;
}

/** A composite has one objective; its components are different objectives of other SLOs. */
function compositeFaults(slo: Fields): ErrorDetail[] {
  if (sliTypeOf(slo) !== 'composite' || !isFields(slo.sli)) return [];
  const faults: ErrorDetail[] = [];
  if (Array.isArray(slo.objectives) && slo.objectives.length > 1) {
    faults.push({ path: 'objectives', message: 'must be exactly one for a composite' });
  }
  const { components } = slo.sli;
  if (!Array.isArray(components)) return faults;
  const seen = new Set<string>();
  for (const [index, component] of components.slice(0, 100).entries()) {
    if (!isFields(component)) continue;
    const project = component.project ?? slo.project ?? 'default';
    const name = `${String(project)}.${String(component.slo)}/${String(component.objective ?? 'default')}`;
    if (seen.has(name)) {
      faults.push({ path: `sli.components[${index}]`, message: 'is the same as an earlier one' });
    }
    seen.add(name);
  }
  return faults;
}

function kindFaults(slo: Fields, objective: Fields, at: string): ErrorDetail[] {
  const faults: ErrorDetail[] = [];
  const fits = (field: string, applies: boolean, what: string): void => {
    const given = isGiven(objective[field]);
    if (applies && !given) faults.push({ path: at + field, message: `is required for ${what}` });
    if (!applies && given) faults.push({ path: at + field, message: `applies only to ${what}` });
  };
  fits('time_slice_target', slo.budgeting_method === 'timeslices', 'time slices');
  const sliType = sliTypeOf(slo);
  if (sliType === 'ratio' || sliType === 'threshold' || sliType === 'composite') {
    fits('op', sliType === 'threshold', 'threshold SLIs');
    fits('value', sliType === 'threshold', 'threshold SLIs');
  }
  return faults;
}

function bothTargets(holder: Fields, at: string): ErrorDetail[] {
  if (!isGiven(holder.target) || !isGiven(holder.target_percent)) return [];
  return [{ path: `${at}target_percent`, message: 'give either target or target_percent, not both' }];
}

function sliTypeOf(slo: Fields): unknown {
  if (!isGiven(slo.sli)) return 'ratio';
  return isFields(slo.sli) ? slo.sli.type : undefined;
}

function kindOf(slo: Fields): string {
  return slo.budgeting_method === 'timeslices'
    ? 'time slices: each needs a time_slice_target'
    : 'threshold SLIs: each needs op and value';
}
