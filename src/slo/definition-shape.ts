import { z } from 'zod';
import { alertPolicyPatchSchema, alertPolicySchema } from './alert-policy-schema.ts';
import {
  aggregationSchema,
  alignmentSchema,
  budgetingMethodSchema,
  componentsSchema,
  countSchema,
  descriptionSchema,
  displayNameSchema,
  incrementalSchema,
  labelKeySchema,
  labelsSchema,
  labelValueSchema,
  maxDelaySchema,
  nameSchema,
  opSchema,
  rollingDurationSchema,
  serviceSchema,
  sliSchema,
  startSchema,
  targetPercentSchema,
  targetSchema,
  thresholdValueSchema,
  timeSliceTargetSchema,
  timeSliceWindowSchema,
  timeWindowSchema,
  timeZoneSchema,
  unitSchema,
} from './definition-fields.ts';
import { sourcePatchSchema, sourceWireSchema } from './source-schema.ts';

const objectiveFields = {
  display_name: displayNameSchema.nullish(),
  target: targetSchema.nullish(),
  target_percent: targetPercentSchema.nullish(),
  primary: z.boolean().nullish().meta({ description: 'At most one objective is the primary one.' }),
  time_slice_target: timeSliceTargetSchema.nullish(),
  op: opSchema.nullish(),
  value: thresholdValueSchema.nullish(),
};

/** One objective of an SLO to be created. */
const objectiveInputSchema = z.strictObject({ name: nameSchema, ...objectiveFields });

export type ObjectiveInput = z.infer<typeof objectiveInputSchema>;

const sloFields = {
  display_name: displayNameSchema.nullish(),
  description: descriptionSchema.nullish(),
  service: serviceSchema.nullish(),
  budgeting_method: budgetingMethodSchema.nullish(),
  time_slice_window: timeSliceWindowSchema.nullish(),
  target: targetSchema.nullish(),
  target_percent: targetPercentSchema.nullish(),
};

/** The fields of an SLO to be created. Null is the default. */
export const sloInputShape = {
  name: nameSchema,
  project: nameSchema.nullish(),
  ...sloFields,
  labels: labelsSchema.nullish(),
  time_window: timeWindowSchema.nullish(),
  sli: sliSchema.nullish(),
  objectives: z
    .array(objectiveInputSchema)
    .min(1, { error: 'must hold at least one objective' })
    .max(20)
    .nullish()
    .meta({ description: 'From 1 to 20, with different names. A `target` alone makes one, `default`.' }),
  alert_policy: alertPolicySchema.nullish(),
};

export type SloInput = z.infer<z.ZodObject<typeof sloInputShape, z.core.$strict>>;

/** A change of one objective, found by its name. */
const objectivePatchSchema = z.strictObject({
  name: nameSchema,
  ...objectiveFields,
  remove: z.boolean().nullish().meta({ description: 'Removes the objective of this name.' }),
});

/** The fields of an SLO to be changed. */
export const sloPatchShape = {
  ...sloFields,
  labels: z.record(labelKeySchema, labelValueSchema.nullable()).nullish(),
  time_window: z
    .strictObject({
      type: z.enum(['rolling', 'calendar']).nullish(),
      duration: rollingDurationSchema.nullish(),
      unit: unitSchema.nullish(),
      count: countSchema.nullish(),
      time_zone: timeZoneSchema.nullish(),
      start: startSchema.nullish(),
    })
    .nullish()
    .meta({ description: 'Merged into the present window, or its replacement where the type is another.' }),
  sli: z
    .strictObject({
      type: z.string().nullish(),
      incremental: incrementalSchema.nullish(),
      alignment: alignmentSchema.nullish(),
      source: sourcePatchSchema.nullish(),
      components: componentsSchema.nullish(),
      max_delay: maxDelaySchema.nullish(),
      aggregation: aggregationSchema.nullish(),
    })
    .nullish(),
  objectives: z.array(objectivePatchSchema).max(40).optional(),
  alert_policy: alertPolicyPatchSchema.nullish(),
};

export type SloPatch = z.infer<z.ZodObject<typeof sloPatchShape, z.core.$strict>>;

/** An SLO's definition as it is read: every field but those of an objective that do not apply to it. */
export const sloDefinitionSchema = z.strictObject({
  name: nameSchema,
  display_name: displayNameSchema,
  description: descriptionSchema,
  project: nameSchema,
  service: serviceSchema,
  labels: labelsSchema,
  budgeting_method: budgetingMethodSchema,
  time_slice_window: timeSliceWindowSchema.nullable(),
  time_window: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('rolling'), duration: rollingDurationSchema }),
    z.strictObject({
      type: z.literal('calendar'),
      unit: unitSchema,
      count: countSchema,
      time_zone: timeZoneSchema,
      start: startSchema,
    }),
  ]),
  sli: z.discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('ratio'),
      incremental: z.boolean(),
      alignment: z.enum(['drop', 'interpolate']),
      source: sourceWireSchema,
    }),
    z.strictObject({ type: z.literal('threshold'), source: sourceWireSchema }),
    z.strictObject({
      type: z.literal('composite'),
      components: z.array(
        z.strictObject({
          project: nameSchema,
          slo: nameSchema,
          objective: nameSchema,
          weight: z.number(),
          when_delayed: z.enum(['count_as_good', 'count_as_bad', 'ignore']),
        }),
      ),
      max_delay: maxDelaySchema,
      aggregation: aggregationSchema,
    }),
  ]),
  objectives: z.array(
    z.strictObject({
      name: nameSchema,
      display_name: displayNameSchema,
      target: targetSchema,
      primary: z.boolean(),
      time_slice_target: timeSliceTargetSchema.optional(),
      op: opSchema.optional(),
      value: thresholdValueSchema.optional(),
    }),
  ),
  alert_policy: alertPolicySchema,
});

export type SloWire = z.infer<typeof sloDefinitionSchema>;
