import { z } from 'zod';
import { DAY_MS, formatDuration, MINUTE_MS, parseDuration } from '../lib/duration.ts';
import type { ErrorDetail } from '../lib/errors.ts';
import { formatRfc3339, parseRfc3339 } from '../lib/rfc3339.ts';
import type { AlertCondition, AlertPolicy, Silence } from './alert-policy.ts';
import { alertKey } from './alerting.ts';
import { displayNameSchema, labelsSchema } from './definition-fields.ts';
import { isFields } from './wire-fields.ts';

/** The alert policy of an SLO on the wire. */

const MAX_CONDITIONS = 20;
const MAX_SILENCES = 50;
const MAX_LOOKBACK_MS = 90 * DAY_MS;

const minutes = z
  .string()
  .max(10, { abort: true })
  .refine((text) => parseDuration(text) !== null, {
    error: 'must be a duration such as 5m, 1h or 3d',
    abort: true,
  })
  .refine((text) => (parseDuration(text) ?? 0) % MINUTE_MS === 0, { error: 'must be whole minutes' })
  .refine((text) => (parseDuration(text) ?? 0) <= MAX_LOOKBACK_MS, { error: 'must be at most 90d' });

const time = z
  .string()
  .refine((text) => parseRfc3339(text) !== null, {
    error: 'must be an RFC 3339 time with Z or an offset, such as 2026-01-31T12:00:00Z',
  })
  .meta({ format: 'date-time' });

const runbookSchema = z
  .string()
  .max(2000, { abort: true })
  .refine(isHttpUrl, { error: 'must be an http or https address' })
  .meta({ description: 'Sent with the alert.', example: 'https://runbooks.example.com/checkout' });

const conditionFields = {
  severity: z.enum(['page', 'ticket']),
  resolve_after: minutes.nullish().meta({
    description:
      'For how long the condition must not have held before the alert resolves: the short window, or 5m.',
  }),
  labels: labelsSchema.nullish(),
  runbook_url: runbookSchema.nullish(),
};

const conditionSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('burn_rate'),
    ...conditionFields,
    long_window: minutes,
    short_window: minutes,
    factor: z
      .number()
      .gt(0)
      .max(1e9)
      .meta({ description: 'The burn rate that both windows must reach.', example: 14.4 }),
  }),
  z.strictObject({
    type: z.literal('budget'),
    ...conditionFields,
    below: z
      .number()
      .min(-1000)
      .lte(1)
      .meta({ description: 'A share of the error budget, such as 0.25; negative where overspent.' }),
  }),
  z.strictObject({
    type: z.literal('time_to_exhaustion'),
    ...conditionFields,
    below: minutes.meta({ description: 'At the burn rate of the last hour.', example: '12h' }),
  }),
  z.strictObject({
    type: z.literal('no_data'),
    ...conditionFields,
    for: minutes.meta({ description: 'How long nothing has come in.', example: '30m' }),
  }),
]);

const silenceSchema = z.strictObject({
  starts_at: time.nullish().meta({ description: 'Always so far where it is left out.' }),
  ends_at: time,
  reason: displayNameSchema.nullish(),
});

export const alertPolicySchema = z
  .strictObject({
    conditions: z
      .union([z.literal('default'), z.array(conditionSchema).max(MAX_CONDITIONS)], {
        error: ({ input }) =>
          Array.isArray(input) && input.length > MAX_CONDITIONS
            ? `must have at most ${MAX_CONDITIONS} items`
            : 'must be "default" or a list of conditions',
      })
      .meta({
        description:
          'The four burn-rate conditions of the SRE Workbook, scaled to the window, or a list; empty for no alerts.',
      }),
    labels: labelsSchema.nullish().meta({ description: 'Sent with every alert.' }),
    runbook_url: runbookSchema.nullish(),
    silences: z
      .array(silenceSchema)
      .max(MAX_SILENCES)
      .nullish()
      .meta({ description: 'Times in which nobody is told that an alert fires.' }),
  })
  .meta({ description: 'When to alert, and what to say.' });

/** A merge patch of a policy: what is left out stays. */
export const alertPolicyPatchSchema = z.strictObject({
  ...alertPolicySchema.shape,
  conditions: alertPolicySchema.shape.conditions.nullish(),
  labels: z.record(z.string(), z.string().nullable()).nullish(),
});

export type AlertPolicyWire = z.infer<typeof alertPolicySchema>;
type ConditionWire = z.infer<typeof conditionSchema>;

/** What the parts of a policy on the wire must say together. Reads it as it came. */
export function alertPolicyFaults(policy: unknown): ErrorDetail[] {
  const read = alertPolicySchema.safeParse(policy);
  if (!read.success) return [];
  const faults: ErrorDetail[] = [];
  const seen = new Map<string, number>();
  const { conditions } = read.data;
  for (const [index, condition] of (conditions === 'default' ? [] : conditions).entries()) {
    const path = `alert_policy.conditions[${index}]`;
    const own = conditionOf(condition);
    if (own.type === 'burn_rate' && own.shortMs > own.longMs) {
      faults.push({ path: `${path}.short_window`, message: 'must not be longer than the long window' });
    }
    const earlier = seen.get(alertKey(own));
    if (earlier !== undefined) {
      faults.push({ path, message: `is the same alert as conditions[${earlier}]` });
    }
    seen.set(alertKey(own), index);
  }
  for (const [index, silence] of (read.data.silences ?? []).entries()) {
    const { startsAtMs, endsAtMs } = silenceOf(silence);
    if (startsAtMs >= endsAtMs) {
      faults.push({ path: `alert_policy.silences[${index}].ends_at`, message: 'must be after starts_at' });
    }
  }
  return faults;
}

/** A policy that was checked. */
export function alertPolicyOf(wire: AlertPolicyWire | null | undefined): AlertPolicy {
  if (wire === null || wire === undefined) return { conditions: 'default' };
  const { conditions, labels, runbook_url: runbookUrl, silences } = wire;
  return {
    conditions: conditions === 'default' ? 'default' : conditions.map(conditionOf),
    ...labelled(labels, runbookUrl),
    ...(silences?.length ? { silences: silences.map(silenceOf) } : {}),
  };
}

/** The policy as the API shows it; what says nothing is left out. */
export function alertPolicyToWire(policy: AlertPolicy): AlertPolicyWire {
  const { conditions, labels, runbookUrl, silences } = policy;
  return {
    conditions: conditions === 'default' ? 'default' : conditions.map(conditionToWire),
    ...(labels === undefined ? {} : { labels: { ...labels } }),
    ...(runbookUrl === undefined ? {} : { runbook_url: runbookUrl }),
    ...(silences === undefined
      ? {}
      : {
          silences: silences.map(({ startsAtMs, endsAtMs, reason }) => ({
            ...(startsAtMs === ALWAYS_MS ? {} : { starts_at: formatRfc3339(startsAtMs) }),
            ends_at: formatRfc3339(endsAtMs),
            ...(reason === '' ? {} : { reason }),
          })),
        }),
  };
}

/** Stands for the start of a silence that names none. */
const ALWAYS_MS = 0;

function silenceOf(wire: z.infer<typeof silenceSchema>): Silence {
  return {
    startsAtMs: wire.starts_at ? (parseRfc3339(wire.starts_at) ?? ALWAYS_MS) : ALWAYS_MS,
    endsAtMs: parseRfc3339(wire.ends_at) ?? Number.NaN,
    reason: wire.reason ?? '',
  };
}

function labelled(
  labels: Readonly<Record<string, string>> | null | undefined,
  runbookUrl: string | null | undefined,
): Pick<AlertPolicy, 'labels' | 'runbookUrl'> {
  return {
    ...(labels && Object.keys(labels).length > 0 ? { labels: { ...labels } } : {}),
    ...(runbookUrl ? { runbookUrl } : {}),
  };
}

const msOf = (text: string): number => parseDuration(text) ?? Number.NaN;

function conditionOf(wire: ConditionWire): AlertCondition {
  const fields = {
    severity: wire.severity,
    ...(wire.resolve_after ? { resolveAfterMs: msOf(wire.resolve_after) } : {}),
    ...labelled(wire.labels, wire.runbook_url),
  };
  switch (wire.type) {
    case 'burn_rate':
      return {
        type: wire.type,
        ...fields,
        longMs: msOf(wire.long_window),
        shortMs: msOf(wire.short_window),
        factor: wire.factor,
      };
    case 'budget':
      return { type: wire.type, ...fields, below: wire.below };
    case 'time_to_exhaustion':
      return { type: wire.type, ...fields, belowMs: msOf(wire.below) };
    case 'no_data':
      return { type: wire.type, ...fields, forMs: msOf(wire.for) };
  }
}

function conditionToWire(condition: AlertCondition): ConditionWire {
  const { severity, resolveAfterMs, labels, runbookUrl } = condition;
  const fields = {
    severity,
    ...(resolveAfterMs === undefined ? {} : { resolve_after: formatDuration(resolveAfterMs) }),
    ...(labels === undefined ? {} : { labels: { ...labels } }),
    ...(runbookUrl === undefined ? {} : { runbook_url: runbookUrl }),
  };
  switch (condition.type) {
    case 'burn_rate':
      return {
        type: condition.type,
        long_window: formatDuration(condition.longMs),
        short_window: formatDuration(condition.shortMs),
        factor: condition.factor,
        ...fields,
      };
    case 'budget':
      return { type: condition.type, below: condition.below, ...fields };
    case 'time_to_exhaustion':
      return { type: condition.type, below: formatDuration(condition.belowMs), ...fields };
    case 'no_data':
      return { type: condition.type, for: formatDuration(condition.forMs), ...fields };
  }
}

function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  return ['http:', 'https:'].includes(new URL(text).protocol);
}

/** A patch laid over the policy as it is shown. */
export function mergedAlertPolicy(
  current: AlertPolicyWire,
  patch: z.infer<typeof alertPolicyPatchSchema> | null | undefined,
): unknown {
  if (patch === undefined || patch === null) return patch === null ? null : current;
  const { labels, ...rest } = patch;
  const conditions = rest.conditions === null ? 'default' : (rest.conditions ?? current.conditions);
  const kept = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const next: Record<string, unknown> = { ...current, ...kept, conditions };
  if (labels === null) next.labels = null;
  if (isFields(labels)) {
    const merged = Object.entries({ ...current.labels, ...labels });
    next.labels = Object.fromEntries(merged.filter(([, value]) => value !== null));
  }
  return next;
}
