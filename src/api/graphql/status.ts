import type { ComponentStatus } from '../../services/composite-at.ts';
import type { SloStatus } from '../../services/read-status.ts';
import { builder } from './builder.ts';
import { SloStateEnum } from './enums.ts';

type ObjectiveStatus = SloStatus['objectives'][number];

const NpSloWindow = builder.objectRef<ObjectiveStatus['window']>('NpSloWindow').implement({
  description: 'The span of time that a status looks back on.',
  fields: (t) => ({
    start: t.field({ type: 'DateTime', description: 'Where it begins.', resolve: (w) => w.startMs }),
    end: t.field({
      type: 'DateTime',
      description: 'The time of the status for a rolling window, the end of the period for a calendar one.',
      resolve: (w) => w.endMs,
    }),
  }),
});

const NpSloComponentStatus = builder.objectRef<ComponentStatus>('NpSloComponentStatus').implement({
  description: 'A component of a composite as it stands at a time.',
  fields: (t) => ({
    project: t.exposeString('project', { description: 'The project of its SLO.' }),
    slo: t.exposeString('slo', { description: 'The name of its SLO.' }),
    objective: t.exposeString('objective', { description: 'The objective of that SLO.' }),
    weight: t.float({
      description: 'As configured; 0 for one that was taken out but is in the window.',
      resolve: (component) => (component.isCurrent ? component.weight : 0),
    }),
    impact: t.exposeFloat('impact', {
      nullable: true,
      description: "The share of the composite's error budget that it has used up.",
    }),
    delaySeconds: t.exposeFloat('delaySeconds', {
      nullable: true,
      description: 'How far its newest data is behind the newest of any component.',
    }),
    wasDelayed: t.exposeFloat('wasDelayed', {
      nullable: true,
      description:
        'In the newest minute decided on: 0 used, 1 counted as good, 2 counted as bad, 3 ignored or left out.',
    }),
  }),
});

const NpSloObjectiveStatus = builder.objectRef<ObjectiveStatus>('NpSloObjectiveStatus').implement({
  description:
    'How an objective stands. Where nothing was observed in the window, reliability, budget and counts are null, never 0.',
  fields: (t) => ({
    objective: t.exposeString('objective', { description: 'The name of the objective.' }),
    state: t.field({ type: SloStateEnum, description: 'How it stands.', resolve: (s) => s.state }),
    target: t.exposeFloat('target', { description: 'The target in force at that time.' }),
    reliability: t.exposeFloat('reliability', {
      nullable: true,
      description: 'The share of good in the window, 0 to 1.',
    }),
    budget: t.exposeFloat('budget', {
      nullable: true,
      description: 'The share of the error budget that is left: 1 untouched, 0 spent, negative overspent.',
    }),
    burnRate: t.exposeFloat('burnRate', {
      nullable: true,
      description: 'How fast the last hour used the budget; 1 uses it up exactly at the end of the window.',
    }),
    countGood: t.exposeFloat('countGood', {
      nullable: true,
      description: 'Good events in the window; minutes where time slices count.',
    }),
    countTotal: t.exposeFloat('countTotal', {
      nullable: true,
      description: 'All events in the window; minutes where time slices count.',
    }),
    badAllowed: t.exposeFloat('badAllowed', {
      nullable: true,
      description: 'The whole error budget, as events or minutes.',
    }),
    badUsed: t.exposeFloat('badUsed', {
      nullable: true,
      description: 'What of the error budget is used, as events or minutes.',
    }),
    budgetMinutesRemaining: t.exposeFloat('budgetMinutesRemaining', {
      nullable: true,
      description: 'The remaining budget as minutes of full outage.',
    }),
    timeToExhaustionSeconds: t.exposeFloat('timeToExhaustionSeconds', {
      nullable: true,
      description:
        'Seconds until the budget is spent at the burn rate of the last hour; 0 when it is, null when it will not be.',
    }),
    window: t.field({
      type: NpSloWindow,
      description: 'What this status looks back on.',
      resolve: (s) => s.window,
    }),
    components: t.field({
      type: [NpSloComponentStatus],
      nullable: true,
      description: 'Of a composite: what it is made of; null for other SLOs.',
      resolve: (s) => s.components,
    }),
    lastDataAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'The newest minute with data.',
      resolve: (s) => s.lastDataAtMs,
    }),
  }),
});

export const NpSloStatus = builder.objectRef<SloStatus>('NpSloStatus').implement({
  description: 'How an SLO stands at a time.',
  fields: (t) => ({
    at: t.field({ type: 'DateTime', description: 'The time, a whole minute.', resolve: (s) => s.atMs }),
    state: t.field({
      type: SloStateEnum,
      description: 'The state of the worst objective.',
      resolve: (s) => s.state,
    }),
    objectives: t.field({
      type: [NpSloObjectiveStatus],
      description: 'One for each objective, in the order of the definition.',
      resolve: (s) => s.objectives,
    }),
  }),
});
