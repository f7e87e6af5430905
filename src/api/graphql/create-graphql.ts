import type { GraphQLError } from 'graphql';
import type { Logger } from 'pino';
import { ServiceError } from '../../lib/errors.ts';
import type { ServiceEnvironment } from '../../services/context.ts';
import { type AccountLimit, assertAllowed } from '../account-limit.ts';
import { addAnswerHeaders, requestIdOf } from '../answer-headers.ts';
import type { AuthenticatedActor } from '../auth/credential.ts';
import type { ResolveActor } from '../auth/resolve-actor.ts';
import { readBody } from '../read-body.ts';
import type { Allowance } from '../token-buckets.ts';
import { createBatchers } from './batchers.ts';
import { createDocumentCache } from './document-cache.ts';
import { errorResponse, refusal, type WholeError } from './error-response.ts';
import { federatedSchema } from './federated-schema.ts';
import { graphiqlPage } from './graphiql.ts';
import { LIMITS, type LimitClass } from './limits.ts';
import { createErrorMask } from './mask-error.ts';
import { schema } from './schema.ts';
import { createYogaServer, type YogaServer } from './yoga-server.ts';

/** In bytes; what the gateway makes of 2,000 joins takes a fifth of it. */
const MAX_BODY_BYTES = 2 * 1024 * 1024;

export interface GraphqlOptions {
  readonly environment: ServiceEnvironment;
  readonly resolveActor: ResolveActor;
  /** How much a document may ask for. When left out: what the gateway sends is let through wide. */
  readonly limitsFor?: (request: Request, actor: AuthenticatedActor) => LimitClass;
  /** True leaves out GraphiQL. */
  readonly production: boolean;
  readonly logger: Logger;
  /** Left out: nobody is counted. */
  readonly accountLimit?: AccountLimit | null;
  /** Told of each error in an answer, by its code in lower case, once an answer. */
  readonly countError?: (code: string) => void;
}

/** What of a request is not in the Request. */
export interface GraphqlRequestContext {
  /** The other end of the connection. */
  readonly peerAddress?: string | undefined;
  /** Names the request in its answer and in the log; the client's own, or made up, when left out. */
  readonly requestId?: string | undefined;
}

export interface Graphql {
  /** Answers what is asked of `/graphql`. Never throws. */
  fetch(request: Request, context?: GraphqlRequestContext): Promise<Response>;
}

/** GraphQL over the services: POST of JSON, GET for queries, and outside production GraphiQL for browsers. */
export function createGraphql(options: GraphqlOptions): Graphql {
  const { environment, resolveActor, limitsFor = limitsOf, production, logger } = options;
  const { accountLimit = null, countError = () => undefined } = options;
  // Each with a cache of its own, lest what the gateway may ask is taken for good from a client.
  const servers: Readonly<Record<LimitClass, YogaServer>> = {
    client: createYogaServer(schema, LIMITS.client, createDocumentCache()),
    // No two documents of the gateway are the same.
    gateway: createYogaServer(federatedSchema(schema), LIMITS.gateway, null),
  };

  async function answer(call: Call): Promise<Response> {
    const { request, peerAddress, requestId, mask } = call;
    if (!production && wantsPage(request)) return graphiqlPage();
    const unfit = unfitness(request);
    if (unfit !== null) {
      call.count(unfit.extensions);
      return errorResponse(unfit);
    }
    const actor = await resolveActor(request, { peerAddress, allowSchemaOnly: true });
    call.allowance = accountLimit?.(actor.accountId) ?? null;
    if (call.allowance !== null) assertAllowed(call.allowance);
    const services = { ...environment, actor };
    const context = {
      services,
      batchers: createBatchers(services),
      requestId,
      mask,
      schemaOnly: actor.schemaOnly === true,
    };
    return servers[limitsFor(request, actor)].fetch(await arrived(request), context);
  }

  return {
    async fetch(request, { peerAddress, requestId = requestIdOf(request) } = {}) {
      const count = errorCount(countError);
      const show = createErrorMask(requestId, logger);
      const mask = (error: unknown) => {
        const shown = show(error);
        count(shown.extensions);
        return shown;
      };
      const call: Call = { request, peerAddress, requestId, mask, count, allowance: null };
      const response = await answer(call).catch((error: unknown) => {
        const { message, extensions } = mask(error);
        return error instanceof ServiceError
          ? refusal(error)
          : errorResponse({ status: 500, message, extensions });
      });
      addAnswerHeaders(response.headers, requestId, call.allowance, environment.clock.now());
      return response;
    },
  };
}

function limitsOf(_request: Request, actor: AuthenticatedActor): LimitClass {
  return actor.via === 'gateway' ? 'gateway' : 'client';
}

interface Call {
  readonly request: Request;
  readonly peerAddress: string | undefined;
  readonly requestId: string;
  readonly mask: (error: unknown) => GraphQLError;
  readonly count: (extensions: Readonly<Record<string, unknown>>) => void;
  /** What the account may still ask, once it is known. */
  allowance: Allowance | null;
}

/** Counts each code of one answer once. */
function errorCount(countError: (code: string) => void): Call['count'] {
  const counted = new Set<string>();
  return ({ code }) => {
    const word = typeof code === 'string' ? code.toLowerCase() : 'internal';
    if (counted.size < counted.add(word).size) countError(word);
  };
}

/** The request with its body in hand: within the limits of size and time, and only for those who are known. */
async function arrived(request: Request): Promise<Request> {
  if (request.method !== 'POST') return request;
  const { url, method, headers, signal } = request;
  return new Request(url, {
    method,
    headers,
    signal,
    body: await readBody(request, { limit: MAX_BODY_BYTES }),
  });
}

function wantsPage(request: Request): boolean {
  return request.method === 'GET' && (request.headers.get('accept') ?? '').includes('text/html');
}

/** Why a request cannot be GraphQL. Anything but JSON could be sent by a form on a foreign page. */
function unfitness(request: Request): WholeError | null {
  if (request.method === 'GET') return null;
  if (request.method !== 'POST') {
    return {
      status: 405,
      message: 'GraphQL takes POST, and GET for queries.',
      extensions: { code: 'METHOD_NOT_ALLOWED' },
      headers: { allow: 'GET, POST' },
    };
  }
  const [mediaType = '', ...parameters] = (request.headers.get('content-type') ?? '')
    .toLowerCase()
    .split(';');
  const isUtf8 = parameters.every((text) => !/^\s*charset\s*=/.test(text) || /=\s*"?utf-?8"?\s*$/.test(text));
  if (mediaType.trim() === 'application/json' && isUtf8) return null;
  return {
    status: 415,
    message: 'The body must be JSON in UTF-8, sent as application/json.',
    extensions: { code: 'UNSUPPORTED_MEDIA_TYPE' },
  };
}
