import { formatRfc3339 } from '../../../lib/rfc3339.ts';
import type { LiveSlo } from '../../../services/live-slo.ts';
import type { LiveEvent } from '../../../services/status-channel.ts';
import type { SloState } from '../../../slo/definition.ts';
import { type FiringAlert, firingAlerts } from '../../../slo/firing-alerts.ts';
import type { ServerSentEvent } from '../../event-stream.ts';

/** What one stream has told of an SLO. */
interface Told {
  readonly state: SloState;
  readonly all: string;
  readonly alerts: ReadonlyMap<string, FiringAlert>;
}

/**
 * Turns what is heard of SLOs into the events of one stream: the state of each at first, and from then on when
 * it or an objective's has become another; and which of its alerts fire at first, and then which begin to fire and
 * which have resolved. Answers null for what a stream has nothing to say about.
 */
export function createLiveEvents(): (event: LiveEvent) => readonly ServerSentEvent[] | null {
  const told = new Map<string, Told>();
  return ({ type, live }) => {
    const { slo, status } = live;
    const id = formatRfc3339(status.atMs);
    switch (type) {
      case 'removed':
        told.delete(slo.id);
        return [{ event: 'removed', id, data: nameOf(live) }];
      case 'status': {
        const before = told.get(slo.id);
        const all = status.objectives.map(({ objective, state }) => `${objective}=${state}`).join();
        const alerts = new Map(
          firingAlerts(slo).map((alert) => [`${alert.objective ?? ''}/${alert.condition}`, alert]),
        );
        told.set(slo.id, { state: status.state, all, alerts });
        const events: ServerSentEvent[] =
          before?.state === status.state && before.all === all
            ? []
            : [{ event: 'state', id, data: stateToWire(live, before?.state ?? null) }];
        const changes = alertChanges(before?.alerts ?? new Map(), alerts);
        events.push(...changes.map((change) => ({ event: 'alert', id, data: alertToWire(live, change) })));
        return events.length === 0 ? null : events;
      }
    }
  };
}

interface AlertChange {
  readonly alert: FiringAlert;
  readonly state: 'firing' | 'resolved';
}

/** What is told of an alert that is known to fire: that late data has moved its start, or that its silence is over. */
function alertChanges(
  before: ReadonlyMap<string, FiringAlert>,
  after: ReadonlyMap<string, FiringAlert>,
): AlertChange[] {
  const resolved = [...before].flatMap(([key, alert]): AlertChange[] =>
    after.has(key) ? [] : [{ alert, state: 'resolved' }],
  );
  const firing = [...after].flatMap(([key, alert]): AlertChange[] => {
    const known = before.get(key);
    return known?.sinceMs === alert.sinceMs && known.told === alert.told ? [] : [{ alert, state: 'firing' }];
  });
  return [...resolved, ...firing];
}

function alertToWire(live: LiveSlo, { alert, state }: AlertChange) {
  return {
    ...nameOf(live),
    service: live.slo.service,
    labels: live.slo.labels,
    objective: alert.objective,
    condition: alert.condition,
    severity: alert.severity,
    state,
    firing_since: formatRfc3339(alert.sinceMs),
    told: alert.told,
    at: formatRfc3339(live.status.atMs),
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
