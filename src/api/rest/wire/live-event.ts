import { formatRfc3339 } from '../../../lib/rfc3339.ts';
import type { LiveSlo } from '../../../services/live-slo.ts';
import type { LiveEvent } from '../../../services/status-channel.ts';
import type { SloState } from '../../../slo/definition.ts';
import type { ServerSentEvent } from '../../event-stream.ts';

/**
 * Turns what is heard of SLOs into the events of one stream: the state of each at first, and from then on when
 * it or an objective's has become another. Answers null for what a stream of states has nothing to say about.
 */
export function createStateEvents(): (event: LiveEvent) => ServerSentEvent | null {
  const told = new Map<string, { readonly state: SloState; readonly all: string }>();
  return ({ type, live }) => {
    const { slo, status } = live;
    const id = formatRfc3339(status.atMs);
    switch (type) {
      case 'removed':
        told.delete(slo.id);
        return { event: 'removed', id, data: nameOf(live) };
      case 'status': {
        const before = told.get(slo.id);
        const all = status.objectives.map(({ objective, state }) => `${objective}=${state}`).join();
        if (before?.state === status.state && before.all === all) return null;
        told.set(slo.id, { state: status.state, all });
        return { event: 'state', id, data: stateToWire(live, before?.state ?? null) };
      }
    }
  };
}

const nameOf = ({ slo: { id, project, name } }: LiveSlo) => ({ slo_id: id, project, slo: name });

function stateToWire(live: LiveSlo, previousState: SloState | null) {
  const { slo, status } = live;
  return {
    ...nameOf(live),
    service: slo.service,
    labels: slo.labels,
    state: status.state,
    previous_state: previousState,
    at: formatRfc3339(status.atMs),
    objectives: status.objectives.map(({ objective, state, reliability, budget, burnRate }) => ({
      objective,
      state,
      reliability,
      budget,
      burn_rate: burnRate,
    })),
  };
}
