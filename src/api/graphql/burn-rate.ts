import type { SloBurnRate } from '../../services/read-burn-rate.ts';
import { builder } from './builder.ts';
import { AlertSeverityEnum } from './enums.ts';

type ObjectiveBurnRate = SloBurnRate['objectives'][number];

const NpSloBurnRateWindow = builder
  .objectRef<ObjectiveBurnRate['windows'][number]>('NpSloBurnRateWindow')
  .implement({
    description: 'The burn over one window; null values where nothing was observed in it.',
    fields: (t) => ({
      window: t.exposeString('window', { description: "`5m` to `3d`, and the SLO's own, such as `28d`." }),
      burnRate: t.exposeFloat('burnRate', {
        nullable: true,
        description: 'How fast the budget was used; 1 uses it up exactly at the end of the window.',
      }),
      errorRatio: t.exposeFloat('errorRatio', { nullable: true, description: 'The share of bad, 0 to 1.' }),
      good: t.exposeFloat('good', {
        nullable: true,
        description: 'Good events; minutes where time slices count.',
      }),
      total: t.exposeFloat('total', {
        nullable: true,
        description: 'All events; minutes where time slices count.',
      }),
    }),
  });

const NpSloBurnRateAlert = builder
  .objectRef<ObjectiveBurnRate['alerts'][number]>('NpSloBurnRateAlert')
  .implement({
    description: 'A condition of the alert policy: it holds while both windows burn at least at `factor`.',
    fields: (t) => ({
      severity: t.field({
        type: AlertSeverityEnum,
        description: 'Whom it is for.',
        resolve: (a) => a.severity,
      }),
      longWindow: t.exposeString('longWindow', { description: 'Shows that the burn matters, such as `1h`.' }),
      shortWindow: t.exposeString('shortWindow', {
        description: 'Shows that it still goes on, such as `5m`.',
      }),
      factor: t.exposeFloat('factor', { description: 'The burn rate that both must reach.' }),
      holds: t.exposeBoolean('holds', { description: 'Whether both reach it.' }),
      firingSince: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'Since when the alert fires; null while it does not.',
        resolve: (a) => a.firingSinceMs,
      }),
    }),
  });

const NpSloObjectiveBurnRate = builder.objectRef<ObjectiveBurnRate>('NpSloObjectiveBurnRate').implement({
  description: 'How fast an objective uses its error budget.',
  fields: (t) => ({
    objective: t.exposeString('objective', { description: 'The name of the objective.' }),
    target: t.exposeFloat('target', { description: 'The target in force at that time.' }),
    burnRate: t.exposeFloat('burnRate', {
      nullable: true,
      description: 'Over the last hour; null when nothing was observed in it.',
    }),
    windows: t.field({
      type: [NpSloBurnRateWindow],
      description: "5m, 30m, 1h, 2h, 6h, 1d, 3d, and the SLO's own window.",
      resolve: (o) => o.windows,
    }),
    alerts: t.field({
      type: [NpSloBurnRateAlert],
      description: 'The conditions of the alert policy.',
      resolve: (o) => o.alerts,
    }),
  }),
});

export const NpSloBurnRate = builder.objectRef<SloBurnRate>('NpSloBurnRate').implement({
  description: 'How fast the objectives of an SLO use their error budgets.',
  fields: (t) => ({
    sloId: t.exposeID('sloId', { description: 'The SLO.' }),
    at: t.field({ type: 'DateTime', description: 'The time, a whole minute.', resolve: (b) => b.atMs }),
    objectives: t.field({
      type: [NpSloObjectiveBurnRate],
      description: 'One for each objective, in the order of the definition.',
      resolve: (b) => b.objectives,
    }),
  }),
});

builder.queryField('sloBurnRate', (t) =>
  t.field({
    type: NpSloBurnRate,
    nullable: true,
    complexity: 10,
    description: 'How fast an SLO uses its error budgets; null when there is no such SLO in the account.',
    args: {
      id: t.arg.id({ required: true, description: 'The UUID, or `project.name`.' }),
      at: t.arg({ type: 'DateTime', description: 'A time of the past; now when left out.' }),
    },
    resolve: async (_root, { id, at }, { batchers }) => {
      const slo = await batchers.slo(id);
      return slo === null ? null : batchers.burnRate(slo, at ?? undefined);
    },
  }),
);
