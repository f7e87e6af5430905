import { filterMap } from '../../lib/filter-map.ts';
import type { LiveSlo } from '../../services/live-slo.ts';
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
      return shown(event.live);
    case 'removed':
      return null;
  }
}

const shownSlos = new WeakMap<LiveSlo, ShownSlo>();

/** The same object for all who watch, which tells that their results may be shared. */
function shown(live: LiveSlo): ShownSlo {
  const known = shownSlos.get(live);
  if (known !== undefined) return known;
  const slo = { ...live.slo, live };
  shownSlos.set(live, slo);
  return slo;
}
