import { createClient as createSseClient, type Client as SseClient } from 'graphql-sse';
import { createClient as createWsClient, type Client as WsClient } from 'graphql-ws';
import { SignJWT } from 'jose';
import { pino } from 'pino';
import { afterEach } from 'vitest';
import { WebSocket } from 'ws';
import { type RunningHttpServer, startServer } from '../../src/api/server.ts';
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { type Courtesy, createCourtesy } from '../../src/lib/courtesy.ts';
import { createDatabase } from '../../src/storage/client.ts';

export const SECRET = 'the-secret-of-the-live-tests';
export const ACCESS_KEY_SECRET = 'a-secret-of-thirty-two-bytes-or-more';
const JWT_KEY = 'a-key-of-thirty-two-bytes-or-more';
const ORIGIN = 'https://app.example.com';

const cleanups: (() => Promise<unknown> | unknown)[] = [];
/** Has it run after the test, the newest first. */
export function afterwards(cleanup: () => Promise<unknown> | unknown): void {
  cleanups.push(cleanup);
}
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup !== undefined; cleanup = cleanups.pop()) await cleanup();
});

/** One replica behind a real HTTP server. */
export interface Replica {
  readonly url: string;
  readonly wsUrl: string;
  /** As SIGTERM does it. */
  stop(): Promise<void>;
}

/** Starts the whole app on the database, by the real clock. It is stopped after the test. */
export async function startReplica(
  databaseUrl: string,
  env: Readonly<Record<string, string>> = {},
  courtesy: Courtesy = createCourtesy(),
): Promise<Replica> {
  const logger = pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' });
  const db = createDatabase(databaseUrl, { logger });
  const config = loadConfig(() => ({ pluginSecret: SECRET, accessKeySecret: ACCESS_KEY_SECRET }), {
    DATABASE_URL: databaseUrl,
    PLUGIN_SECRET: SECRET,
    HASURA_GRAPHQL_JWT_SECRET: JSON.stringify({ type: 'HS256', key: JWT_KEY }),
    CORS_ORIGINS: ORIGIN,
    RATE_LIMIT: 'off',
    ...env,
  });
  const license = { assertCanChangeDefinitions: () => undefined };
  const app = createApp({ config, db, clock: systemClock, logger, license, courtesy });
  const server: RunningHttpServer = await startServer(app.fetch, {
    host: '127.0.0.1',
    port: 0,
    logger,
    upgrade: app.upgrade,
  });
  app.start();
  await app.prepare();
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= Promise.all([server.close(5000), app.stop()]).then(() => db.close());
    return stopping;
  };
  afterwards(stop);
  return { url: `http://127.0.0.1:${server.port}`, wsUrl: `ws://127.0.0.1:${server.port}/graphql`, stop };
}

/** A token of an account that ends at the instant, or not. */
export function token(
  account: string,
  { expiresAtMs, role = 'viewer' }: { expiresAtMs?: number; role?: string } = {},
): Promise<string> {
  const jwt = new SignJWT({
    'https://hasura.io/jwt/claims': {
      'x-hasura-allowed-roles': [role],
      'x-hasura-default-role': role,
      'x-hasura-source-account-id': account,
    },
  }).setProtectedHeader({ alg: 'HS256' });
  if (expiresAtMs !== undefined) jwt.setExpirationTime(new Date(expiresAtMs));
  return jwt.sign(new TextEncoder().encode(JWT_KEY));
}

/** A WebSocket client as a browser has it: credentials in `connection_init`. */
export function wsClient(
  replica: Pick<Replica, 'wsUrl'>,
  connectionParams: Record<string, unknown>,
  options: { retryAttempts?: number; onClosed?: (event: unknown) => void } = {},
): WsClient {
  const { retryAttempts = 0, onClosed } = options;
  const client = createWsClient({
    url: replica.wsUrl,
    webSocketImpl: WebSocket,
    connectionParams,
    retryAttempts,
    retryWait: () => new Promise((resolve) => setTimeout(resolve, 50)),
    shouldRetry: () => true,
    ...(onClosed === undefined ? {} : { on: { closed: onClosed } }),
  });
  afterwards(() => client.dispose());
  return client;
}

/** A client of server-sent events, distinct connections mode. */
export function sseClient(
  replica: Pick<Replica, 'url'>,
  headers: Record<string, string>,
  retryAttempts = 0,
): SseClient {
  const client = createSseClient({ url: `${replica.url}/graphql`, headers, retryAttempts });
  afterwards(() => client.dispose());
  return client;
}

/** What came over a subscription. */
export interface Heard {
  // biome-ignore lint/suspicious/noExplicitAny: what a document answers is for each test to know
  readonly data: any[];
  readonly errors: unknown[];
  isComplete: boolean;
  unsubscribe(): void;
}

/** Runs a subscription, and keeps what comes. */
export function listen(
  client: WsClient | SseClient,
  query: string,
  variables: Record<string, unknown> = {},
): Heard {
  const heard: Heard = { data: [], errors: [], isComplete: false, unsubscribe: () => undefined };
  heard.unsubscribe = client.subscribe(
    { query, variables },
    {
      next: (result: { data?: unknown; errors?: unknown }) => {
        if (result.errors !== undefined) heard.errors.push(result.errors);
        if (result.data !== null && result.data !== undefined) heard.data.push(result.data);
      },
      error: (error: unknown) => heard.errors.push(error),
      complete: () => {
        heard.isComplete = true;
      },
    },
  );
  return heard;
}

/** A request with the plugin's bearer. Rejects where the answer is not a good one; the tests know what is in it. */
export async function call(
  replica: Replica,
  method: string,
  path: string,
  body?: unknown,
  account = 'primary',
): Promise<unknown> {
  const answer = await fetch(`${replica.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${SECRET}`,
      'x-source-account-id': account,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text === '' ? null : JSON.parse(text);
}

/** Points of the minute before this one: so many good of a hundred. */
export function push(replica: Replica, slo: string, good: number, account = 'primary'): Promise<unknown> {
  const at = new Date(Date.now() - 60_000).toISOString();
  return call(
    replica,
    'POST',
    `/api/v1/slos/${slo}/measurements`,
    { points: [{ at, good, total: 100 }] },
    account,
  );
}

/** A stream of `GET /api/v1/events`, as it comes. */
export interface OpenEvents {
  readonly headers: Headers;
  readonly text: string;
  readonly isOver: boolean;
  /** Why it ended, where that was not an end as it should be. */
  readonly failure: unknown;
  /** The data of all events of the name so far. */
  of(event: string): unknown[];
  close(): void;
}

export async function openEvents(
  replica: Pick<Replica, 'url'>,
  query = '',
  authorization = `Bearer ${SECRET}`,
): Promise<OpenEvents> {
  const aborted = new AbortController();
  afterwards(() => aborted.abort());
  const answer = await fetch(`${replica.url}/api/v1/events${query}`, {
    headers: { authorization },
    signal: aborted.signal,
  });
  const state: { text: string; isOver: boolean; failure: unknown } = {
    text: '',
    isOver: false,
    failure: null,
  };
  const read = async (): Promise<void> => {
    for await (const chunk of answer.body ?? []) state.text += Buffer.from(chunk).toString();
  };
  read()
    .catch((error: unknown) => {
      state.failure = error;
    })
    .finally(() => {
      state.isOver = true;
    });
  return {
    headers: answer.headers,
    get text() {
      return state.text;
    },
    get isOver() {
      return state.isOver;
    },
    get failure() {
      return state.failure;
    },
    of: (event) =>
      state.text
        .split('\n\n')
        .filter((block) => block.startsWith(`event: ${event}\n`))
        .map((block) => JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? 'null')),
    close: () => aborted.abort(),
  };
}
