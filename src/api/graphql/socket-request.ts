import type { IncomingMessage } from 'node:http';

/** The request that asked for a WebSocket, for whoever resolves actors; null when it is not a valid one. */
export function upgradeRequest({ url = '/', headersDistinct: sent }: IncomingMessage): Request | null {
  const base = `http://${sent.host?.[0] ?? 'localhost'}`;
  if (!URL.canParse(url, base)) return null;
  const headers = new Headers();
  // All of them: of two Authorization headers the first one must not pass for the only one.
  for (const [name, values = []] of Object.entries(sent)) {
    for (const value of values) headers.append(name, value);
  }
  // Only for its origin: behind TLS the own one is that of PUBLIC_URL.
  return new Request(new URL(url, base), { headers });
}
