import type { AlertMessage } from '../slo/alert-message.ts';
import { nextDueMs } from '../slo/alert-message.ts';
import type { AlertStates } from '../slo/alert-state.ts';
import type { Slo } from '../slo/definition.ts';
import type { Tx } from './client.ts';

type SloKey = Pick<Slo, 'accountId' | 'id'>;

/** What is kept of the alerts of one SLO. */
export interface KeptAlerts {
  readonly states: AlertStates;
  readonly outbox: readonly AlertMessage[];
  /** Whether no alert fires, waits to be told or may yet begin by what is stored. */
  readonly quiet: boolean;
}

/** The alerts of those of the SLOs that have any, by id. Their rows must be locked. */
export async function loadAlerts({ client }: Tx, slos: readonly SloKey[]): Promise<Map<string, KeptAlerts>> {
  if (slos.length === 0) return new Map();
  const { rows } = await client.query<{
    id: string;
    alerts: AlertStates;
    alert_outbox: AlertMessage[];
    alerts_quiet: boolean;
  }>({
    name: 'load-alerts',
    text: `SELECT s.id, s.alerts, s.alert_outbox, s.alerts_quiet
           FROM unnest($1::text[], $2::uuid[]) AS n(account, id)
           JOIN np_slos s ON s.source_account_id = n.account AND s.id = n.id
           WHERE s.alerts <> '{}' OR s.alert_outbox <> '[]'`,
    values: [slos.map(({ accountId }) => accountId), slos.map(({ id }) => id)],
  });
  return new Map(
    rows.map((row) => [row.id, { states: row.alerts, outbox: row.alert_outbox, quiet: row.alerts_quiet }]),
  );
}

/** Keeps the alerts of SLOs, in one statement. */
export async function saveAlerts(
  { client }: Tx,
  changed: readonly { readonly slo: SloKey; readonly alerts: KeptAlerts }[],
): Promise<void> {
  if (changed.length === 0) return;
  await client.query(
    `UPDATE np_slos s SET alerts = n.alerts, alert_outbox = n.outbox, alert_due_at = n.due_at, alerts_quiet = n.quiet
     FROM unnest($1::text[], $2::uuid[], $3::jsonb[], $4::jsonb[], $5::timestamptz[],
       $6::boolean[]) AS n(account, id, alerts, outbox, due_at, quiet)
     WHERE s.source_account_id = n.account AND s.id = n.id`,
    [
      changed.map(({ slo }) => slo.accountId),
      changed.map(({ slo }) => slo.id),
      changed.map(({ alerts }) => JSON.stringify(alerts.states)),
      changed.map(({ alerts }) => JSON.stringify(alerts.outbox)),
      changed.map(({ alerts }) => {
        const dueMs = nextDueMs(alerts.outbox);
        return dueMs === null ? null : new Date(dueMs);
      }),
      changed.map(({ alerts }) => alerts.quiet),
    ],
  );
}
