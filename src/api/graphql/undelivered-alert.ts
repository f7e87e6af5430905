import type { UndeliveredAlert } from '../../slo/undelivered-alerts.ts';
import { builder } from './builder.ts';
import { AlertChangeEnum, AlertReceiverEnum } from './enums.ts';

export const NpSloUndeliveredAlert = builder.objectRef<UndeliveredAlert>('NpSloUndeliveredAlert').implement({
  description: 'A change of an alert that a receiver has not taken.',
  fields: (t) => ({
    receiver: t.field({
      type: AlertReceiverEnum,
      description: 'Who has not taken it.',
      resolve: (alert) => alert.receiver,
    }),
    objective: t.exposeString('objective', {
      nullable: true,
      description: 'Null for what is about the SLO as a whole.',
    }),
    condition: t.exposeString('condition', {
      description: 'Names the condition in the alert policy: `burn_rate:1h:5m:page`.',
    }),
    change: t.field({
      type: AlertChangeEnum,
      description: 'What there is to tell.',
      resolve: (alert) => alert.change,
    }),
    decidedAt: t.field({
      type: 'DateTime',
      description: 'When it was decided to tell it.',
      resolve: (alert) => alert.decidedMs,
    }),
    attempts: t.exposeInt('attempts', { description: 'How often it was sent, or was about to be.' }),
    lastError: t.exposeString('lastError', { description: 'Why the last attempt has failed.' }),
    nextAttemptAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it is sent again; null when it is given up.',
      resolve: (alert) => alert.nextAttemptMs,
    }),
  }),
});
