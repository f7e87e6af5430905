import { createHash } from 'node:crypto';
import { MINUTE_MS } from '../lib/duration.ts';
import { formatRfc3339 } from '../lib/rfc3339.ts';
import type { AlertMessage } from '../slo/alert-message.ts';

const SOURCE = 'nself-slo-tracker';

type Labels = AlertMessage['labels'];

/** What receivers are told of a change. */
export type ToldChange = Pick<AlertMessage, 'id' | 'sinceMs' | 'endMs' | 'labels' | 'annotations'>;

/** An alert that Alertmanager is not told of again for so long is over: its SLO is gone, or this service is. */
const FIRES_FOR_MS = 15 * MINUTE_MS;

/** Labels that name an alert, whatever else it carries. */
const NAMING = ['source_account_id', 'project', 'slo', 'objective', 'condition'] as const;

/** The same for every change of one alert, over restarts and replicas: 32 hexadecimal digits. */
function alertFingerprint(labels: Labels): string {
  const names = NAMING.map((name) => labels[name] ?? null);
  return createHash('sha256').update(JSON.stringify(names)).digest('hex').slice(0, 32);
}

/** Where the SLO can be read, where the service knows its own address. */
function linkOf({ project, slo }: Labels, publicUrl: string | null): string | null {
  return publicUrl === null ? null : `${publicUrl}/api/v1/slos/${project}.${slo}`;
}

/** `checkout.latency/p99`. */
function targetOf({ project, slo, objective }: Labels): string {
  return objective === undefined ? `${project}.${slo}` : `${project}.${slo}/${objective}`;
}

/** For `POST /api/v1/alerts` of the alert router. */
export function routerAlert(change: ToldChange, publicUrl: string | null) {
  const { id, labels, annotations, sinceMs, endMs } = change;
  const url = linkOf(labels, publicUrl);
  return {
    name: labels.alertname,
    severity: labels.severity,
    state: endMs === null ? 'firing' : 'resolved',
    labels,
    annotations,
    source: SOURCE,
    fingerprint: alertFingerprint(labels),
    /** The same where a change comes twice. */
    message_id: id,
    starts_at: formatRfc3339(sinceMs),
    ends_at: endMs === null ? null : formatRfc3339(endMs),
    ...(url === null ? {} : { url }),
  };
}

/** For `POST /api/alerts` of a gateway. */
export function gatewayAlert(change: ToldChange, publicUrl: string | null) {
  const { labels, annotations, sinceMs, endMs } = change;
  const url = linkOf(labels, publicUrl) ?? annotations.runbook_url ?? null;
  const since = formatRfc3339(sinceMs);
  return {
    title: annotations.summary ?? `${labels.alertname}: ${targetOf(labels)}`,
    severity: labels.severity,
    labels,
    source: SOURCE,
    kind: 'slo',
    target: targetOf(labels),
    reason:
      endMs === null
        ? `${labels.condition} since ${since}`
        : `${labels.condition} from ${since} to ${formatRfc3339(endMs)}`,
    ...(url === null ? {} : { url }),
    state: endMs === null ? 'firing' : 'resolved',
    dedup_id: alertFingerprint(labels),
  };
}

/** One of the list that Alertmanager takes at `POST /api/v2/alerts`. It makes the fingerprint of the labels. */
export function alertmanagerAlert(
  { labels, annotations, sinceMs, endMs }: Omit<ToldChange, 'id'>,
  publicUrl: string | null,
  nowMs: number,
) {
  const url = linkOf(labels, publicUrl);
  return {
    labels,
    annotations,
    startsAt: formatRfc3339(sinceMs),
    endsAt: formatRfc3339(endMs ?? nowMs + FIRES_FOR_MS),
    ...(url === null ? {} : { generatorURL: url }),
  };
}
