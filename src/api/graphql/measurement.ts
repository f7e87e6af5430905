import { recordMeasurements } from '../../services/record-measurements.ts';
import { builder } from './builder.ts';
import { given } from './given.ts';
import { NpSloError, type Payload, toPayload } from './payload-error.ts';

const NpSloPointInput = builder.inputType('NpSloPointInput', {
  description:
    'A measurement. A ratio takes two of good, total and bad; a threshold takes a value. Null is the same as left out.',
  fields: (t) => ({
    at: t.field({ type: 'DateTime', required: true, description: 'When it was measured.' }),
    good: t.float({ description: 'Good events in that minute.' }),
    total: t.float({ description: 'All events in that minute.' }),
    bad: t.float({ description: 'Bad events in that minute.' }),
    value: t.float({ description: 'What was measured.' }),
    objective: t.string({ description: 'For one objective only, by name; for all when left out.' }),
  }),
});

const NpSloRecordPayload = builder
  .objectRef<Payload<{ readonly accepted: number }>>('NpSloRecordPayload')
  .implement({
    description: 'How much was stored, or why nothing was.',
    fields: (t) => ({
      accepted: t.int({
        nullable: true,
        description: 'How many points were stored; null when there are errors, since then none was.',
        resolve: (payload) => payload.result?.accepted,
      }),
      errors: t.field({
        type: [NpSloError],
        description: 'One for each bad point; empty when all went well.',
        resolve: (payload) => payload.errors,
      }),
    }),
  });

builder.mutationField('recordMeasurements', (t) =>
  t.field({
    type: NpSloRecordPayload,
    description: 'Stores up to 10,000 points, all or none. A minute that comes again is replaced.',
    args: {
      sloId: t.arg.id({ required: true, description: 'The UUID, or `project.name`.' }),
      points: t.arg({ type: [NpSloPointInput], required: true, description: 'The measurements.' }),
    },
    resolve: (_root, { sloId, points }, { services: ctx }) =>
      toPayload(() => {
        const body = {
          points: points.map(({ at, ...point }) => ({ ...given(point), at: new Date(at).toISOString() })),
        };
        return recordMeasurements({ ctx, input: { id: sloId, body } });
      }),
  }),
);
