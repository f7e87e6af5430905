import { builder, type InputFields } from './builder.ts';
import { BudgetingMethodEnum, ThresholdOpEnum } from './enums.ts';
import { given } from './given.ts';

const TIME_WINDOW =
  'As in the REST API: `{"type": "rolling", "duration": "28d"}`, or a calendar one with `unit`, `count`, `time_zone` and `start`.';
const SLI = 'What is measured, as in the REST API: `{"type": "ratio", "source": {"type": "push"}}` and more.';
const ALERT_POLICY = 'When to alert, as in the REST API: `{"conditions": "default"}`.';

/** What both a new objective and a change of one may have. */
function objectiveFields(t: InputFields) {
  return {
    name: t.string({ required: true, description: 'Unique in its SLO.' }),
    displayName: t.string({ description: 'For people.' }),
    target: t.float({ description: 'The promised share of good, above 0 and below 1.' }),
    targetPercent: t.float({ description: 'The same in percent, instead of `target`.' }),
    primary: t.boolean({ description: 'Whether this one is shown where there is place for one.' }),
    timeSliceTarget: t.float({
      description: 'Where time slices count: the share of good from which one is good, above 0, at most 1.',
    }),
    op: t.field({ type: ThresholdOpEnum, description: 'For a threshold: how to compare with `value`.' }),
    value: t.float({ description: 'For a threshold: what a point is compared with.' }),
  };
}

const NpSloObjectiveInput = builder.inputType('NpSloObjectiveInput', {
  description: 'What a new SLO promises. Null is the same as left out.',
  fields: objectiveFields,
});

const NpSloObjectivePatch = builder.inputType('NpSloObjectivePatch', {
  description:
    'A change of the objective of this name, or a new one. What is left out stays; null is the same as left out.',
  fields: (t) => ({
    ...objectiveFields(t),
    remove: t.boolean({ description: 'Removes it.' }),
  }),
});

export const NpSloInput = builder.inputType('NpSloInput', {
  description: 'A new SLO. Only `name` and a target are needed. Null is the same as left out.',
  fields: (t) => ({
    name: t.string({
      required: true,
      description: 'Lower-case letters, digits and dashes; unique in its project.',
    }),
    displayName: t.string({ description: 'For people.' }),
    description: t.string({ description: 'For people.' }),
    project: t.string({ description: 'What to file it under; `default` when left out.' }),
    service: t.string({ description: 'The service that it is about; its name when left out.' }),
    labels: t.field({ type: 'JSON', description: 'Text by name: `{"team": "payments"}`.' }),
    budgetingMethod: t.field({ type: BudgetingMethodEnum, description: 'OCCURRENCES when left out.' }),
    timeSliceWindow: t.string({ description: 'The length of a time slice; `1m` when left out.' }),
    timeWindow: t.field({ type: 'JSON', description: `${TIME_WINDOW} Rolling 28 days when left out.` }),
    sli: t.field({ type: 'JSON', description: `${SLI} A ratio, pushed, when left out.` }),
    objectives: t.field({
      type: [NpSloObjectiveInput],
      description: 'What is promised, instead of `target`.',
    }),
    target: t.float({ description: 'The target of a single objective named `default`.' }),
    targetPercent: t.float({ description: 'The same in percent, instead of `target`.' }),
    alertPolicy: t.field({ type: 'JSON', description: ALERT_POLICY }),
  }),
});

export const NpSloPatch = builder.inputType('NpSloPatch', {
  description:
    'Changes of an SLO: what is left out stays, and null is the same as left out. Inside JSON values null removes what it stands for.',
  fields: (t) => ({
    displayName: t.string({ description: 'For people.' }),
    description: t.string({ description: 'For people.' }),
    service: t.string({ description: 'The service that it is about.' }),
    labels: t.field({
      type: 'JSON',
      description: 'Merged by name: `{"team": null}` removes one.',
    }),
    budgetingMethod: t.field({
      type: BudgetingMethodEnum,
      description: 'How bad minutes use up the budget; cannot change once there is data.',
    }),
    timeSliceWindow: t.string({
      description: 'The length of a time slice; cannot change once there is data.',
    }),
    timeWindow: t.field({ type: 'JSON', description: TIME_WINDOW }),
    sli: t.field({ type: 'JSON', description: `${SLI} Its type cannot change.` }),
    objectives: t.field({
      type: [NpSloObjectivePatch],
      description: 'Matched by name: one that is not listed stays as it is.',
    }),
    target: t.float({ description: 'The target of the only objective.' }),
    targetPercent: t.float({ description: 'The same in percent, instead of `target`.' }),
    alertPolicy: t.field({ type: 'JSON', description: ALERT_POLICY }),
  }),
});

type Fields = Readonly<Record<string, unknown>>;

/**
 * A new SLO, or a patch, as the services read it: the fields in snake_case. Hasura sends an explicit null for a
 * variable that its client left out, so null is never more than left out; what is inside a JSON scalar stays.
 */
export function inputToWire(input: Fields): Fields {
  const wire: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given(input))) {
    wire[snakeCase(name)] =
      name === 'objectives' && Array.isArray(value)
        ? value.map((objective: Fields) => inputToWire(objective))
        : value;
  }
  return wire;
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
