import { resolve } from 'node:path';
import { type JwtConfig, parseJwtSecret } from './config-jwt.ts';
import { isLoopback } from './config-parsers.ts';
import type { PrometheusSource, TableSource } from './config-sources.ts';
import { type LogLevel, type RateLimit, SECRET_VARIABLES, variables } from './config-variables.ts';
import { DAY_MS, MINUTE_MS } from './lib/duration.ts';
import { StartError } from './lib/errors.ts';

export interface LicenseConfig {
  readonly key: string | null;
  readonly cacheFile: string | null;
  readonly skipVerify: boolean;
}

export interface AlertRouterConfig {
  readonly url: string;
  readonly token: string | null;
  readonly path: string;
  /** `v1`: {name, labels, severity, state}; `gateway`: {title, severity, kind, dedup_id, ...}. */
  readonly format: 'v1' | 'gateway';
  readonly hmacKey: string | null;
}

/** Everything the environment decides, resolved once by `main` and handed down. */
export interface Config {
  /** NODE_ENV is production: no generated secrets, no embedded database, no GraphiQL. */
  readonly production: boolean;
  /** Null: the embedded PostgreSQL. */
  readonly databaseUrl: string | null;
  /** Absolute. */
  readonly dataDir: string;
  readonly port: number;
  readonly host: string;
  /** Without a trailing slash. */
  readonly publicUrl: string | null;
  readonly pluginSecret: string;
  /** Null: access keys are off. */
  readonly accessKeySecret: string | null;
  readonly accessKeyEpoch: number;
  readonly accessKeyRevoked: readonly string[];
  /** Null: JWTs are refused. */
  readonly jwt: JwtConfig | null;
  readonly writeRoles: readonly string[];
  readonly edgeBearerAnyAccount: boolean;
  readonly hasuraDbRole: string | null;
  /** As browsers send them: `https://app.example.com`. */
  readonly corsOrigins: readonly string[];
  /** Addresses, CIDR ranges, and the word `loopback`. */
  readonly trustedProxies: readonly string[];
  readonly license: LicenseConfig;
  readonly nselfAdminOpenRead: boolean;
  readonly alertRouter: AlertRouterConfig | null;
  readonly alertmanagerUrl: string | null;
  readonly prometheusSources: Readonly<Record<string, PrometheusSource>>;
  readonly tableSources: Readonly<Record<string, TableSource>>;
  readonly evaluationIntervalMs: number;
  readonly retentionMs: number;
  readonly rateLimit: boolean;
  /** Per account; null: off. */
  readonly prometheusRateLimit: RateLimit | null;
  readonly prometheusCacheMb: number;
  readonly logLevel: LogLevel;
  /** Whether `npm start` is our parent, so that we end when it does. */
  readonly startedByNpm: boolean;
}

/** Made once for a data directory and kept there. */
export interface DevelopmentSecrets {
  readonly pluginSecret: string;
  readonly accessKeySecret: string;
}

/** Where each form is taken. */
const ROUTER_PATHS: Readonly<Record<AlertRouterConfig['format'], string>> = {
  v1: '/api/v1/alerts',
  gateway: '/api/alerts',
};

type Environment = Readonly<Record<string, string | undefined>>;

function fault(name: string, expected: string, text: string | undefined): string {
  if (text === undefined) return `${name}: expected ${expected} (got nothing)`;
  const shown = text.length > 80 ? `${text.slice(0, 80)}...` : text;
  const got = SECRET_VARIABLES.has(name) ? `${text.length} characters` : JSON.stringify(shown);
  return `${name}: expected ${expected} (got ${got})`;
}

/** An empty text counts as not set; each alias stands in where its variable is not set. */
function withAliases(env: Environment): Environment {
  const set = Object.fromEntries(Object.entries(env).filter(([, text]) => text !== undefined && text !== ''));
  return {
    ...set,
    PLUGIN_SECRET: set.PLUGIN_SECRET ?? set.PLUGIN_INTERNAL_SECRET,
    ALERT_ROUTER_URL: set.ALERT_ROUTER_URL ?? set.PLUGIN_ALERT_ROUTER_INTERNAL_URL,
  };
}

function missing(env: Environment, production: boolean, host: string): string[] {
  const faults: string[] = [];
  if (production && env.DATABASE_URL === undefined) {
    faults.push(fault('DATABASE_URL', 'a PostgreSQL 15 or later, as NODE_ENV is production', undefined));
  }
  if (env.PLUGIN_SECRET === undefined && (production || !isLoopback(host))) {
    const why = production ? 'NODE_ENV is production' : `HOST ${host} is not loopback`;
    faults.push(fault('PLUGIN_SECRET', `at least 16 characters, as ${why}`, undefined));
  }
  return faults;
}

/**
 * Reads the environment. `developmentSecrets` is asked, with the data directory, only outside of production.
 * Throws a StartError (78) with one line for each fault.
 */
export function loadConfig(
  developmentSecrets: (dataDir: string) => DevelopmentSecrets,
  environment: Environment = process.env,
): Config {
  const env = withAliases(environment);
  const production = env.NODE_ENV === 'production';
  const parsed = variables.safeParse(env);
  const faults = (parsed.error?.issues ?? []).map((issue) => {
    const [name, path] = issue.path.map(String);
    if (path !== undefined) return `${name}: ${path} ${issue.message}`;
    return fault(String(name), issue.message, env[String(name)]);
  });
  const jwtText = env.HASURA_GRAPHQL_JWT_SECRET;
  const jwt = jwtText === undefined ? null : parseJwtSecret(jwtText);
  if (typeof jwt === 'string') {
    faults.push(fault('HASURA_GRAPHQL_JWT_SECRET', `the JSON that Hasura takes; ${jwt}`, jwtText));
  }
  faults.push(...missing(env, production, env.HOST ?? '127.0.0.1'));
  if (!parsed.success || typeof jwt === 'string' || faults.length > 0) {
    throw new StartError(faults.join('\n'), 78);
  }
  const set = parsed.data;
  const dataDir = set.DATA_DIR ?? resolve('.data');
  const generated = production ? null : developmentSecrets(dataDir);
  const rateLimit = set.RATE_LIMIT ?? true;
  const prometheusRateLimit = set.PROMETHEUS_RATE_LIMIT ?? { perMinute: 50, burst: 100 };
  return {
    production,
    databaseUrl: set.DATABASE_URL ?? null,
    dataDir,
    port: set.PORT ?? 3835,
    host: set.HOST ?? '127.0.0.1',
    publicUrl: set.PUBLIC_URL ?? null,
    pluginSecret: set.PLUGIN_SECRET ?? generated?.pluginSecret ?? '',
    accessKeySecret: set.ACCESS_KEY_SECRET ?? generated?.accessKeySecret ?? null,
    accessKeyEpoch: set.ACCESS_KEY_EPOCH ?? 1,
    accessKeyRevoked: set.ACCESS_KEY_REVOKED ?? [],
    jwt,
    writeRoles: set.WRITE_ROLES ?? ['admin', 'nself_admin'],
    edgeBearerAnyAccount: set.EDGE_BEARER_ANY_ACCOUNT ?? false,
    hasuraDbRole: set.HASURA_DB_ROLE ?? null,
    corsOrigins: set.CORS_ORIGINS ?? [],
    trustedProxies: set.TRUSTED_PROXIES ?? ['loopback'],
    license: {
      key: set.NSELF_PLUGIN_LICENSE_KEY ?? null,
      cacheFile: set.NSELF_LICENSE_CACHE ?? null,
      skipVerify: set.NSELF_LICENSE_SKIP_VERIFY ?? false,
    },
    nselfAdminOpenRead: set.NSELF_ADMIN_OPEN_READ ?? false,
    alertRouter:
      set.ALERT_ROUTER_URL === undefined
        ? null
        : {
            url: set.ALERT_ROUTER_URL,
            token: set.ALERT_ROUTER_TOKEN ?? null,
            path: set.ALERT_ROUTER_PATH ?? ROUTER_PATHS[set.ALERT_ROUTER_FORMAT ?? 'v1'],
            format: set.ALERT_ROUTER_FORMAT ?? 'v1',
            hmacKey: set.ALERT_ROUTER_HMAC ?? null,
          },
    alertmanagerUrl: set.ALERTMANAGER_URL ?? null,
    prometheusSources: set.PROMETHEUS_SOURCES ?? {},
    tableSources: set.TABLE_SOURCES ?? {},
    evaluationIntervalMs: set.EVALUATION_INTERVAL ?? MINUTE_MS,
    retentionMs: set.RETENTION ?? 100 * DAY_MS,
    rateLimit,
    prometheusRateLimit: rateLimit && prometheusRateLimit !== 'off' ? prometheusRateLimit : null,
    prometheusCacheMb: set.PROMETHEUS_CACHE_MB ?? 256,
    logLevel: set.LOG_LEVEL ?? 'info',
    startedByNpm: env.npm_lifecycle_event === 'start',
  };
}
