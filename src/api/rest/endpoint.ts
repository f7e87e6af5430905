import type { z } from 'zod';
import type { Config } from '../../config.ts';
import type { Actor, ServiceContext, ServiceEnvironment } from '../../services/context.ts';
import type { StatusHub } from '../../services/status-hub.ts';
import type { Metrics } from '../metrics.ts';
import type { OpenApiPart } from '../openapi-part.ts';
import { type QuerySchema, readQuery } from './query-parameters.ts';

/** What of the configuration the REST face looks at. */
export type RestConfig = Pick<Config, 'publicUrl' | 'corsOrigins' | 'rateLimit' | 'nselfAdminOpenRead'>;

/** What does not change from request to request. */
export interface RestServer {
  readonly environment: ServiceEnvironment;
  readonly config: RestConfig;
  readonly version: string;
  readonly metrics: Metrics;
  readonly hub: StatusHub;
  /** What other faces add to the OpenAPI document. */
  readonly openApiParts: readonly OpenApiPart[];
}

/** A request to an endpoint. */
export interface Incoming {
  readonly request: Request;
  readonly server: RestServer;
  /** The `{id}` of the path, the UUID or `project.name`; '' where the path has none. */
  readonly id: string;
  /** The `{aid}` of the path, of a budget adjustment; '' where the path has none. */
  readonly adjustmentId: string;
  /** Finds out who asks, and whether too often. */
  readonly authenticate: () => Promise<Actor>;
}

/** A request of somebody who is known, its query parsed. */
export interface Call<Query> extends Omit<Incoming, 'authenticate'> {
  readonly ctx: ServiceContext;
  readonly query: Query;
}

interface ContentDocument {
  readonly description: string;
  /** By media type; null for one that is not JSON. Without any the body is empty. */
  readonly content: Readonly<Record<string, z.ZodType | null>>;
}

/** What the OpenAPI document says of an endpoint. */
export interface EndpointDocument {
  readonly method: 'get' | 'post' | 'patch' | 'delete';
  /** With `{id}` for the SLO, and `{aid}` for one of its budget adjustments. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly body?: ContentDocument;
  /** The answer when all is well. */
  readonly answer: ContentDocument & { readonly status: number };
  /** Errors beside those that every endpoint can answer. */
  readonly errors?: readonly number[];
}

/** An endpoint as the app mounts it and the document describes it. */
export interface Endpoint extends EndpointDocument {
  /** `local-read`: credentials, unless NSELF_ADMIN_OPEN_READ lets the request in without. */
  readonly access: 'open' | 'credentials' | 'local-read';
  /** Null for one that takes no notice of the query. */
  readonly query: QuerySchema | null;
  readonly serve: (incoming: Incoming) => Promise<Response>;
}

type OpenEndpoint = EndpointDocument & { readonly handle: (incoming: Incoming) => Promise<Response> };

/** An endpoint that needs no credentials. */
export function openEndpoint({ handle, ...document }: OpenEndpoint): Endpoint {
  return { ...document, access: 'open', query: null, serve: handle };
}

interface ActorEndpoint<Schema extends QuerySchema> extends EndpointDocument {
  readonly access?: 'local-read';
  readonly query: Schema;
  readonly handle: (call: Call<z.output<Schema>>) => Promise<Response>;
}

/** An endpoint for actors: who they are is found out before anything else is looked at. */
export function actorEndpoint<Schema extends QuerySchema>(endpoint: ActorEndpoint<Schema>): Endpoint {
  const { handle, query: schema, access = 'credentials', ...document } = endpoint;
  return {
    ...document,
    access,
    query: schema,
    async serve({ authenticate, ...incoming }) {
      const ctx = { ...incoming.server.environment, actor: await authenticate() };
      return handle({ ...incoming, ctx, query: readQuery(incoming.request.url, schema) });
    },
  };
}
