import { createHmac } from 'node:crypto';
import type { Config } from '../config.ts';
import { decodePercent } from '../lib/decode-percent.ts';
import { SECOND_MS } from '../lib/duration.ts';
import type { AlertReceiver } from '../slo/alert-message.ts';
import { alertmanagerAlert, gatewayAlert, routerAlert, type ToldChange } from './alert-payloads.ts';
import { type AlertPost, type PostOptions, postAlert, type SendResult } from './post-alert.ts';

/** Well below what a claim lasts, so that nobody else sends what is still under way. */
const TIMEOUT_MS = 10 * SECOND_MS;

export type SendOptions = Omit<PostOptions, 'timeoutMs'>;

/** Somebody who takes alerts. */
export interface ReceiverClient {
  readonly name: AlertReceiver;
  /** In messages for people. */
  readonly title: string;
  /** Tells of one change. Does not throw. */
  send(change: ToldChange, options: SendOptions): Promise<SendResult>;
  /** Says again that these fire, where the receiver forgets what is not repeated; null where it does not. */
  readonly repeat:
    | ((firing: readonly Omit<ToldChange, 'id'>[], options: SendOptions) => Promise<SendResult>)
    | null;
}

export interface ReceiverOptions {
  readonly config: Pick<Config, 'alertRouter' | 'alertmanagerUrl' | 'publicUrl'>;
  readonly timeoutMs?: number;
}

/** The receivers that the configuration names. */
export function createReceivers({ config, timeoutMs = TIMEOUT_MS }: ReceiverOptions): ReceiverClient[] {
  const { alertRouter, alertmanagerUrl, publicUrl } = config;
  const post = (request: AlertPost, options: SendOptions): Promise<SendResult> =>
    postAlert(request, { ...options, timeoutMs });
  const receivers: ReceiverClient[] = [];
  if (alertRouter !== null) {
    const { url, headers } = addressOf(`${alertRouter.url}${alertRouter.path}`);
    if (alertRouter.token !== null) headers.authorization = `Bearer ${alertRouter.token}`;
    const { format, hmacKey } = alertRouter;
    receivers.push({
      name: 'router',
      title: 'the alert router',
      send(change, options) {
        const alert = format === 'v1' ? routerAlert(change, publicUrl) : gatewayAlert(change, publicUrl);
        const body = JSON.stringify(alert);
        const own = { ...headers, 'idempotency-key': change.id };
        if (hmacKey === null) return post({ url, headers: own, body }, options);
        const signature = createHmac('sha256', hmacKey).update(body).digest('hex');
        return post({ url, headers: { ...own, 'x-alertmanager-hmac': signature }, body }, options);
      },
      repeat: null,
    });
  }
  if (alertmanagerUrl !== null) {
    const { url, headers } = addressOf(`${alertmanagerUrl}/api/v2/alerts`);
    const sendAll = (changes: readonly Omit<ToldChange, 'id'>[], options: SendOptions) => {
      const body = JSON.stringify(
        changes.map((change) => alertmanagerAlert(change, publicUrl, options.nowMs)),
      );
      return post({ url, headers, body }, options);
    };
    receivers.push({
      name: 'alertmanager',
      title: 'Alertmanager',
      send: (change, options) => sendAll([change], options),
      repeat: sendAll,
    });
  }
  return receivers;
}

/** A user and password in the URL are sent as a header, since fetch takes no such URL. */
function addressOf(text: string): { readonly url: string; readonly headers: Record<string, string> } {
  const url = new URL(text);
  const { username, password } = url;
  if (username === '' && password === '') return { url: url.href, headers: {} };
  url.username = '';
  url.password = '';
  const credentials = Buffer.from(`${decodePercent(username)}:${decodePercent(password)}`);
  return { url: url.href, headers: { authorization: `Basic ${credentials.toString('base64')}` } };
}
