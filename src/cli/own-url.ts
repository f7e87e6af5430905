import type { Config } from '../config.ts';

/** Where a program on this machine reaches the service of that configuration, without a trailing slash. */
export function ownUrl({ host, port }: Pick<Config, 'host' | 'port'>): string {
  const own = /^(0\.0\.0\.0|::)$/.test(host) ? '127.0.0.1' : host;
  return `http://${own.includes(':') ? `[${own}]` : own}:${port}`;
}
