import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { ServiceError } from '../../lib/errors.ts';
import type { ServiceEnvironment } from '../../services/context.ts';
import type { AuthenticatedActor } from '../auth/credential.ts';
import type { ResolveActor } from '../auth/resolve-actor.ts';
import { createBatchers } from './batchers.ts';
import { createDocumentCache } from './document-cache.ts';
import { errorResponse, refusal } from './error-response.ts';
import { federatedSchema } from './federated-schema.ts';
import { graphiqlPage } from './graphiql.ts';
import { LIMITS, type LimitClass } from './limits.ts';
import { createErrorMask } from './mask-error.ts';
import { schema } from './schema.ts';
import { createYogaServer, type YogaServer } from './yoga-server.ts';

export interface GraphqlOptions {
  readonly environment: ServiceEnvironment;
  readonly resolveActor: ResolveActor;
  /** How much a document may ask for. When left out: what the gateway sends is let through wide. */
  readonly limitsFor?: (request: Request, actor: AuthenticatedActor) => LimitClass;
  /** True leaves out GraphiQL. */
  readonly production: boolean;
  readonly logger: Logger;
}

/** What of a request is not in the Request. */
export interface GraphqlRequestContext {
  /** The other end of the connection. */
  readonly peerAddress?: string | undefined;
  /** Names the request in masked errors and in the log; made up when left out. */
  readonly requestId?: string | undefined;
}

export interface Graphql {
  /** Answers what is asked of `/graphql`. Never throws. */
  fetch(request: Request, context?: GraphqlRequestContext): Promise<Response>;
}

/** GraphQL over the services: POST of JSON, GET for queries, and outside production GraphiQL for browsers. */
export function createGraphql(options: GraphqlOptions): Graphql {
  const { environment, resolveActor, limitsFor = limitsOf, production, logger } = options;
  // Each with a cache of its own, lest what the gateway may ask is taken for good from a client.
  const servers: Readonly<Record<LimitClass, YogaServer>> = {
    client: createYogaServer(schema, LIMITS.client, createDocumentCache()),
    // No two documents of the gateway are the same.
    gateway: createYogaServer(federatedSchema(schema), LIMITS.gateway, null),
  };

  return {
    async fetch(request, { peerAddress, requestId = randomUUID() } = {}) {
      const mask = createErrorMask(requestId, logger);
      try {
        if (!production && wantsPage(request)) return await graphiqlPage();
        const unfit = unfitness(request);
        if (unfit !== null) return unfit;
        const actor = await resolveActor(request, { peerAddress, allowSchemaOnly: true });
        const services = { ...environment, actor };
        const context = {
          services,
          batchers: createBatchers(services),
          requestId,
          mask,
          schemaOnly: actor.schemaOnly === true,
        };
        return await servers[limitsFor(request, actor)].fetch(request, context);
      } catch (error) {
        const { message, extensions } = mask(error);
        return error instanceof ServiceError
          ? refusal(error)
          : errorResponse({ status: 500, message, extensions });
      }
    },
  };
}

function limitsOf(_request: Request, actor: AuthenticatedActor): LimitClass {
  return actor.via === 'gateway' ? 'gateway' : 'client';
}

function wantsPage(request: Request): boolean {
  return request.method === 'GET' && (request.headers.get('accept') ?? '').includes('text/html');
}

/** Why a request cannot be GraphQL. Anything but JSON could be sent by a form on a foreign page. */
function unfitness(request: Request): Response | null {
  if (request.method === 'GET') return null;
  if (request.method !== 'POST') {
    return errorResponse({
      status: 405,
      message: 'GraphQL takes POST, and GET for queries.',
      extensions: { code: 'METHOD_NOT_ALLOWED' },
      headers: { allow: 'GET, POST' },
    });
  }
  const [mediaType = '', ...parameters] = (request.headers.get('content-type') ?? '')
    .toLowerCase()
    .split(';');
  const isUtf8 = parameters.every((text) => !/^\s*charset\s*=/.test(text) || /=\s*"?utf-?8"?\s*$/.test(text));
  if (mediaType.trim() === 'application/json' && isUtf8) return null;
  return errorResponse({
    status: 415,
    message: 'The body must be JSON in UTF-8, sent as application/json.',
    extensions: { code: 'UNSUPPORTED_MEDIA_TYPE' },
  });
}
