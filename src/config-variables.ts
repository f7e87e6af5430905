import { resolve } from 'node:path';
import { z } from 'zod';
import {
  duration,
  flag,
  httpUrl,
  integer,
  isAddressRange,
  isHttpUrl,
  json,
  list,
  oneOf,
  secret,
  variable,
} from './config-parsers.ts';
import { prometheusSourcesSchema, tableSourcesSchema } from './config-sources.ts';
import { DAY_MS, HOUR_MS, SECOND_MS } from './lib/duration.ts';

export interface RateLimit {
  readonly perMinute: number;
  readonly burst: number;
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** All variables but HASURA_GRAPHQL_JWT_SECRET. Each is `undefined` when not set. */
export const variables = z.object({
  DATABASE_URL: variable('a URL that starts with postgres:// or postgresql://', (text) =>
    /^postgres(ql)?:\/\//.test(text) && URL.canParse(text) ? text : null,
  ),
  DATA_DIR: variable('a directory', (text) => resolve(text)),
  PORT: integer(0, 65_535),
  HOST: variable('a host name or an address', (text) => (/^[A-Za-z0-9_.:-]+$/.test(text) ? text : null)),
  PUBLIC_URL: httpUrl,
  PLUGIN_SECRET: secret(16, 'at least 16 characters without blanks'),
  ACCESS_KEY_SECRET: secret(32, 'at least 32 random bytes, written without blanks'),
  ACCESS_KEY_EPOCH: integer(1, 999_999_999),
  ACCESS_KEY_REVOKED: list('key ids separated by commas', (id) => /^[A-Za-z0-9_-]+$/.test(id)),
  WRITE_ROLES: list(
    'role names separated by commas, and neither public nor anonymous',
    (role) => /^[A-Za-z0-9_-]+$/.test(role) && !/^(public|anonymous)$/i.test(role),
  ),
  EDGE_BEARER_ANY_ACCOUNT: flag,
  HASURA_DB_ROLE: variable('the name of a database role', (text) => (text.length <= 63 ? text : null)),
  CORS_ORIGINS: list(
    'origins as browsers send them, https://app.example.com, separated by commas',
    (origin) => isHttpUrl(origin) && new URL(origin).origin === origin,
  ),
  TRUSTED_PROXIES: list(
    'addresses, ranges such as 10.0.0.0/8, or the word loopback, separated by commas',
    (range) => range === 'loopback' || isAddressRange(range),
  ),
  NSELF_PLUGIN_LICENSE_KEY: variable('a licence key', (text) => text.trim() || null),
  NSELF_LICENSE_CACHE: variable('a file', (text) => resolve(text)),
  NSELF_LICENSE_SKIP_VERIFY: flag,
  NSELF_ADMIN_OPEN_READ: flag,
  ALERT_ROUTER_URL: httpUrl,
  ALERT_ROUTER_TOKEN: secret(1, 'a token without blanks'),
  ALERT_ROUTER_PATH: variable('a path that starts with /', (text) => (/^\/\S*$/.test(text) ? text : null)),
  ALERT_ROUTER_FORMAT: oneOf('v1', 'gateway'),
  ALERT_ROUTER_HMAC: variable('a key', (text) => text),
  ALERTMANAGER_URL: httpUrl,
  PROMETHEUS_SOURCES: json(
    'JSON, {"name": {"url": "http://...", "headers": {}, "accounts": ["primary"]}}',
    prometheusSourcesSchema,
  ),
  TABLE_SOURCES: json(
    'JSON, {"name": {"table": "...", "columns": {"time": "..."}, "accounts": ["primary"]}}',
    tableSourcesSchema,
  ),
  EVALUATION_INTERVAL: duration(SECOND_MS, HOUR_MS, 'a duration from 1s to 1h, such as 60s'),
  RETENTION: duration(DAY_MS, 36_500 * DAY_MS, 'a duration of at least 1d, such as 100d'),
  RATE_LIMIT: variable('on or off', (text) => (/^(on|off)$/.test(text) ? text === 'on' : null)),
  PROMETHEUS_RATE_LIMIT: variable<RateLimit | 'off'>(
    'average a minute / burst, such as 50/100, or off',
    (text) => {
      if (text === 'off') return 'off';
      const [, perMinute, burst] = /^([1-9][0-9]{0,8})\/([1-9][0-9]{0,8})$/.exec(text) ?? [];
      return burst === undefined ? null : { perMinute: Number(perMinute), burst: Number(burst) };
    },
  ),
  PROMETHEUS_CACHE_MB: integer(0, 1_000_000),
  LOG_LEVEL: oneOf(...LOG_LEVELS),
});

/** Never shown, since they hold a secret or may hold one. */
export const SECRET_VARIABLES: ReadonlySet<string> = new Set<
  keyof typeof variables.shape | 'HASURA_GRAPHQL_JWT_SECRET'
>([
  'DATABASE_URL',
  'PLUGIN_SECRET',
  'ACCESS_KEY_SECRET',
  'HASURA_GRAPHQL_JWT_SECRET',
  'NSELF_PLUGIN_LICENSE_KEY',
  'ALERT_ROUTER_URL',
  'ALERT_ROUTER_TOKEN',
  'ALERT_ROUTER_HMAC',
  'ALERTMANAGER_URL',
  'PROMETHEUS_SOURCES',
  'TABLE_SOURCES',
]);
