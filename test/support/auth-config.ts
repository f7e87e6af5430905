import type { AuthConfig } from '../../src/api/auth/resolve-actor.ts';

export const PLUGIN_SECRET = 'a-plugin-secret-for-tests';
export const ACCESS_KEY_SECRET = 'an-access-key-secret-for-tests-32';

/** What authentication looks at, as in a start without any configuration. */
export function authConfig(changes: Partial<AuthConfig> = {}): AuthConfig {
  return {
    pluginSecret: PLUGIN_SECRET,
    accessKeySecret: ACCESS_KEY_SECRET,
    accessKeyEpoch: 1,
    accessKeyRevoked: [],
    jwt: null,
    writeRoles: ['admin', 'nself_admin'],
    edgeBearerAnyAccount: false,
    corsOrigins: [],
    publicUrl: null,
    trustedProxies: ['loopback'],
    rateLimit: true,
    ...changes,
  };
}
