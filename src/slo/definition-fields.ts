import { z } from 'zod';
import { DAY_MS, MINUTE_MS, parseDuration } from '../lib/duration.ts';
import { sourceSchema } from './source-schema.ts';
import { DEFAULT_START, isLocalDateTime, isTimeZone } from './window.ts';

/** The fields of an SLO on the wire. What two fields say together is checked in definition-rules.ts. */

const MAX_LABELS = 50;
const TIME_SLICE_MINUTES: readonly number[] = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60];

/** No control characters (a database text cannot hold NUL) and no halves of a surrogate pair. */
const LINE = /^[^\p{Cc}\p{Cs}]*$/u;
const PARAGRAPHS = /^(?:[^\p{Cc}\p{Cs}]|[\n\r\t])*$/u;

const line = (max: number) =>
  z.string().max(max, { abort: true }).regex(LINE, { error: 'must be one line of plain text' });

export const nameSchema = z
  .string()
  .min(1, { abort: true })
  .max(63, { abort: true })
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, {
    error: 'must be lower-case letters, digits and inner hyphens (an RFC 1123 label)',
  })
  .meta({ description: 'An RFC 1123 label.', example: 'checkout-availability' });

/** Chooses SLOs. A project that cannot be is refused: its answer would look like that of one without SLOs. */
export const projectFilterSchema = nameSchema
  .optional()
  .meta({ description: 'Only SLOs of this project.', example: 'default' });

export const displayNameSchema = line(200).meta({ description: 'Free text for people.' });

export const descriptionSchema = z
  .string()
  .max(2000, { abort: true })
  .regex(PARAGRAPHS, { error: 'must be plain text' });

export const serviceSchema = line(200)
  .min(1)
  .meta({ description: 'The service that the SLO is about; the name of the SLO by default.' });

export const labelKeySchema = z.string().regex(/^[a-z][a-z0-9_.-]{0,62}$/, {
  error: 'must be a lower-case letter, then at most 62 of a-z, 0-9, "_", "." and "-"',
});

export const labelValueSchema = line(200);

export const labelsSchema = z
  .record(labelKeySchema, labelValueSchema)
  .refine((labels) => Object.keys(labels).length <= MAX_LABELS, {
    error: `must have at most ${MAX_LABELS} labels`,
  })
  .meta({ description: 'Free labels to search by.', example: { team: 'payments' } });

const durationSchema = z
  .string()
  .max(10, { abort: true })
  .regex(/^[1-9][0-9]*[smhdw]$/, { error: 'must be a duration such as 5m, 1h, 28d or 2w', abort: true });

export const rollingDurationSchema = durationSchema
  .refine((text) => isBetween(parseDuration(text), 5 * MINUTE_MS, 90 * DAY_MS), {
    error: 'must be from 5m to 90d',
  })
  .refine((text) => (parseDuration(text) ?? 0) % MINUTE_MS === 0, { error: 'must be whole minutes' })
  .meta({ description: 'From 5m to 90d in whole minutes, a multiple of the time slice.', example: '28d' });

export const timeSliceWindowSchema = durationSchema
  .refine((text) => TIME_SLICE_MINUTES.includes((parseDuration(text) ?? 0) / MINUTE_MS), {
    error: 'must be whole minutes that divide an hour: 1m, 2m, 3m, 4m, 5m, 6m, 10m, 12m, 15m, 20m, 30m or 1h',
  })
  .meta({
    description: 'The length of a time slice; null unless the SLO counts time slices.',
    example: '5m',
  });

export const targetSchema = z
  .number()
  .gt(0)
  .lt(1)
  .meta({ description: 'The share of good events or time slices, above 0 and below 1.', example: 0.999 });

export const targetPercentSchema = z
  .number()
  .gt(0, { abort: true })
  .lt(100, { abort: true })
  .refine((percent) => isBetween(ratioOfPercent(percent), Number.MIN_VALUE, 1 - Number.EPSILON / 2), {
    error: 'must be above 0 and below 100',
  })
  .meta({ description: 'The target in percent, instead of `target`; read back as `target`.', example: 99.9 });

export const timeSliceTargetSchema = z
  .number()
  .gt(0)
  .lte(1)
  .meta({ description: 'The good share that makes a time slice good; only for time slices.' });

export const opSchema = z
  .enum(['lt', 'lte', 'gt', 'gte'])
  .meta({ description: 'A point is good when `point op value` holds; only for threshold SLIs.' });

export const thresholdValueSchema = z
  .number()
  .meta({ description: 'The bound that points are compared with; only for threshold SLIs.' });

export const budgetingMethodSchema = z
  .enum(['occurrences', 'timeslices'])
  .meta({ description: 'Whether the budget counts events, or time slices as a whole.' });

export const unitSchema = z.enum(['day', 'week', 'month', 'quarter', 'year']);

export const countSchema = z.int().min(1).max(400).meta({ description: 'Units in a period.' });

export const timeZoneSchema = z
  .string()
  .max(64, { abort: true })
  .refine(isTimeZone, { error: 'must be an IANA time zone such as Europe/Paris or UTC' })
  .meta({ description: 'An IANA time zone.', example: 'UTC' });

export const startSchema = z
  .string()
  .max(32, { abort: true })
  .refine(isLocalDateTime, {
    error: 'must be a local date and time of whole minutes without an offset, such as 2024-01-01T00:00:00',
  })
  .meta({ description: 'The start of one period, in local time of the zone.', example: DEFAULT_START });

export const timeWindowSchema = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('rolling'), duration: rollingDurationSchema }),
    z.strictObject({
      type: z.literal('calendar'),
      unit: unitSchema,
      count: countSchema.nullish(),
      time_zone: timeZoneSchema.nullish(),
      start: startSchema.nullish(),
    }),
  ])
  .meta({ description: 'The window that the budget is for; rolling 28d by default.' });

export const incrementalSchema = z
  .boolean()
  .meta({ description: 'Whether values are running totals of a counter; cannot change once there is data.' });

export const alignmentSchema = z.enum(['drop', 'interpolate']).meta({
  description:
    'What happens to a minute with one counterpart only: it is left out, or the other is interpolated. Cannot change once there is data.',
});

const componentSchema = z.strictObject({
  project: nameSchema
    .nullish()
    .meta({ description: "The component's project; the composite's own by default." }),
  slo: nameSchema.meta({ description: 'The name of the SLO.' }),
  objective: nameSchema.nullish().meta({ description: 'One of its objectives, `default` by default.' }),
  weight: z
    .number()
    .gt(0)
    .lte(1e9)
    .nullish()
    .meta({ description: 'Above 0; counts in proportion to the others. 1 by default.' }),
  when_delayed: z
    .enum(['count_as_good', 'count_as_bad', 'ignore'])
    .nullish()
    .meta({ description: 'How a minute counts for which it has no data in time; `ignore` by default.' }),
});

export const componentsSchema = z
  .array(componentSchema)
  .min(1, { error: 'must hold at least one component' })
  .max(20)
  .meta({ description: 'From 1 to 20 objectives of other SLOs.' });

export const maxDelaySchema = durationSchema
  .refine((text) => isBetween(parseDuration(text), MINUTE_MS, DAY_MS), { error: 'must be from 1m to 1d' })
  .refine((text) => (parseDuration(text) ?? 0) % MINUTE_MS === 0, { error: 'must be whole minutes' })
  .meta({ description: 'How long a late component is waited for; 15m by default.', example: '15m' });

export const aggregationSchema = z
  .enum(['reliability', 'error_budget_state'])
  .meta({ description: "Whether components enter by their minutes' reliability or by having budget left." });

export const sliSchema = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('ratio'),
      incremental: incrementalSchema.nullish(),
      alignment: alignmentSchema.nullish(),
      source: sourceSchema.nullish(),
    }),
    z.strictObject({ type: z.literal('threshold'), source: sourceSchema.nullish() }),
    z.strictObject({
      type: z.literal('composite'),
      components: componentsSchema,
      max_delay: maxDelaySchema.nullish(),
      aggregation: aggregationSchema.nullish(),
    }),
  ])
  .meta({ description: 'What is measured; a pushed ratio by default.' });

/** 99.9 as 0.999: the nearest double of the decimal, without the dust of a binary division. */
export function ratioOfPercent(percent: number): number {
  return Number((percent / 100).toPrecision(15));
}

function isBetween(value: number | null, lowest: number, highest: number): boolean {
  return value !== null && value >= lowest && value <= highest;
}
