import { z } from 'zod';
import { formatRfc3339 } from '../../../lib/rfc3339.ts';
import { adjustmentSchema, adjustmentToWire } from '../../../slo/adjustment-schema.ts';
import { neverFiresWarnings } from '../../../slo/alerting.ts';
import type { Slo } from '../../../slo/definition.ts';
import { definitionToWire } from '../../../slo/definition-schema.ts';
import { sloDefinitionSchema } from '../../../slo/definition-shape.ts';
import { firingAlerts } from '../../../slo/firing-alerts.ts';
import { lagSeconds } from '../../../slo/pull.ts';
import { undeliveredAlerts } from '../../../slo/undelivered-alerts.ts';
import { stateSchema } from './state.ts';
import { statusSchema } from './status.ts';
import { timeOrNull, timeSchema } from './times.ts';
import { undeliveredAlertSchema, undeliveredAlertToWire } from './undelivered-alert.ts';

const sloFields = z.strictObject({
  id: z.uuid(),
  source_account_id: z.string(),
  ...sloDefinitionSchema.shape,
  adjustments: z.array(adjustmentSchema).meta({ description: 'Minutes that count as if they never were.' }),
  alerts: z
    .array(
      z.strictObject({
        objective: z.string().nullable().meta({ description: 'Null for what is about the SLO as a whole.' }),
        condition: z.string().meta({ example: 'burn_rate:1h:5m:page' }),
        severity: z.enum(['page', 'ticket']),
        firing_since: timeSchema,
        told: z.boolean().meta({ description: 'False while it is silenced.' }),
      }),
    )
    .meta({ description: 'The alerts that fired at the last evaluation.' }),
  undelivered_alerts: z
    .array(undeliveredAlertSchema)
    .meta({ description: 'Changes of its alerts that a receiver has not taken, oldest first.' }),
  state: stateSchema,
  warnings: z.array(z.string()).meta({ description: 'What is probably not meant so.' }),
  created_at: timeSchema,
  updated_at: timeSchema,
  last_pulled_at: timeSchema.nullable().meta({
    description: 'When its source last answered; null without a source to read.',
  }),
  lag_seconds: z
    .number()
    .nullable()
    .meta({ description: 'How far what was read of its source is behind now.' }),
  last_error: z
    .string()
    .nullable()
    .meta({ description: 'What is wrong with its source; null when all is well.' }),
});

/** An SLO as it is read. */
export const sloSchema = sloFields.meta({ id: 'Slo' });
/** In lists, `status` only where it was asked for. */
export const listedSloSchema = sloFields
  .extend({ status: statusSchema.optional() })
  .meta({ id: 'ListedSlo' });
export const sloWithStatusSchema = sloFields.extend({ status: statusSchema }).meta({ id: 'SloWithStatus' });

/** `nowMs` decides the warnings of calendar windows, whose length changes. */
export function sloToWire(slo: Slo, nowMs: number): z.infer<typeof sloSchema> {
  return {
    id: slo.id,
    source_account_id: slo.accountId,
    ...definitionToWire(slo),
    adjustments: slo.adjustments.map(adjustmentToWire),
    alerts: firingAlerts(slo).map(({ objective, condition, severity, sinceMs, told }) => ({
      objective,
      condition,
      severity,
      firing_since: formatRfc3339(sinceMs),
      told,
    })),
    undelivered_alerts: undeliveredAlerts(slo, nowMs).map(undeliveredAlertToWire),
    state: slo.state,
    warnings: neverFiresWarnings(slo, nowMs),
    created_at: formatRfc3339(slo.createdAtMs),
    updated_at: formatRfc3339(slo.updatedAtMs),
    last_pulled_at: timeOrNull(slo.pull?.lastPulledAtMs ?? null),
    lag_seconds: lagSeconds(slo.pull, nowMs),
    last_error: slo.pull?.lastError ?? null,
  };
}

/** The text of an SLO object never changes, but for what the time of the answer decides. */
const texts = new WeakMap<Slo, string>();

/** `sloToWire` as JSON. */
export function sloText(slo: Slo, nowMs: number): string {
  const isTimeless = slo.timeWindow.type === 'rolling' && slo.pull === null;
  const known = isTimeless ? texts.get(slo) : undefined;
  if (known !== undefined) return known;
  const text = JSON.stringify(sloToWire(slo, nowMs));
  if (isTimeless) texts.set(slo, text);
  return text;
}

/**
 * The pieces of JSON of the shape `sloWithStatusSchema`; `status` as `statusText` makes it. Joined, the text of each SLO
 * would be copied once more.
 */
export function sloWithStatusPieces(slo: Slo, status: string, nowMs: number): readonly string[] {
  return [sloText(slo, nowMs).slice(0, -1), ',"status":', status, '}'];
}
