import { describe, expect, it } from 'vitest';
import { type Config, loadConfig } from '../../src/config.ts';
import { StartError } from '../../src/lib/errors.ts';

const SECRETS = {
  pluginSecret: 'generated-plugin-secret',
  accessKeySecret: 'generated-access-key-secret-32-bytes',
};
const SIXTEEN = 'sixteen-characters';

function load(env: Record<string, string>): Config {
  return loadConfig(() => SECRETS, env);
}

function faults(env: Record<string, string>): string[] {
  try {
    load(env);
  } catch (error) {
    if (error instanceof StartError) {
      expect(error.exitCode).toBe(78);
      return error.message.split('\n');
    }
    throw error;
  }
  return [];
}

describe('the configuration', () => {
  it('has a default for everything in development', () => {
    expect(load({})).toMatchObject({
      production: false,
      databaseUrl: null,
      dataDir: `${process.cwd()}/.data`,
      port: 3835,
      host: '127.0.0.1',
      publicUrl: null,
      pluginSecret: SECRETS.pluginSecret,
      accessKeySecret: SECRETS.accessKeySecret,
      accessKeyEpoch: 1,
      accessKeyRevoked: [],
      jwt: null,
      writeRoles: ['admin', 'nself_admin'],
      edgeBearerAnyAccount: false,
      corsOrigins: [],
      trustedProxies: ['loopback'],
      nselfAdminOpenRead: false,
      alertRouter: null,
      evaluationIntervalMs: 60_000,
      retentionMs: 100 * 24 * 3600 * 1000,
      rateLimit: true,
      prometheusRateLimit: { perMinute: 50, burst: 100 },
      prometheusCacheMb: 256,
      logLevel: 'info',
    });
  });

  it('takes an empty text for not set', () => {
    expect(load({ PORT: '', DATABASE_URL: '', PLUGIN_SECRET: '', WRITE_ROLES: '' })).toEqual(load({}));
  });

  it('takes the names that nSelf gives to two variables', () => {
    const config = load({
      PLUGIN_INTERNAL_SECRET: SIXTEEN,
      PLUGIN_ALERT_ROUTER_INTERNAL_URL: 'http://plugin-alert-router:3834/',
    });
    expect(config.pluginSecret).toBe(SIXTEEN);
    expect(config.alertRouter).toEqual({
      url: 'http://plugin-alert-router:3834',
      token: null,
      path: '/api/v1/alerts',
      format: 'v1',
      hmacKey: null,
    });
    const gateway = { ALERT_ROUTER_URL: 'http://gateway', ALERT_ROUTER_FORMAT: 'gateway' };
    expect(load(gateway).alertRouter?.path).toBe('/api/alerts');
    expect(load({ ...gateway, ALERT_ROUTER_PATH: '/in' }).alertRouter?.path).toBe('/in');
    expect(load({ PLUGIN_INTERNAL_SECRET: SIXTEEN, PLUGIN_SECRET: `${SIXTEEN}-own` }).pluginSecret).toBe(
      `${SIXTEEN}-own`,
    );
  });

  it('asks for no generated secret in production', () => {
    const config = loadConfig(
      () => {
        throw new Error('asked');
      },
      { NODE_ENV: 'production', DATABASE_URL: 'postgres://u@db/slo', PLUGIN_SECRET: SIXTEEN },
    );
    expect(config.production).toBe(true);
    expect(config.accessKeySecret).toBe(null);
  });

  it('in production names what is missing', () => {
    expect(faults({ NODE_ENV: 'production' })).toEqual([
      'DATABASE_URL: expected a PostgreSQL 15 or later, as NODE_ENV is production (got nothing)',
      'PLUGIN_SECRET: expected at least 16 characters, as NODE_ENV is production (got nothing)',
    ]);
  });

  it.each(['0.0.0.0', '::', '192.168.1.4', 'tracker.internal'])('wants a secret to listen on %s', (host) => {
    expect(faults({ HOST: host })).toEqual([
      `PLUGIN_SECRET: expected at least 16 characters, as HOST ${host} is not loopback (got nothing)`,
    ]);
    expect(faults({ HOST: host, PLUGIN_SECRET: SIXTEEN })).toEqual([]);
  });

  it.each(['127.0.0.1', '127.8.8.8', '::1', 'localhost'])('wants none to listen on %s', (host) => {
    expect(faults({ HOST: host })).toEqual([]);
  });

  it.each([
    ['PORT', '65536', 'a whole number from 0 to 65535 (got "65536")'],
    ['PORT', '3835x', 'a whole number from 0 to 65535 (got "3835x")'],
    ['HOST', 'two words', 'a host name or an address (got "two words")'],
    [
      'DATABASE_URL',
      'mysql://u:hush@db/slo',
      'a URL that starts with postgres:// or postgresql:// (got 21 characters)',
    ],
    [
      'PUBLIC_URL',
      'slo.example.com',
      'a URL that starts with http:// or https://, without query (got "slo.example.com")',
    ],
    ['PLUGIN_SECRET', 'fifteen-charact', 'at least 16 characters without blanks (got 15 characters)'],
    [
      'ACCESS_KEY_SECRET',
      'x'.repeat(31),
      'at least 32 random bytes, written without blanks (got 31 characters)',
    ],
    ['ACCESS_KEY_EPOCH', '0', 'a whole number from 1 to 999999999 (got "0")'],
    [
      'CORS_ORIGINS',
      '*',
      'origins as browsers send them, https://app.example.com, separated by commas (got "*")',
    ],
    [
      'TRUSTED_PROXIES',
      '10.0.0.0/33',
      'addresses, ranges such as 10.0.0.0/8, or the word loopback, separated by commas (got "10.0.0.0/33")',
    ],
    ['NSELF_ADMIN_OPEN_READ', 'perhaps', '1 or 0 (or true, false, on, off) (got "perhaps")'],
    ['EVALUATION_INTERVAL', '1.5m', 'a duration from 1s to 1h, such as 60s (got "1.5m")'],
    ['RETENTION', '5m', 'a duration of at least 1d, such as 100d (got "5m")'],
    ['RATE_LIMIT', '1', 'on or off (got "1")'],
    ['PROMETHEUS_RATE_LIMIT', '50', 'average a minute / burst, such as 50/100, or off (got "50")'],
    ['LOG_LEVEL', 'loud', 'one of trace, debug, info, warn, error, fatal, silent (got "loud")'],
    [
      'PROMETHEUS_SOURCES',
      '[]',
      'JSON, {"name": {"url": "http://...", "headers": {}, "accounts": ["primary"]}} (got 2 characters)',
    ],
    [
      'TABLE_SOURCES',
      '[',
      'JSON, {"name": {"table": "...", "columns": {"time": "..."}, "accounts": ["primary"]}} (got 1 characters)',
    ],
    ['ALERT_ROUTER_FORMAT', 'v2', 'one of v1, gateway (got "v2")'],
    ['HASURA_GRAPHQL_JWT_SECRET', 'secret', 'the JSON that Hasura takes; a JSON object (got 6 characters)'],
  ])('refuses %s=%s in one line', (name, text, expected) => {
    expect(faults({ PLUGIN_SECRET: SIXTEEN, [name]: text })).toEqual([`${name}: expected ${expected}`]);
  });

  it('reports all faults at once', () => {
    expect(
      faults({ PORT: 'x', LOG_LEVEL: 'x', HASURA_GRAPHQL_JWT_SECRET: 'x', HOST: '0.0.0.0' }),
    ).toHaveLength(4);
  });

  it('turns every rate limit off with RATE_LIMIT=off', () => {
    expect(load({ RATE_LIMIT: 'off', PROMETHEUS_RATE_LIMIT: '5/10' })).toMatchObject({
      rateLimit: false,
      prometheusRateLimit: null,
    });
    expect(load({ PROMETHEUS_RATE_LIMIT: '5/10' }).prometheusRateLimit).toEqual({ perMinute: 5, burst: 10 });
    expect(load({ PROMETHEUS_RATE_LIMIT: 'off' }).prometheusRateLimit).toBe(null);
  });

  it('names the path of each fault in a source, and no value', () => {
    const sources = {
      a: { url: 'ftp://x', accounts: ['primary'] },
      b: { url: 'http://user:hush@prom:9090', headers: { Host: 'x' }, accounts: [], more: 1 },
      c: { url: 'http://prom:9090/?q', headers: { 'X-Key': 'hush\n' }, accounts: ['a b'] },
    };
    expect(faults({ PROMETHEUS_SOURCES: JSON.stringify(sources) }).sort()).toEqual([
      'PROMETHEUS_SOURCES: a.url must be a URL that starts with http:// or https://',
      'PROMETHEUS_SOURCES: b.accounts must have at least 1 item',
      'PROMETHEUS_SOURCES: b.headers must not set a header that belongs to the request itself',
      'PROMETHEUS_SOURCES: b.more is not a known field',
      'PROMETHEUS_SOURCES: b.url must not hold a user or password; give an Authorization header instead',
      'PROMETHEUS_SOURCES: c.accounts[0] must be an account id: letters, digits and _ . : -, at most 128',
      'PROMETHEUS_SOURCES: c.headers.X-Key must be plain text of one line',
      'PROMETHEUS_SOURCES: c.url must not have a query or a fragment',
    ]);
    const tables = {
      none: { table: 'orders', columns: { time: 'at' }, accounts: ['primary'] },
      half: { table: 'a.b.c', columns: { time: 'at', good: 'good' }, accounts: ['primary'] },
      both: { table: 'orders', columns: { value: 'ms', total: 't', good: 'g' }, accounts: ['primary'] },
    };
    const measure = 'must have one measure: status, or two of good, bad and total, or value';
    expect(faults({ TABLE_SOURCES: JSON.stringify(tables) }).sort()).toEqual([
      'TABLE_SOURCES: both.columns.time is required',
      `TABLE_SOURCES: half.columns ${measure}`,
      'TABLE_SOURCES: half.table must be the name of a table, or schema.table',
      `TABLE_SOURCES: none.columns ${measure}`,
    ]);
  });

  it('reads lists and sources', () => {
    const config = load({
      WRITE_ROLES: 'admin, editor',
      CORS_ORIGINS: 'https://a.example,http://localhost:3000',
      TRUSTED_PROXIES: 'loopback,10.0.0.0/8,fd00::/8',
      PROMETHEUS_SOURCES: '{"main":{"url":"http://prom:9090","accounts":["primary"]}}',
    });
    expect(config.writeRoles).toEqual(['admin', 'editor']);
    expect(config.corsOrigins).toEqual(['https://a.example', 'http://localhost:3000']);
    expect(config.trustedProxies).toEqual(['loopback', '10.0.0.0/8', 'fd00::/8']);
    expect(config.prometheusSources).toEqual({
      main: { url: 'http://prom:9090', headers: {}, accounts: ['primary'] },
    });
  });
});
