import type { Logger } from 'pino';
import { pino } from 'pino';
import { createAccountLimit } from '../../../src/api/account-limit.ts';
import { type AuthConfig, createActorResolver } from '../../../src/api/auth/resolve-actor.ts';
import { createMetrics } from '../../../src/api/metrics.ts';
import { prometheusOpenApi } from '../../../src/api/prometheus/openapi-part.ts';
import { createRestApp, type RestApp } from '../../../src/api/rest/create-rest-app.ts';
import type { RestConfig } from '../../../src/api/rest/endpoint.ts';
import { authConfig, PLUGIN_SECRET } from '../../support/auth-config.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createTestEnvironment, quietHub, type TestEnvironment } from '../../support/environment.ts';

export const NOW = '2026-03-10T12:00:00Z';
export const SECRET = PLUGIN_SECRET;

type FaceConfig = AuthConfig & RestConfig;

export interface RestClientOptions {
  readonly now?: string;
  readonly config?: Partial<FaceConfig>;
  readonly logger?: Logger;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The body as it came. */
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what an endpoint answers is for each test to know
  readonly body: any;
}

export interface Ask {
  readonly account?: string;
  readonly role?: string;
  readonly headers?: Record<string, string>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, as JSON where no other content type is given. */
  readonly raw?: BodyInit;
}

export interface RestClient {
  readonly app: RestApp;
  readonly database: TestDatabase;
  readonly environment: TestEnvironment;
  /** With the plugin bearer, as `admin` of the account `primary` unless told otherwise. */
  ask(method: string, path: string, ask?: Ask): Promise<Answer>;
  /** The request as it is. */
  send(request: Request, env?: unknown): Promise<Answer>;
}

export function faceConfig(changes: Partial<FaceConfig> = {}): FaceConfig {
  return { ...authConfig({ rateLimit: false }), nselfAdminOpenRead: false, ...changes };
}

/** The REST face with its real resolver, on a database of the calling file. */
export async function createRestClient(options: RestClientOptions = {}): Promise<RestClient> {
  const database = await createTestDatabase();
  const quiet = createTestEnvironment(database, Date.parse(options.now ?? NOW));
  const environment = { ...quiet, logger: options.logger ?? pino({ level: 'silent' }) };
  return { ...restOn(environment, options.config), database };
}

/** Another face on the same database, differently configured. */
export function restOn(
  environment: TestEnvironment,
  changes: Partial<FaceConfig> = {},
): Omit<RestClient, 'database'> {
  const config = faceConfig(changes);
  const app = createRestApp({
    environment,
    config,
    resolveActor: createActorResolver({ config, clock: environment.clock }),
    accountLimit: config.rateLimit ? createAccountLimit(environment.clock) : null,
    version: '0.0.0-test',
    metrics: createMetrics('0.0.0-test'),
    hub: quietHub(environment),
    openApiParts: [prometheusOpenApi()],
  });
  const send = async (request: Request, env?: unknown) => answerOf(await app.fetch(request, env));
  return {
    app,
    environment,
    send,
    ask(method, path, { account = 'primary', role = 'admin', headers = {}, json, raw } = {}) {
      const body = json === undefined ? raw : JSON.stringify(json);
      const request = new Request(`http://localhost${path}`, {
        method,
        headers: {
          authorization: `Bearer ${SECRET}`,
          'x-source-account-id': account,
          'x-hasura-role': role,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body, duplex: 'half' }),
      });
      return send(request);
    },
  };
}

async function answerOf(response: Response): Promise<Answer> {
  const { status, headers } = response;
  const text = await response.text();
  const isJson = (headers.get('content-type') ?? '').startsWith('application/json') && text !== '';
  return { status, headers, text, body: isJson ? JSON.parse(text) : undefined };
}
