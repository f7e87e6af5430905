import { join } from 'node:path';
import { SignJWT } from 'jose';
import { pino } from 'pino';
import { afterAll } from 'vitest';
import { startServer } from '../../src/api/server.ts';
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { MINUTE_MS } from '../../src/lib/duration.ts';
import { createSlo } from '../../src/services/create-slo.ts';
import { recordMeasurements } from '../../src/services/record-measurements.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { actingAs, createTestEnvironment, type TestEnvironment } from '../support/environment.ts';
import { type Hasura, type HasuraAnswer, startHasura } from './simulator/hasura.ts';
import { loadMetadata } from './simulator/load-metadata.ts';
import type { HasuraMetadata } from './simulator/metadata-schema.ts';
import type { Variables } from './simulator/selections.ts';

export const NOW = '2026-03-10T12:00:00Z';
export const ADMIN_SECRET = 'the-admin-secret-of-hasura';
const PLUGIN_SECRET = 'the-plugin-secret-of-this-test';
const JWT_KEY = 'k'.repeat(32);
const LOGGER = pino({ level: 'silent' });

export const METADATA: HasuraMetadata = loadMetadata(join(import.meta.dirname, '../../hasura-metadata'));

export interface StackOptions {
  readonly metadata?: HasuraMetadata;
  /** HASURA_GRAPHQL_UNAUTHORIZED_ROLE. */
  readonly unauthorizedRole?: string;
  /** What Hasura believes to be the plugin's secret. */
  readonly secretOfHasura?: string;
  /** Of Hasura's own connection; that of the service when left out. */
  readonly databaseUrl?: string;
}

/** Someone who asks through Hasura, as a client of it would. */
export interface Client {
  ask(document: string, variables?: Variables, headers?: Record<string, string>): Promise<HasuraAnswer>;
}

export interface Stack {
  readonly database: TestDatabase;
  readonly environment: TestEnvironment;
  /** Where the service listens. */
  readonly url: string;
  /** A Hasura in front of the service, with the metadata of the tree. */
  hasura(options?: StackOptions): Promise<Hasura>;
}

const cleanups: (() => Promise<void>)[] = [];
// Before the databases go, whose own hook was there first.
afterAll(async () => {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await cleanup();
});

/** The service behind real HTTP, on a database of the calling file, and Hasuras in front of it. */
export async function startStack(): Promise<Stack> {
  const database = await createTestDatabase();
  const environment = createTestEnvironment(database, Date.parse(NOW));
  const { clock, license } = environment;
  const config = loadConfig(() => ({ pluginSecret: PLUGIN_SECRET, accessKeySecret: 'x'.repeat(32) }), {
    PLUGIN_SECRET,
    HASURA_GRAPHQL_JWT_SECRET: JSON.stringify({ type: 'HS256', key: JWT_KEY }),
    RATE_LIMIT: 'off',
  });
  const app = createApp({ config, db: database.db, clock, logger: LOGGER, license });
  const server = await startServer(app.fetch, { host: '127.0.0.1', port: 0, logger: LOGGER });
  cleanups.push(() => server.close(0));
  const url = `http://127.0.0.1:${server.port}/graphql`;
  return {
    database,
    environment,
    url,
    async hasura({ metadata = METADATA, unauthorizedRole, secretOfHasura, databaseUrl } = {}) {
      const hasura = await startHasura({
        metadata,
        environment: { NP_SLO_URL: url, PLUGIN_INTERNAL_SECRET: secretOfHasura ?? PLUGIN_SECRET },
        databaseUrl: databaseUrl ?? database.url,
        auth: { adminSecret: ADMIN_SECRET, jwtKey: JWT_KEY, unauthorizedRole: unauthorizedRole ?? null },
        now: () => clock.now(),
      });
      cleanups.push(() => hasura.close());
      return hasura;
    },
  };
}

/** A token of the identity provider that Hasura and the service share. */
export function token(account: string | null, role: string, seconds = 3600): Promise<string> {
  const claims = {
    'x-hasura-allowed-roles': [role],
    'x-hasura-default-role': role,
    ...(account !== null && { 'x-hasura-source-account-id': account }),
    'x-hasura-user-id': `somebody-of-${account}`,
  };
  return new SignJWT({ 'https://hasura.io/jwt/claims': claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(Date.parse(NOW) / 1000 + seconds)
    .sign(new TextEncoder().encode(JWT_KEY));
}

/** A client with a token for the account and role. */
export function clientOf(hasura: Hasura, account: string | null, role: string): Client {
  return {
    async ask(document, variables = {}, headers = {}) {
      const authorization = `Bearer ${await token(account, role)}`;
      return hasura.request(document, { variables, headers: { authorization, ...headers } });
    },
  };
}

/** The operator, with the admin secret, for an account or for none. */
export function adminOf(hasura: Hasura, account: string | null): Client {
  return {
    ask: (document, variables = {}, headers = {}) =>
      hasura.request(document, {
        variables,
        headers: {
          'x-hasura-admin-secret': ADMIN_SECRET,
          ...(account !== null && { 'x-hasura-source-account-id': account }),
          ...headers,
        },
      }),
  };
}

/** An SLO of the account with two measured minutes: `good` of 100 each. Its id. */
export async function addSlo(
  { environment }: Stack,
  account: string,
  name: string,
  good: number,
): Promise<string> {
  const ctx = actingAs(environment, account);
  const { id } = await createSlo({ ctx, input: { name, target: 0.9, description: `of ${account}` } });
  const points = [2, 1].map((back) => ({
    at: new Date(environment.clock.now() - back * MINUTE_MS).toISOString(),
    good,
    total: 100,
  }));
  await recordMeasurements({ ctx, input: { id, body: { points } } });
  return id;
}

/** The metadata with other permissions for the readers. */
export function withSdl(change: (sdl: string) => string): HasuraMetadata {
  return {
    ...METADATA,
    remoteSchemas: METADATA.remoteSchemas.map((remote) => ({
      ...remote,
      permissions: remote.permissions.map(({ role, definition }) => {
        const schema = change(definition.schema);
        if (schema === definition.schema) throw new Error('nothing was changed');
        return { role, definition: { schema } };
      }),
    })),
  };
}
