import { expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { secretsOf } from '../../src/config-secrets.ts';

const SECRETS = {
  plugin: 'the-plugin-secret',
  accessKey: 'the-access-key-secret-of-32-bytes',
  jwt: 'the-hmac-key-of-the-jwts-32-bytes',
  license: 'nself_pro_the_licence_key_of_32_characters',
  routerToken: 'the-router-token',
  routerHmac: 'the-router-hmac',
  password: 'p@ss:word/of it',
  routerPassword: 'the-password/of-the-router',
  alertmanagerPassword: 'the-password-of-alertmanager',
  header: 'Bearer the-prometheus-token',
};

it('every secret of the configuration is known to the log', () => {
  const config = loadConfig(() => ({ pluginSecret: '', accessKeySecret: '' }), {
    PLUGIN_SECRET: SECRETS.plugin,
    ACCESS_KEY_SECRET: SECRETS.accessKey,
    HASURA_GRAPHQL_JWT_SECRET: JSON.stringify({ type: 'HS256', key: SECRETS.jwt }),
    NSELF_PLUGIN_LICENSE_KEY: SECRETS.license,
    ALERT_ROUTER_URL: `http://me:${encodeURIComponent(SECRETS.routerPassword)}@router:3834`,
    ALERTMANAGER_URL: `http://me:${SECRETS.alertmanagerPassword}@alertmanager:9093`,
    ALERT_ROUTER_TOKEN: SECRETS.routerToken,
    ALERT_ROUTER_HMAC: SECRETS.routerHmac,
    DATABASE_URL: `postgres://me:${encodeURIComponent(SECRETS.password)}@db/slo`,
    PROMETHEUS_SOURCES: JSON.stringify({
      main: {
        url: 'http://prometheus:9090',
        headers: { authorization: SECRETS.header },
        accounts: ['primary'],
      },
    }),
  });
  expect(secretsOf(config)).toEqual(expect.arrayContaining(Object.values(SECRETS)));
});

it('a short one is left alone, since it stands in other words too', () => {
  const config = loadConfig(() => ({ pluginSecret: 'p'.repeat(16), accessKeySecret: 'a'.repeat(32) }), {
    DATABASE_URL: 'postgres://me:pg@db/slo',
  });
  expect(secretsOf(config)).toEqual(['p'.repeat(16), 'a'.repeat(32)]);
});
