/** An environment variable as operators see it. */
export interface Variable {
  readonly name: string;
  /** What holds where it is not set; null where nothing does. */
  readonly default: string | null;
  /** One line. */
  readonly description: string;
  /** `required`: a container does not start without it. */
  readonly standing: 'required' | 'optional';
}

const table =
  (standing: Variable['standing']) =>
  (rows: readonly (readonly [name: string, fallback: string | null, description: string])[]): Variable[] =>
    rows.map(([name, fallback, description]) => ({ name, default: fallback, description, standing }));

/**
 * Everything that the configuration reads. The README, `.env.example` and plugin.json are made from or held
 * against this table, and a test holds it against src/config.ts.
 */
export const VARIABLES: readonly Variable[] = [
  ...table('required')([
    [
      'DATABASE_URL',
      null,
      'PostgreSQL 15 or later; where it is not set, an embedded one (not in production)',
    ],
    [
      'PLUGIN_SECRET',
      null,
      'bearer token of the plugin, at least 16 characters; generated outside production',
    ],
  ]),
  ...table('optional')([
    ['PLUGIN_INTERNAL_SECRET', null, 'another name for PLUGIN_SECRET, the one that the nSelf CLI sets'],
    ['NODE_ENV', null, 'production: nothing is generated, no embedded database, no GraphiQL'],
    ['DATA_DIR', '.data', 'where the embedded database and the generated secrets lie'],
    ['HOST', '127.0.0.1', 'address to listen on; PLUGIN_SECRET is required where it is not loopback'],
    ['PORT', '3835', 'port to listen on'],
    ['PUBLIC_URL', null, 'address seen from outside, with its prefix, for the OpenAPI document'],
    ['HASURA_GRAPHQL_JWT_SECRET', null, 'the same JSON that Hasura takes; without it JWTs are refused'],
    [
      'ACCESS_KEY_SECRET',
      null,
      'at least 32 random bytes; without it access keys are off; generated outside production',
    ],
    ['ACCESS_KEY_EPOCH', '1', 'access keys of an older epoch are refused'],
    ['ACCESS_KEY_REVOKED', null, 'ids of revoked access keys, separated by commas'],
    ['WRITE_ROLES', 'admin,nself_admin', 'roles that may write, separated by commas'],
    [
      'HASURA_DB_ROLE',
      null,
      'role that Hasura connects with, if it neither owns the tables nor is superuser',
    ],
    ['EDGE_BEARER_ANY_ACCOUNT', 'off', '1 lets the plugin bearer choose an account from outside nginx'],
    ['NSELF_PLUGIN_LICENSE_KEY', null, 'licence key; else the file ~/.nself/license/key'],
    ['NSELF_LICENSE_CACHE', '~/.nself/license/cache.json', 'what the nSelf CLI found out about the licence'],
    ['NSELF_LICENSE_SKIP_VERIFY', 'off', '1 allows everything without a licence'],
    ['NSELF_ADMIN_OPEN_READ', 'off', '1 opens GET /slos of the account primary to this machine'],
    ['EVALUATION_INTERVAL', '60s', 'how often statuses are evaluated'],
    ['RETENTION', '100d', 'how long minutes are kept, and how far back points are taken'],
    ['PROMETHEUS_SOURCES', null, 'JSON: name -> {url, headers, accounts}'],
    ['TABLE_SOURCES', null, 'JSON: name -> {table, columns, accounts}'],
    ['CORS_ORIGINS', null, 'origins of browsers that may call, separated by commas'],
    ['TRUSTED_PROXIES', 'loopback', 'whose X-Forwarded-For counts: addresses and ranges'],
    ['RATE_LIMIT', 'on', 'off turns rate limits off'],
    ['PROMETHEUS_RATE_LIMIT', '50/100', 'PromQL requests of an account: average a minute / burst, or off'],
    ['PROMETHEUS_CACHE_MB', '256', 'memory for the columns that PromQL reads, in MiB'],
    ['LOG_LEVEL', 'info', 'trace, debug, info, warn, error, fatal or silent'],
    ['ALERT_ROUTER_URL', null, 'alert router that is told of alerts'],
    [
      'PLUGIN_ALERT_ROUTER_INTERNAL_URL',
      null,
      'another name for ALERT_ROUTER_URL, the one that the nSelf CLI sets',
    ],
    ['ALERT_ROUTER_TOKEN', null, 'bearer token of the alert router'],
    ['ALERT_ROUTER_PATH', '/api/v1/alerts', 'where it takes alerts; /api/alerts with the form gateway'],
    ['ALERT_ROUTER_FORMAT', 'v1', 'form of what it is told: v1 or gateway'],
    ['ALERT_ROUTER_HMAC', null, 'key that signs what it is told, in the header X-Alertmanager-Hmac'],
    ['ALERTMANAGER_URL', null, 'Alertmanager that is told of alerts, without /api/v2'],
  ]),
];
