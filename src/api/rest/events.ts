import { z } from 'zod';
import { filterMap } from '../../lib/filter-map.ts';
import { watchInputSchema, watchStatuses } from '../../services/watch-statuses.ts';
import { eventStream } from '../event-stream.ts';
import { actorEndpoint, type Endpoint } from './endpoint.ts';
import { createLiveEvents } from './wire/live-event.ts';

const query = z.strictObject({
  project: watchInputSchema.shape.project,
  slo_id: watchInputSchema.shape.ids.meta({
    description: 'Only these, each the UUID or `project.name`; may be given more than once.',
  }),
});

export const eventEndpoints: readonly Endpoint[] = [
  actorEndpoint({
    method: 'get',
    path: '/api/v1/events',
    operationId: 'getEvents',
    summary: 'What happens to SLOs, as server-sent events',
    description:
      '`state`: how an SLO stands, for each one at the start and then whenever its state or that of an objective ' +
      'becomes another. `alert`: an alert of an SLO fires, at the start and when it begins, or has resolved. ' +
      '`removed`: an SLO is gone. Comments in between keep the connection open. It ends with the ' +
      'credentials, and when the service stops; who connects again is told how each SLO stands by then.',
    query,
    answer: { status: 200, description: 'The events.', content: { 'text/event-stream': null } },
    errors: [404],
    async handle({ ctx, request, server, query: { project, slo_id: ids } }) {
      if (request.method === 'HEAD') return eventStream(null);
      const events = await watchStatuses({ ctx, hub: server.hub, input: { ids, project } });
      return eventStream(filterMap(events, createLiveEvents()));
    },
  }),
];
