import type { Objective } from '../../slo/definition.ts';
import { builder } from './builder.ts';
import { ThresholdOpEnum } from './enums.ts';

export const NpSloObjective = builder.objectRef<Objective>('NpSloObjective').implement({
  description: 'What an SLO promises.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Unique in its SLO.' }),
    displayName: t.exposeString('displayName', { description: 'For people; may be empty.' }),
    target: t.exposeFloat('target', { description: 'The promised share of good, above 0 and below 1.' }),
    primary: t.exposeBoolean('primary', {
      description: 'Whether this one is shown where there is place for one.',
    }),
    timeSliceTarget: t.exposeFloat('timeSliceTarget', {
      nullable: true,
      description:
        'The share of good from which a time slice is good; null unless the SLO counts time slices.',
    }),
    op: t.field({
      type: ThresholdOpEnum,
      nullable: true,
      description: 'How a point is compared with `value`; null unless the SLI is a threshold.',
      resolve: (objective) => objective.op,
    }),
    value: t.exposeFloat('value', {
      nullable: true,
      description: 'What a point is compared with; null unless the SLI is a threshold.',
    }),
  }),
});
