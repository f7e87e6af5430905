import { filterMap } from '../../lib/filter-map.ts';
import type { LiveEvent } from '../../services/status-channel.ts';
import { watchStatuses } from '../../services/watch-statuses.ts';
import { builder } from './builder.ts';
import { NpSlo, type ShownSlo } from './slo.ts';

builder.subscriptionField('sloStatusChanged', (t) =>
  t.field({
    type: NpSlo,
    complexity: 10,
    description:
      'How SLOs stand: at once, and then within two seconds of each change, the latest where one reads slowly. Ends with the credentials, and when every SLO that was named is gone.',
    args: {
      ids: t.arg.idList({
        description: 'Each the UUID, or `project.name`; all SLOs when left out, those to come included.',
      }),
      project: t.arg.string({ description: 'Only those of this project.' }),
    },
    subscribe: async (_root, { ids, project }, { services, hub }) => {
      const input = { ids: ids?.map(String) ?? undefined, project: project ?? undefined };
      return filterMap(await watchStatuses({ ctx: services, hub, input }), standing);
    },
    resolve: (slo) => slo,
  }),
);

/** That an SLO is gone cannot be said by an SLO. */
function standing(event: LiveEvent): ShownSlo | null {
  switch (event.type) {
    case 'status':
      return { ...event.live.slo, live: event.live };
    case 'removed':
      return null;
  }
}
