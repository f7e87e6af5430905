import { parseDuration } from '../../lib/duration.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { Snapshot } from '../../services/list-snapshots.ts';
import { listSnapshots } from '../../services/list-snapshots.ts';
import type { Slo } from '../../slo/definition.ts';
import { builder } from './builder.ts';
import type { GraphqlContext } from './context.ts';
import { SloStateEnum } from './enums.ts';
import { given } from './given.ts';

export const NpSloSnapshot = builder.objectRef<Snapshot>('NpSloSnapshot').implement({
  description: 'The status of an objective at a minute of the past, true to the data known now.',
  fields: (t) => ({
    at: t.field({ type: 'DateTime', description: 'The end of the minute.', resolve: (s) => s.atMs }),
    objective: t.exposeString('objective', { description: 'The name of the objective.' }),
    target: t.exposeFloat('target', { description: 'The target in force then.' }),
    reliability: t.exposeFloat('reliability', {
      nullable: true,
      description: 'The share of good in the window, 0 to 1.',
    }),
    budget: t.exposeFloat('budget', {
      nullable: true,
      description: 'The share of the error budget that was left: 1 untouched, 0 spent, negative overspent.',
    }),
    burnRate: t.exposeFloat('burnRate', {
      nullable: true,
      description: 'How fast the hour before used the budget.',
    }),
    countGood: t.exposeFloat('countGood', {
      nullable: true,
      description: 'Good events in the window; minutes where time slices count.',
    }),
    countTotal: t.exposeFloat('countTotal', {
      nullable: true,
      description: 'All events in the window; minutes where time slices count.',
    }),
    adjusted: t.exposeBoolean('adjusted', {
      description: 'Whether the minute counts as if it never was, by a budget adjustment.',
    }),
    state: t.field({ type: SloStateEnum, description: 'How it stood.', resolve: (s) => s.state }),
    receivedGood: t.exposeFloat('receivedGood', {
      nullable: true,
      description: 'What came in for the minute as good; of a counter the last value.',
    }),
    receivedBad: t.exposeFloat('receivedBad', {
      nullable: true,
      description: 'What came in for the minute as bad; of a counter the last value.',
    }),
    receivedTotal: t.exposeFloat('receivedTotal', {
      nullable: true,
      description: 'What came in for the minute in all; of a counter the last value.',
    }),
    usedGood: t.exposeFloat('usedGood', {
      nullable: true,
      description: 'What of the minute enters the budget as good.',
    }),
    usedTotal: t.exposeFloat('usedTotal', {
      nullable: true,
      description: 'What of the minute enters the budget in all.',
    }),
  }),
});

const ASSUMED_SNAPSHOTS = 100;
const READ_COST = 200;

/** What a field of snapshots costs: a statement, and the rows that it may bring. */
export function snapshotsCost({ limit }: { limit?: number | null | undefined }): {
  field: number;
  multiplier: number;
} {
  return { field: READ_COST, multiplier: limit ?? ASSUMED_SNAPSHOTS };
}

export const snapshotArgs = builder.args((t) => ({
  objective: t.string({ description: 'Only this objective, by name.' }),
  from: t.field({ type: 'DateTime', description: 'The first minute.' }),
  to: t.field({ type: 'DateTime', description: 'The last minute.' }),
  step: t.string({
    description: 'A duration of a minute or more, such as `1h`: only the last snapshot in each step.',
  }),
  limit: t.int({ description: 'At most so many.' }),
}));

interface SnapshotArgs {
  readonly objective?: string | null | undefined;
  readonly from?: number | null | undefined;
  readonly to?: number | null | undefined;
  readonly step?: string | null | undefined;
  readonly limit?: number | null | undefined;
}

/** The snapshots of an SLO, newest last. */
export async function readSnapshots(
  slo: Slo,
  { objective, from, to, step, limit }: SnapshotArgs,
  { batchers, services }: GraphqlContext,
): Promise<readonly Snapshot[]> {
  const input = {
    slo,
    ...given({ objective, fromMs: from, toMs: to, stepMs: stepMs(step), limit }),
  };
  return (await batchers.gate(() => listSnapshots({ ctx: services, input }))).items;
}

function stepMs(step: string | null | undefined): number | null {
  if (step === null || step === undefined) return null;
  const ms = parseDuration(step);
  if (ms !== null) return ms;
  const message = 'must be a duration, such as "5m" or "1h"';
  throw new ServiceError('invalid', `step ${message}.`, { details: [{ path: 'step', message }] });
}

builder.queryField('sloSnapshots', (t) =>
  t.field({
    type: [NpSloSnapshot],
    complexity: snapshotsCost,
    description: 'The history of an SLO, newest last; empty when there is no such SLO in the account.',
    args: {
      sloId: t.arg.id({ required: true, description: 'The UUID, or `project.name`.' }),
      ...snapshotArgs,
    },
    resolve: async (_root, { sloId, ...range }, context) => {
      const slo = await context.batchers.slo(sloId);
      return slo === null ? [] : readSnapshots(slo, range, context);
    },
  }),
);
