import type { FiringAlert } from '../../slo/firing-alerts.ts';
import { builder } from './builder.ts';
import { AlertSeverityEnum } from './enums.ts';

export const NpSloAlert = builder.objectRef<FiringAlert>('NpSloAlert').implement({
  description: 'An alert that fires.',
  fields: (t) => ({
    objective: t.exposeString('objective', {
      nullable: true,
      description: 'Null for what is about the SLO as a whole.',
    }),
    condition: t.exposeString('condition', {
      description: 'Names the condition in the alert policy: `burn_rate:1h:5m:page`.',
    }),
    severity: t.field({
      type: AlertSeverityEnum,
      description: 'Whom it is for.',
      resolve: (alert) => alert.severity,
    }),
    firingSince: t.field({
      type: 'DateTime',
      description: 'When it began to fire.',
      resolve: (alert) => alert.sinceMs,
    }),
    told: t.exposeBoolean('told', { description: 'False while it is silenced.' }),
  }),
});
