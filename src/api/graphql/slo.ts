import { formatDuration } from '../../lib/duration.ts';
import { listSlos } from '../../services/list-slos.ts';
import type { LiveSlo } from '../../services/live-slo.ts';
import { neverFiresWarnings } from '../../slo/alerting.ts';
import type { Slo } from '../../slo/definition.ts';
import { definitionToWire } from '../../slo/definition-schema.ts';
import { firingAlerts } from '../../slo/firing-alerts.ts';
import { lagSeconds } from '../../slo/pull.ts';
import { undeliveredAlerts } from '../../slo/undelivered-alerts.ts';
import { NpSloAlert } from './alert.ts';
import { NpSloBackfill } from './backfill.ts';
import { builder } from './builder.ts';
import { NpSloBurnRate } from './burn-rate.ts';
import { BudgetingMethodEnum, SloStateEnum, SortEnum } from './enums.ts';
import { given } from './given.ts';
import { NpSloObjective } from './objective.ts';
import { NpSloSnapshot, readSnapshots, snapshotArgs, snapshotsCost } from './snapshot.ts';
import { NpSloStatus } from './status.ts';
import { NpSloUndeliveredAlert } from './undelivered-alert.ts';

/** `live`: read already, with the status of now, for all who watch it. */
export interface ShownSlo extends Slo {
  readonly live?: LiveSlo;
}

export const NpSlo = builder.objectRef<ShownSlo>('NpSlo').implement({
  description: 'A service level objective: what is measured, over which window, and what is promised.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'A UUID.' }),
    sourceAccountId: t.exposeString('accountId', { description: 'The account that owns it.' }),
    project: t.exposeString('project', { description: 'What it is filed under.' }),
    name: t.exposeString('name', { description: 'Unique in its project.' }),
    displayName: t.exposeString('displayName', { nullable: true, description: 'For people; may be empty.' }),
    description: t.exposeString('description', { description: 'For people; may be empty.' }),
    service: t.exposeString('service', { description: 'The service that it is about.' }),
    labels: t.field({ type: 'JSON', description: 'Text by name.', resolve: (slo) => slo.labels }),
    budgetingMethod: t.field({
      type: BudgetingMethodEnum,
      description: 'How bad minutes use up the error budget.',
      resolve: (slo) => slo.budgetingMethod,
    }),
    timeSliceWindow: t.string({
      nullable: true,
      description: 'The length of a time slice, such as `5m`; null unless the SLO counts time slices.',
      resolve: (slo) => (slo.budgetingMethod === 'timeslices' ? formatDuration(slo.sliceMs) : null),
    }),
    timeWindow: t.field({
      type: 'JSON',
      description:
        'As in the REST API: `{"type": "rolling", "duration": "28d"}`, or a calendar one with `unit`, `count`, `time_zone` and `start`.',
      resolve: (slo) => definitionToWire(slo).time_window,
    }),
    sli: t.field({
      type: 'JSON',
      description:
        'What is measured, as in the REST API: `{"type": "ratio", "source": {"type": "push"}}` and more.',
      resolve: (slo) => definitionToWire(slo).sli,
    }),
    alertPolicy: t.field({
      type: 'JSON',
      description: 'When to alert, as in the REST API: `{"conditions": "default"}`.',
      resolve: (slo) => definitionToWire(slo).alert_policy,
    }),
    objectives: t.field({
      type: [NpSloObjective],
      description: 'What is promised; at least one.',
      resolve: (slo) => slo.objectives,
    }),
    alerts: t.field({
      type: [NpSloAlert],
      description: 'The alerts that fired at the last evaluation.',
      resolve: firingAlerts,
    }),
    undeliveredAlerts: t.field({
      type: [NpSloUndeliveredAlert],
      description: 'Changes of its alerts that a receiver has not taken, oldest first.',
      resolve: (slo, _args, { services }) => undeliveredAlerts(slo, services.clock.now()),
    }),
    state: t.field({
      type: SloStateEnum,
      description: 'How it stood at the last evaluation.',
      resolve: (slo) => slo.state,
    }),
    warnings: t.stringList({
      description: 'What is allowed but hardly meant, such as an alert that can never fire.',
      resolve: (slo, _args, { services }) => neverFiresWarnings(slo, services.clock.now()),
    }),
    status: t.field({
      type: NpSloStatus,
      complexity: 5,
      description: 'How it stands.',
      args: { at: t.arg({ type: 'DateTime', description: 'A time of the past; now when left out.' }) },
      resolve: (slo, { at }, { batchers }) =>
        (at ? undefined : slo.live?.status) ?? batchers.status(slo, at ?? undefined),
    }),
    burnRate: t.field({
      type: NpSloBurnRate,
      complexity: 10,
      description: 'How fast it uses its error budgets.',
      args: { at: t.arg({ type: 'DateTime', description: 'A time of the past; now when left out.' }) },
      resolve: (slo, { at }, { batchers }) =>
        (at ? undefined : slo.live?.burnRate()) ?? batchers.burnRate(slo, at ?? undefined),
    }),
    snapshots: t.field({
      type: [NpSloSnapshot],
      complexity: snapshotsCost,
      description: 'Its history, newest last.',
      args: snapshotArgs,
      resolve: readSnapshots,
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was created.',
      resolve: (slo) => slo.createdAtMs,
    }),
    updatedAt: t.field({
      type: 'DateTime',
      description: 'When its definition last changed.',
      resolve: (slo) => slo.updatedAtMs,
    }),
    lastPulledAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When its source last answered; null without a source to read.',
      resolve: (slo) => slo.pull?.lastPulledAtMs,
    }),
    lagSeconds: t.float({
      nullable: true,
      description: 'How far what was read of its source is behind now.',
      resolve: (slo, _args, { services }) => lagSeconds(slo.pull, services.clock.now()),
    }),
    backfill: t.field({
      type: NpSloBackfill,
      nullable: true,
      description: 'The last reading of a past range of its source.',
      resolve: (slo) => slo.backfill,
    }),
    lastError: t.string({
      nullable: true,
      description: 'What is wrong with its source; null when all is well.',
      resolve: (slo) => slo.pull?.lastError,
    }),
  }),
});

interface Page {
  readonly items: readonly Slo[];
  readonly total: number;
}

const NpSloPage = builder.objectRef<Page>('NpSloPage').implement({
  description: 'A part of a list of SLOs.',
  fields: (t) => ({
    items: t.field({
      type: [NpSlo],
      complexity: { field: 1, multiplier: 1 },
      description: 'The SLOs of this part.',
      resolve: (page) => page.items,
    }),
    total: t.exposeInt('total', { description: 'How many there are in all.' }),
  }),
});

const NpSloFilter = builder.inputType('NpSloFilter', {
  description: 'Which SLOs to list; all that is given must hold.',
  fields: (t) => ({
    project: t.string({ description: 'In this project.' }),
    service: t.string({ description: 'About this service.' }),
    state: t.field({ type: SloStateEnum, description: 'In this state.' }),
    label: t.stringList({ description: 'With all of these labels, each as `team=payments`.' }),
    q: t.string({ description: 'With this text in the name or display name.' }),
  }),
});

const DEFAULT_LIMIT = 100;

builder.queryFields((t) => ({
  slo: t.field({
    type: NpSlo,
    nullable: true,
    description: 'One SLO; null when there is none such in the account.',
    args: { id: t.arg.id({ required: true, description: 'The UUID, or `project.name`.' }) },
    resolve: (_root, { id }, { batchers }) => batchers.slo(id),
  }),
  slos: t.field({
    type: NpSloPage,
    complexity: ({ limit }) => ({ field: 10, multiplier: limit ?? DEFAULT_LIMIT }),
    description: 'The SLOs of the account.',
    args: {
      filter: t.arg({ type: NpSloFilter, description: 'Which ones; all when left out.' }),
      limit: t.arg.int({ description: 'At most so many: 1 to 1000, 100 when left out.' }),
      offset: t.arg.int({ description: 'How many to skip; none when left out.' }),
      sort: t.arg({ type: SortEnum, description: 'In which order; by project when left out.' }),
    },
    resolve: (_root, { filter, ...page }, { batchers, services }) =>
      batchers.gate(() => listSlos({ ctx: services, input: given({ ...filter, ...page }) })),
  }),
}));
