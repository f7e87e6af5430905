import { formatDuration } from '../../lib/duration.ts';
import { formatRfc3339 } from '../../lib/rfc3339.ts';
import {
  type AdjustedSlo,
  addBudgetAdjustment,
  removeBudgetAdjustment,
} from '../../services/budget-adjustments.ts';
import type { BudgetAdjustment } from '../../slo/adjustment.ts';
import { builder } from './builder.ts';
import { NpSloError, type Payload, toPayload } from './payload-error.ts';
import { NpSlo } from './slo.ts';

const NpSloBudgetAdjustment = builder.objectRef<BudgetAdjustment>('NpSloBudgetAdjustment').implement({
  description: 'Minutes that count as if they never were, once or again and again.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'The UUID.' }),
    startsAt: t.field({
      type: 'DateTime',
      description: 'Where it begins, for the first time if it recurs.',
      resolve: (adjustment) => adjustment.startsAtMs,
    }),
    duration: t.string({
      description: 'How long it is, such as `30m`.',
      resolve: (adjustment) => formatDuration(adjustment.durationMs),
    }),
    rrule: t.exposeString('rrule', { nullable: true, description: 'How it recurs; null for once.' }),
    timeZone: t.exposeString('timeZone', { description: 'In whose time it recurs.' }),
    reason: t.exposeString('reason', { description: 'For people; may be empty.' }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was added.',
      resolve: (adjustment) => adjustment.createdAtMs,
    }),
  }),
});

builder.objectField(NpSlo, 'adjustments', (t) =>
  t.field({
    type: [NpSloBudgetAdjustment],
    description: 'Minutes that count as if they never were.',
    resolve: (slo) => slo.adjustments,
  }),
);

const NpSloBudgetAdjustmentInput = builder.inputType('NpSloBudgetAdjustmentInput', {
  description: 'Minutes to take out of the budget, in the past or in the future.',
  fields: (t) => ({
    startsAt: t.field({
      type: 'DateTime',
      required: true,
      description: 'Where it begins, for the first time if it recurs; a whole minute.',
    }),
    duration: t.string({
      required: true,
      description: 'How long it is, in whole minutes: `30m`, `2h`, `1d`.',
    }),
    rrule: t.string({
      description:
        'How it recurs, hourly at most, such as `FREQ=WEEKLY;BYDAY=SU`: in the time zone of a calendar window, else in UTC.',
    }),
    reason: t.string({ description: 'For people.' }),
  }),
});

const NpSloBudgetAdjustmentPayload = builder
  .objectRef<Payload<AdjustedSlo>>('NpSloBudgetAdjustmentPayload')
  .implement({
    description: 'The adjustment and its SLO as it now is, or why it could not be written.',
    fields: (t) => ({
      adjustment: t.field({
        type: NpSloBudgetAdjustment,
        nullable: true,
        description: 'What was added or removed; null when there are errors.',
        resolve: (payload) => payload.result?.adjustment,
      }),
      slo: t.field({
        type: NpSlo,
        nullable: true,
        description: 'Null when there are errors.',
        resolve: (payload) => payload.result?.slo,
      }),
      errors: t.field({
        type: [NpSloError],
        description: 'Empty when all went well.',
        resolve: (payload) => payload.errors,
      }),
    }),
  });

builder.mutationFields((t) => ({
  addBudgetAdjustment: t.field({
    type: NpSloBudgetAdjustmentPayload,
    description: 'Takes minutes out of the budget as if they never were; what came in for them is kept.',
    args: {
      sloId: t.arg.id({ required: true, description: 'The UUID, or `project.name`.' }),
      input: t.arg({ type: NpSloBudgetAdjustmentInput, required: true, description: 'The minutes.' }),
    },
    resolve: (_root, { sloId, input }, { services: ctx }) =>
      toPayload(() => {
        const { startsAt, ...rest } = input;
        const body = { ...rest, starts_at: formatRfc3339(startsAt) };
        return addBudgetAdjustment({ ctx, input: { id: sloId, body } });
      }),
  }),
  removeBudgetAdjustment: t.field({
    type: NpSloBudgetAdjustmentPayload,
    description: 'Puts back what an adjustment has taken out.',
    args: {
      sloId: t.arg.id({ required: true, description: 'The UUID, or `project.name`.' }),
      id: t.arg.id({ required: true, description: 'The UUID of the adjustment.' }),
    },
    resolve: (_root, { sloId, id }, { services: ctx }) =>
      toPayload(() => removeBudgetAdjustment({ ctx, input: { id: sloId, adjustmentId: id } })),
  }),
}));
