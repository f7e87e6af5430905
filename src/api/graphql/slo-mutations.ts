import { cancelBackfill, startBackfill } from '../../services/backfill.ts';
import { createSlo } from '../../services/create-slo.ts';
import { deleteSlo } from '../../services/delete-slo.ts';
import { updateSlo } from '../../services/update-slo.ts';
import type { Slo } from '../../slo/definition.ts';
import { builder } from './builder.ts';
import { given } from './given.ts';
import { NpSloError, type Payload, toPayload } from './payload-error.ts';
import { NpSlo } from './slo.ts';
import { inputToWire, NpSloInput, NpSloPatch } from './slo-input.ts';

const NpSloPayload = builder.objectRef<Payload<Slo>>('NpSloPayload').implement({
  description: 'The SLO as it now is, or why it could not be written.',
  fields: (t) => ({
    slo: t.field({
      type: NpSlo,
      nullable: true,
      description: 'Null when there are errors.',
      resolve: (payload) => payload.result,
    }),
    errors: t.field({
      type: [NpSloError],
      description: 'Empty when all went well.',
      resolve: (payload) => payload.errors,
    }),
  }),
});

const NpSloDeletePayload = builder
  .objectRef<Payload<{ readonly id: string }>>('NpSloDeletePayload')
  .implement({
    description: 'What was deleted, or why it could not be.',
    fields: (t) => ({
      deletedId: t.id({
        nullable: true,
        description: 'The UUID of what is gone; null when there are errors.',
        resolve: (payload) => payload.result?.id,
      }),
      errors: t.field({
        type: [NpSloError],
        description: 'Empty when all went well.',
        resolve: (payload) => payload.errors,
      }),
    }),
  });

builder.mutationFields((t) => ({
  createSlo: t.field({
    type: NpSloPayload,
    description: 'Defines an SLO.',
    args: { input: t.arg({ type: NpSloInput, required: true, description: 'The definition.' }) },
    resolve: (_root, { input }, { services: ctx }) =>
      toPayload(() => createSlo({ ctx, input: inputToWire(input) })),
  }),
  updateSlo: t.field({
    type: NpSloPayload,
    description: 'Changes an SLO.',
    args: {
      id: t.arg.id({ required: true, description: 'The UUID, or `project.name`.' }),
      patch: t.arg({ type: NpSloPatch, required: true, description: 'What to change.' }),
    },
    resolve: (_root, { id, patch }, { services: ctx }) =>
      toPayload(() => updateSlo({ ctx, input: { id, patch: inputToWire(patch) } })),
  }),
  backfillSlo: t.field({
    type: NpSloPayload,
    description:
      "Reads a past range of the SLO's source, in the background; `backfill` of the SLO says how far it has come.",
    args: {
      id: t.arg.id({ required: true, description: 'The UUID, or `project.name`.' }),
      from: t.arg({ type: 'DateTime', required: true, description: 'Start of the range.' }),
      to: t.arg({ type: 'DateTime', description: 'End of the range; now when left out.' }),
    },
    resolve: (_root, { id, from: fromMs, to }, { services: ctx }) =>
      toPayload(() => startBackfill({ ctx, input: { id, fromMs, ...given({ toMs: to }) } })),
  }),
  cancelSloBackfill: t.field({
    type: NpSloPayload,
    description: 'Ends the reading of a past range; what was read stays.',
    args: { id: t.arg.id({ required: true, description: 'The UUID, or `project.name`.' }) },
    resolve: (_root, { id }, { services: ctx }) => toPayload(() => cancelBackfill({ ctx, input: { id } })),
  }),
  deleteSlo: t.field({
    type: NpSloDeletePayload,
    description: 'Deletes an SLO with all its measurements, snapshots and reports.',
    args: { id: t.arg.id({ required: true, description: 'The UUID, or `project.name`.' }) },
    resolve: (_root, { id }, { services: ctx }) => toPayload(() => deleteSlo({ ctx, input: { id } })),
  }),
}));
