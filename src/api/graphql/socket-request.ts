import type { IncomingMessage } from 'node:http';

/** The request that asked for a WebSocket, for whoever resolves actors; null when it is not a valid one. */
export function upgradeRequest({ url = '/', headers: sent }: IncomingMessage): Request | null {
  const base = `http://${sent.host ?? 'localhost'}`;
  if (!URL.canParse(url, base)) return null;
  const headers = new Headers();
  for (const [name, value] of Object.entries(sent)) {
    for (const one of Array.isArray(value) ? value : [value ?? '']) headers.append(name, one);
  }
  // Only for its origin: behind TLS the own one is that of PUBLIC_URL.
  return new Request(new URL(url, base), { headers });
}
