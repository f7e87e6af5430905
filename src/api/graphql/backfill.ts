import type { Backfill } from '../../slo/pull-state.ts';
import { builder } from './builder.ts';

type BackfillState = 'running' | 'done' | 'cancelled';

const BackfillStateEnum = builder.enumType('NpSloBackfillState', {
  description: 'How the reading of a past range stands.',
  values: {
    RUNNING: { value: 'running' as const, description: 'It goes on, or waits to be tried again.' },
    DONE: { value: 'done' as const, description: 'All of it was read.' },
    CANCELLED: { value: 'cancelled' as const, description: 'It was ended before; what was read stays.' },
  },
});

function stateOf({ finishedAtMs, nextMs, toMs }: Backfill): BackfillState {
  if (finishedAtMs === null) return 'running';
  return nextMs >= toMs ? 'done' : 'cancelled';
}

/** The reading of a past range of an SLO's source. */
export const NpSloBackfill = builder.objectRef<Backfill>('NpSloBackfill').implement({
  description: "The reading of a past range of an SLO's source.",
  fields: (t) => ({
    state: t.field({ type: BackfillStateEnum, description: 'How it stands.', resolve: stateOf }),
    from: t.field({ type: 'DateTime', description: 'Start of the range.', resolve: ({ fromMs }) => fromMs }),
    to: t.field({ type: 'DateTime', description: 'End of the range.', resolve: ({ toMs }) => toMs }),
    position: t.field({
      type: 'DateTime',
      description: 'All minutes of the range before are read.',
      resolve: ({ nextMs }) => nextMs,
    }),
    progress: t.float({
      description: 'From 0 to 1.',
      resolve: ({ fromMs, toMs, nextMs }) => (nextMs - fromMs) / (toMs - fromMs),
    }),
    minutes: t.exposeInt('minutes', { description: 'Minutes for which there was something to store.' }),
    lastError: t.exposeString('lastError', {
      nullable: true,
      description: 'Why it does not go on; it is tried again.',
    }),
    requestedAt: t.field({
      type: 'DateTime',
      description: 'When it was asked for.',
      resolve: ({ requestedAtMs }) => requestedAtMs,
    }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it ended.',
      resolve: ({ finishedAtMs }) => finishedAtMs,
    }),
  }),
});
