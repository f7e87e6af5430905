import { z } from 'zod';
import { formatRfc3339 } from '../../../lib/rfc3339.ts';
import { ALERT_RECEIVERS } from '../../../slo/alert-message.ts';
import type { UndeliveredAlert } from '../../../slo/undelivered-alerts.ts';
import { timeOrNull, timeSchema } from './times.ts';

export const undeliveredAlertSchema = z
  .strictObject({
    receiver: z.enum(ALERT_RECEIVERS),
    objective: z.string().nullable().meta({ description: 'Null for what is about the SLO as a whole.' }),
    condition: z.string().meta({ example: 'burn_rate:1h:5m:page' }),
    change: z.enum(['firing', 'resolved']),
    decided_at: timeSchema.meta({ description: 'When it was decided to tell it.' }),
    attempts: z.int(),
    last_error: z.string(),
    next_attempt_at: timeSchema.nullable().meta({ description: 'Null: it is given up.' }),
  })
  .meta({ id: 'UndeliveredAlert' });

export function undeliveredAlertToWire(alert: UndeliveredAlert): z.infer<typeof undeliveredAlertSchema> {
  const { receiver, objective, condition, change, attempts } = alert;
  return {
    receiver,
    objective,
    condition,
    change,
    decided_at: formatRfc3339(alert.decidedMs),
    attempts,
    last_error: alert.lastError,
    next_attempt_at: timeOrNull(alert.nextAttemptMs),
  };
}
