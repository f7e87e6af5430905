import { type Context, Hono } from 'hono';
import { type AccountLimit, assertAllowed } from '../account-limit.ts';
import { addAnswerHeaders, requestIdOf } from '../answer-headers.ts';
import { openReader } from '../auth/admin-open-read.ts';
import { peerAddressOf } from '../auth/peer-address.ts';
import type { ResolveActor } from '../auth/resolve-actor.ts';
import { addCorsHeaders, optionsResponse } from '../cors.ts';
import type { Allowance } from '../token-buckets.ts';
import type { Endpoint, RestServer } from './endpoint.ts';
import { restEndpoints } from './endpoints.ts';
import { answerFailure, type ErrorAnswer, NO_SUCH_PATH, WRONG_METHOD } from './error-answer.ts';

export interface RestOptions extends RestServer {
  readonly resolveActor: ResolveActor;
  /** Null: nobody is counted. */
  readonly accountLimit: AccountLimit | null;
}

export interface RestApp {
  /** `env` is what the Node adapter passes along; the peer's address is read from it. */
  fetch(request: Request, env?: unknown): Promise<Response>;
}

interface Variables {
  requestId: string;
  /** The pattern that the path matched. */
  route: string;
  /** What the account may still ask, once it is known. */
  allowance: Allowance | null;
}

type RestContext = Context<{ Variables: Variables }>;

/** The REST face: an adapter over the services, with no logic of its own. */
export function createRestApp({ resolveActor, accountLimit, ...server }: RestOptions): RestApp {
  const { config, metrics } = server;
  const { clock, logger } = server.environment;
  const app = new Hono<{ Variables: Variables }>();

  app.use(async (c, next) => {
    const finished = metrics.requestStarted();
    c.set('requestId', requestIdOf(c.req.raw));
    c.set('route', 'unmatched');
    c.set('allowance', null);
    await next();
    const { headers } = c.res;
    const { requestId, route, allowance } = c.var;
    addAnswerHeaders(headers, requestId, allowance, clock.now());
    addCorsHeaders(c.req.raw, headers, config.corsOrigins);
    finished({ method: c.req.method, route, status: c.res.status });
  });

  function answer({ status, body, headers }: ErrorAnswer): Response {
    metrics.countError(body.code);
    return Response.json(body, { status, headers });
  }

  async function serve(endpoint: Endpoint, c: RestContext): Promise<Response> {
    c.set('route', endpoint.path);
    const request = c.req.raw;
    const peerAddress = peerAddressOf(c.env);
    const authenticate = async () => {
      const reader = endpoint.access === 'local-read' ? openReader(request, peerAddress, config) : null;
      const actor = reader ?? (await resolveActor(request, { peerAddress }));
      if (accountLimit !== null) {
        const allowance = accountLimit(actor.accountId);
        c.set('allowance', allowance);
        assertAllowed(allowance);
      }
      return actor;
    };
    try {
      const id = c.req.param('id') ?? '';
      const adjustmentId = c.req.param('aid') ?? '';
      return await endpoint.serve({ request, server, id, adjustmentId, authenticate });
    } catch (failure) {
      const { requestId } = c.var;
      return answer(answerFailure(failure, { requestId, logger, aborted: request.signal.aborted }));
    }
  }

  const all = restEndpoints(server);
  for (const path of new Set(all.map((endpoint) => endpoint.path))) {
    const endpoints = all.filter((endpoint) => endpoint.path === path);
    const pattern = path.replace('{id}', ':id').replace('{aid}', ':aid');
    for (const endpoint of endpoints) {
      app.on(endpoint.method.toUpperCase(), pattern, (c) => serve(endpoint, c));
    }
    const allowed = ['OPTIONS', ...endpoints.flatMap(methodsOf)].sort();
    app.all(pattern, (c) => {
      c.set('route', path);
      if (c.req.method === 'OPTIONS') return optionsResponse(c.req.raw, allowed, config.corsOrigins);
      return answer({ ...WRONG_METHOD, headers: { Allow: allowed.join(', ') } });
    });
  }
  app.notFound(() => answer(NO_SUCH_PATH));
  app.onError((failure, c) =>
    answer(answerFailure(failure, { requestId: c.var.requestId, logger, aborted: false })),
  );

  return { fetch: async (request, env) => app.fetch(request, { ...asBindings(env) }) };
}

function methodsOf({ method }: Endpoint): string[] {
  return method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()];
}

function asBindings(env: unknown): object {
  return typeof env === 'object' && env !== null ? env : {};
}
