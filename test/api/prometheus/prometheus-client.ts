import { pino } from 'pino';
import { createActorResolver } from '../../../src/api/auth/resolve-actor.ts';
import { createMetrics } from '../../../src/api/metrics.ts';
import {
  createPrometheusApp,
  type PrometheusApp,
} from '../../../src/api/prometheus/create-prometheus-app.ts';
import type { Config } from '../../../src/config.ts';
import { createSeriesStore } from '../../../src/storage/series-source.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createTestEnvironment, type TestEnvironment } from '../../support/environment.ts';

export const SECRET = 'a-plugin-secret-for-tests';
export const BASE = '/api/prometheus/v1/api/v1';
const MIB = 1024 * 1024;

type FaceConfig = Parameters<typeof createActorResolver>[0]['config'] &
  Pick<Config, 'prometheusRateLimit' | 'prometheusCacheMb'>;

export interface PrometheusAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what an endpoint answers is for each test to know
  readonly body: any;
}

export type Form = Readonly<Record<string, string | number | readonly string[]>>;

export interface AskOptions {
  readonly account?: string;
  readonly role?: string;
  readonly method?: 'GET' | 'POST' | 'PUT' | 'OPTIONS' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PrometheusClient {
  readonly app: PrometheusApp;
  readonly environment: TestEnvironment;
  /** GET with the form in the URL, or POST with it in the body; `path` is behind the base. */
  ask(path: string, form?: Form, options?: AskOptions): Promise<PrometheusAnswer>;
  send(request: Request): Promise<PrometheusAnswer>;
}

function faceConfig(changes: Partial<FaceConfig> = {}): FaceConfig {
  return {
    pluginSecret: SECRET,
    jwt: null,
    writeRoles: ['admin', 'nself_admin'],
    corsOrigins: [],
    publicUrl: null,
    trustedProxies: ['loopback'],
    rateLimit: false,
    accessKeySecret: null,
    accessKeyEpoch: 1,
    accessKeyRevoked: [],
    edgeBearerAnyAccount: false,
    prometheusRateLimit: null,
    prometheusCacheMb: 64,
    ...changes,
  };
}

function encodeForm(form: Form): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(form)) {
    for (const one of Array.isArray(value) ? value : [value]) parameters.append(name, String(one));
  }
  return parameters;
}

/** The Prometheus face with its real resolver. */
export function prometheusOn(
  environment: TestEnvironment,
  changes: Partial<FaceConfig> = {},
): PrometheusClient {
  const config = faceConfig(changes);
  const app = createPrometheusApp({
    environment,
    series: createSeriesStore({ ...environment, cacheBytes: config.prometheusCacheMb * MIB }),
    config,
    version: '0.0.0-test',
    metrics: createMetrics('0.0.0-test'),
    resolveActor: createActorResolver({ config, clock: environment.clock }),
  });
  const send = async (request: Request) => answerOf(await app.fetch(request, '127.0.0.1'));
  return {
    app,
    environment,
    send,
    ask(path, form = {}, { account = 'primary', role = 'admin', method = 'GET', headers = {} } = {}) {
      const parameters = encodeForm(form);
      const isPost = method === 'POST';
      const query = isPost || parameters.size === 0 ? '' : `?${parameters}`;
      return send(
        new Request(`http://localhost${BASE}${path}${query}`, {
          method,
          headers: {
            authorization: `Bearer ${SECRET}`,
            'x-source-account-id': account,
            'x-hasura-role': role,
            ...headers,
          },
          ...(isPost ? { body: parameters } : {}),
        }),
      );
    },
  };
}

export async function createPrometheusClient(
  now: string | number,
  changes: Partial<FaceConfig> = {},
): Promise<PrometheusClient & { readonly database: TestDatabase }> {
  const database = await createTestDatabase();
  const nowMs = typeof now === 'number' ? now : Date.parse(now);
  const environment = { ...createTestEnvironment(database, nowMs), logger: pino({ level: 'silent' }) };
  return { ...prometheusOn(environment, changes), database };
}

async function answerOf(response: Response): Promise<PrometheusAnswer> {
  const { status, headers } = response;
  const text = await response.text();
  const isJson = (headers.get('content-type') ?? '').startsWith('application/json');
  return { status, headers, text, body: isJson ? JSON.parse(text) : undefined };
}
