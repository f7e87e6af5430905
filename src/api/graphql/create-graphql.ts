import { randomUUID } from 'node:crypto';
import type { DocumentNode, ExecutionArgs, ExecutionResult, GraphQLError } from 'graphql';
import type { Logger } from 'pino';
import { ServiceError } from '../../lib/errors.ts';
import type { ServiceEnvironment } from '../../services/context.ts';
import { createStatusHub, type StatusHub } from '../../services/status-hub.ts';
import { type AccountLimit, assertAllowed } from '../account-limit.ts';
import { addAnswerHeaders, requestIdOf } from '../answer-headers.ts';
import type { AuthenticatedActor } from '../auth/credential.ts';
import type { ResolveActor } from '../auth/resolve-actor.ts';
import { readBody } from '../read-body.ts';
import type { Allowance } from '../token-buckets.ts';
import { answerPost } from './answer-post.ts';
import { createBatchers } from './batchers.ts';
import { createDocumentCache } from './document-cache.ts';
import { errorResponse, refusal, type WholeError } from './error-response.ts';
import { federatedSchema } from './federated-schema.ts';
import { graphiqlPage } from './graphiql.ts';
import { LIMITS, type LimitClass } from './limits.ts';
import { createErrorMask } from './mask-error.ts';
import { schema } from './schema.ts';
import { createYogaServer, type ServerContext, type YogaServer } from './yoga-server.ts';

/** In bytes; what the gateway makes of 2,000 joins takes a fifth of it. */
const MAX_BODY_BYTES = 2 * 1024 * 1024;

export interface GraphqlOptions {
  readonly environment: ServiceEnvironment;
  readonly resolveActor: ResolveActor;
  /** Where subscriptions hear of changes; when left out, they tell how things stand at their start alone. */
  readonly hub?: StatusHub;
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
  /** Makes an operation ready that came over a WebSocket; or what is wrong with it, fit to be sent. */
  prepare(actor: AuthenticatedActor, operation: Operation): PreparedOperation | readonly GraphQLError[];
}

/** As a client sends it. */
export interface Operation {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Record<string, unknown> | null | undefined;
}

/** A valid document with what it is to run with. */
export interface PreparedOperation {
  readonly args: ExecutionArgs;
  readonly mask: (error: unknown) => GraphQLError;
  /** Not masked yet, like what `subscribe` yields. */
  readonly execute: () => Promise<ExecutionResult>;
  readonly subscribe: () => Promise<AsyncIterable<ExecutionResult> | ExecutionResult>;
}

/** GraphQL over the services: POST of JSON, GET for queries, and outside production GraphiQL for browsers. */
export function createGraphql(options: GraphqlOptions): Graphql {
  const { environment, resolveActor, limitsFor = limitsOf, production, logger } = options;
  const { accountLimit = null, countError = () => undefined } = options;
  const { hub = createStatusHub(environment, { listen: () => () => undefined }) } = options;
  // Each with a cache of its own, lest what the gateway may ask is taken for good from a client.
  const servers: Readonly<Record<LimitClass, YogaServer>> = {
    client: createYogaServer(schema, LIMITS.client, createDocumentCache()),
    // No two documents of the gateway are the same.
    gateway: createYogaServer(federatedSchema(schema), LIMITS.gateway, null),
  };

  /** What of an answer's errors the client sees; each of their codes is counted once. */
  function maskFor(requestId: string): Pick<Call, 'requestId' | 'mask' | 'count'> {
    const count = errorCount(countError);
    const show = createErrorMask(requestId, logger);
    const mask = (error: unknown) => {
      const shown = show(error);
      count(shown.extensions);
      return shown;
    };
    return { requestId, mask, count };
  }

  function contextFor(
    actor: AuthenticatedActor,
    requestId: string,
    mask: ServerContext['mask'],
  ): ServerContext {
    const services = { ...environment, actor };
    const batchers = createBatchers(services);
    return { services, batchers, hub, requestId, mask, schemaOnly: actor.schemaOnly === true };
  }

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
    const context = contextFor(actor, requestId, mask);
    const server = servers[limitsFor(request, actor)];
    // The body only of those who are known, and within the limits of size and time.
    const response =
      request.method === 'POST'
        ? await answerPost(server, request, await readBody(request, { limit: MAX_BODY_BYTES }), context)
        : await server.fetch(request, context);
    // nginx would otherwise collect a page of a stream before it passes anything on.
    if (isStream(response)) response.headers.set('X-Accel-Buffering', 'no');
    return response;
  }

  return {
    async fetch(request, { peerAddress, requestId = requestIdOf(request) } = {}) {
      const { mask, count } = maskFor(requestId);
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
    prepare(actor, { query, operationName, variables }) {
      const { requestId, mask } = maskFor(randomUUID());
      const context = contextFor(actor, requestId, mask);
      const { parse, validate, execute, subscribe, schema: served } = servers.client.getEnveloped(context);
      try {
        if (accountLimit !== null) assertAllowed(accountLimit(actor.accountId));
        const document: DocumentNode = parse(query);
        const errors = validate(served, document);
        if (errors.length > 0) return errors.map(mask);
        const args = {
          schema: served,
          document,
          operationName: operationName ?? null,
          variableValues: variables ?? {},
          contextValue: context,
        };
        return { args, mask, execute: () => execute(args), subscribe: () => subscribe(args) };
      } catch (error) {
        return [mask(error)];
      }
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

function isStream({ headers }: Response): boolean {
  return (headers.get('content-type') ?? '').startsWith('text/event-stream');
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
