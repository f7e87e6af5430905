import { z } from 'zod';
import { formatDuration, MINUTE_MS, parseDuration } from '../lib/duration.ts';
import type { ErrorDetail } from '../lib/errors.ts';
import { ServiceError } from '../lib/errors.ts';
import { check, distinctDetails } from '../lib/validation.ts';
import { alertPolicyOf, alertPolicyToWire } from './alert-policy-schema.ts';
import type { Objective, Sli, SloDefinition, TimeWindow } from './definition.ts';
import { ratioOfPercent } from './definition-fields.ts';
import { mergePatch } from './definition-patch.ts';
import { jointFaults } from './definition-rules.ts';
import type { ObjectiveInput, SloInput, SloWire } from './definition-shape.ts';
import { sloInputShape, sloPatchShape } from './definition-shape.ts';
import { sourceOf, sourceToWire } from './source-schema.ts';
import { DEFAULT_START } from './window.ts';
import { isFields } from './wire-fields.ts';

/** An SLO to be created: `name` and a target, or a list of objectives, are required. */
export const sloInputSchema = z.strictObject(sloInputShape);

/**
 * A JSON merge patch of an SLO: what is absent stays, null is the default. Objectives are matched by name:
 * one that is known is merged, a new name is added, one that is not listed stays.
 */
export const sloPatchSchema = z.strictObject(sloPatchShape);

/**
 * Reads an SLO as `POST /api/v1/slos` takes it. Throws ServiceError `invalid` with a detail per fault.
 */
export function parseSloInput(input: unknown): SloDefinition {
  return definitionFrom(input, 'The SLO is not valid.');
}

/**
 * The definition after a merge patch. Throws ServiceError `invalid` with a detail per fault, its path in the
 * patch. Whether an SLO with data may change so is for the caller to say.
 */
export function applySloPatch(current: SloDefinition, patch: unknown): SloDefinition {
  const message = 'The change of the SLO is not valid.';
  const frozen = frozenFaults(patch);
  const checked = check(sloPatchSchema, isFields(patch) ? withoutFrozen(patch) : patch);
  if (!checked.ok || frozen.length > 0) {
    const details = distinctDetails([...frozen, ...(checked.ok ? [] : checked.details)]);
    throw new ServiceError('invalid', message, { details });
  }
  const merged = mergePatch(definitionToWire(current), checked.value);
  if (merged.faults.length > 0) throw new ServiceError('invalid', message, { details: merged.faults });
  return definitionFrom(merged.input, message, merged.pathInPatch);
}

/** The definition as the API shows it. */
export function definitionToWire(definition: SloDefinition): SloWire {
  return {
    name: definition.name,
    display_name: definition.displayName,
    description: definition.description,
    project: definition.project,
    service: definition.service,
    labels: { ...definition.labels },
    budgeting_method: definition.budgetingMethod,
    time_slice_window:
      definition.budgetingMethod === 'timeslices' ? formatDuration(definition.sliceMs) : null,
    time_window: timeWindowToWire(definition.timeWindow),
    sli: sliToWire(definition.sli),
    objectives: definition.objectives.map((objective) => ({
      name: objective.name,
      display_name: objective.displayName,
      target: objective.target,
      primary: objective.primary,
      ...(objective.timeSliceTarget === null ? {} : { time_slice_target: objective.timeSliceTarget }),
      ...(objective.op === null ? {} : { op: objective.op }),
      ...(objective.value === null ? {} : { value: objective.value }),
    })),
    alert_policy: alertPolicyToWire(definition.alertPolicy),
  };
}

/** The time window as the API shows it. */
function timeWindowToWire(window: TimeWindow): SloWire['time_window'] {
  switch (window.type) {
    case 'rolling':
      return { type: 'rolling', duration: formatDuration(window.durationMs) };
    case 'calendar':
      return {
        type: 'calendar',
        unit: window.unit,
        count: window.count,
        time_zone: window.timeZone,
        start: window.start,
      };
  }
}

/** The SLI as the API shows it. */
function sliToWire(sli: Sli): SloWire['sli'] {
  switch (sli.type) {
    case 'ratio':
      return {
        type: 'ratio',
        incremental: sli.incremental,
        alignment: sli.alignment,
        source: sourceToWire(sli.source),
      };
    case 'threshold':
      return { type: 'threshold', source: sourceToWire(sli.source) };
    case 'composite':
      return {
        type: 'composite',
        components: sli.components.map(({ whenDelayed, ...component }) => ({
          ...component,
          when_delayed: whenDelayed,
        })),
        max_delay: formatDuration(sli.maxDelayMs),
        aggregation: sli.aggregation,
      };
  }
}

function definitionFrom(
  input: unknown,
  message: string,
  locate: (detail: ErrorDetail) => ErrorDetail = (detail) => detail,
): SloDefinition {
  const checked = check(sloInputSchema, input);
  const joint = jointFaults(input);
  if (!checked.ok || joint.length > 0) {
    const details = distinctDetails([...(checked.ok ? [] : checked.details), ...joint].map(locate));
    throw new ServiceError('invalid', message, { details });
  }
  return definitionOf(checked.value);
}

const FROZEN = ['id', 'project', 'name'];

function frozenFaults(patch: unknown): ErrorDetail[] {
  if (!isFields(patch)) return [];
  return FROZEN.filter((key) => Object.hasOwn(patch, key)).map((path) => ({
    path,
    message: 'cannot be changed',
  }));
}

function withoutFrozen(patch: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(patch).filter(([key]) => !FROZEN.includes(key)));
}

const DEFAULT_PROJECT = 'default';

function definitionOf(input: SloInput): SloDefinition {
  const budgetingMethod = input.budgeting_method ?? 'occurrences';
  const { objectives } = input;
  return {
    project: input.project ?? DEFAULT_PROJECT,
    name: input.name,
    displayName: input.display_name ?? '',
    description: input.description ?? '',
    service: input.service ?? input.name,
    labels: { ...input.labels },
    budgetingMethod,
    sliceMs: durationOf(input.time_slice_window, MINUTE_MS),
    timeWindow: timeWindowOf(input.time_window),
    sli: sliOf(input.sli, input.project ?? DEFAULT_PROJECT),
    objectives: isPresent(objectives)
      ? objectives.map((objective) => objectiveOf(objective, objectives.length === 1))
      : [objectiveOf({ name: 'default', target: input.target, target_percent: input.target_percent }, true)],
    alertPolicy: alertPolicyOf(input.alert_policy),
  };
}

function objectiveOf(input: ObjectiveInput, only: boolean): Objective {
  const target =
    input.target ?? (isPresent(input.target_percent) ? ratioOfPercent(input.target_percent) : null);
  if (target === null) throw new TypeError('A checked objective has a target.');
  return {
    name: input.name,
    displayName: input.display_name ?? '',
    target,
    primary: input.primary ?? only,
    timeSliceTarget: input.time_slice_target ?? null,
    op: input.op ?? null,
    value: input.value ?? null,
  };
}

const DEFAULT_WINDOW = { type: 'rolling', duration: '28d' } as const;

function timeWindowOf(input: SloInput['time_window']): TimeWindow {
  const window = input ?? DEFAULT_WINDOW;
  switch (window.type) {
    case 'rolling':
      return { type: 'rolling', durationMs: durationOf(window.duration, 0) };
    case 'calendar':
      return {
        type: 'calendar',
        unit: window.unit,
        count: window.count ?? 1,
        timeZone: window.time_zone ?? 'UTC',
        start: withSeconds(window.start ?? DEFAULT_START),
      };
  }
}

const DEFAULT_MAX_DELAY_MS = 15 * MINUTE_MS;

function sliOf(input: SloInput['sli'], ownProject: string): Sli {
  const sli = input ?? { type: 'ratio' as const };
  switch (sli.type) {
    case 'ratio':
      return {
        type: 'ratio',
        incremental: sli.incremental ?? false,
        alignment: sli.alignment ?? 'drop',
        source: sourceOf(sli.source),
      };
    case 'threshold':
      return { type: 'threshold', source: sourceOf(sli.source) };
    case 'composite':
      return {
        type: 'composite',
        components: sli.components.map((component) => ({
          project: component.project ?? ownProject,
          slo: component.slo,
          objective: component.objective ?? 'default',
          weight: component.weight ?? 1,
          whenDelayed: component.when_delayed ?? 'ignore',
        })),
        maxDelayMs: durationOf(sli.max_delay, DEFAULT_MAX_DELAY_MS),
        aggregation: sli.aggregation ?? 'reliability',
      };
  }
}

function durationOf(text: string | null | undefined, fallbackMs: number): number {
  return isPresent(text) ? (parseDuration(text) ?? fallbackMs) : fallbackMs;
}

function withSeconds(start: string): string {
  return start.length === 'YYYY-MM-DDTHH:MM'.length ? `${start}:00` : start;
}

function isPresent<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}
