import { z } from 'zod';
import type { OpenApiPart } from '../openapi-part.ts';
import type { Endpoint } from './endpoint.ts';
import { errorSchema } from './error-answer.ts';

type Json = Readonly<Record<string, unknown>>;

export interface OpenApiOptions {
  readonly version: string;
  /** The outside address, null for this host. */
  readonly publicUrl: string | null;
  /** Of the other faces. */
  readonly parts: readonly OpenApiPart[];
}

const ERRORS: Readonly<Record<number, string>> = {
  400: 'The request is malformed, or brings two kinds of credentials.',
  401: 'Credentials are missing, or not valid.',
  403: 'The role may not do this.',
  404: 'There is no such thing in the account.',
  409: 'Another one has this name.',
  413: 'The body is too large.',
  415: 'The body is of another type.',
  422: 'A value is not valid; `details` names it.',
  429: 'Too many requests; see `Retry-After`.',
  500: 'A fault on our side; the answer has the id of the request.',
  503: 'Something that is needed is away; try again.',
};
const ALWAYS: readonly number[] = [500];
const WITH_CREDENTIALS: readonly number[] = [400, 401, 403, 422, 429, 503];

/** The OpenAPI 3.1 document of the endpoints, out of the schemas that check and type what they exchange. */
export function openApiDocument(
  endpoints: readonly Endpoint[],
  { version, publicUrl, parts }: OpenApiOptions,
): Json {
  const schemas: Schemas = {};
  const paths: Record<string, Json> = {};
  for (const endpoint of endpoints) {
    paths[endpoint.path] = { ...paths[endpoint.path], [endpoint.method]: operation(endpoint, schemas) };
  }
  for (const part of parts) {
    Object.assign(paths, part.paths);
    Object.assign(schemas, part.schemas);
  }
  const error = { 'application/json': { schema: toJson(errorSchema, 'output', schemas) } };
  const responses = Object.entries(ERRORS).map(
    ([status, description]) => [`Error${status}`, { description, content: error }] as const,
  );
  return {
    openapi: '3.1.0',
    info: {
      title: 'nself-slo-tracker',
      version,
      description: 'Service level objectives, error budgets and burn rates.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: publicUrl ?? '/' }],
    security: [{ bearer: [] }, { accessKey: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: "The plugin's secret, or a JWT as Hasura takes it.",
        },
        accessKey: {
          type: 'http',
          scheme: 'basic',
          description: 'An access key: the user is the account, the password the key.',
        },
      },
      schemas,
      responses: Object.assign(Object.fromEntries(responses), ...parts.map((part) => part.responses)),
    },
  };
}

function operation(endpoint: Endpoint, schemas: Schemas): Json {
  const { operationId, summary, description, access, body, answer, errors = [] } = endpoint;
  const statuses = new Set([...ALWAYS, ...(access === 'open' ? [] : WITH_CREDENTIALS), ...errors]);
  const parameters = [...pathParameters(endpoint), ...queryParameters(endpoint, schemas)];
  const requestBody = body && {
    required: true,
    description: body.description,
    content: contentOf(body.content, 'input', schemas),
  };
  const hasContent = Object.keys(answer.content).length > 0;
  return {
    operationId,
    summary,
    ...(description === undefined ? {} : { description }),
    ...(access === 'open' ? { security: [] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: {
      [answer.status]: {
        description: answer.description,
        ...(hasContent ? { content: contentOf(answer.content, 'output', schemas) } : {}),
      },
      ...Object.fromEntries(
        [...statuses].map((status) => [status, { $ref: `#/components/responses/Error${status}` }]),
      ),
    },
  };
}

const PATH_PARAMETERS = {
  id: 'The UUID of the SLO, or `project.name`.',
  aid: 'The UUID of the budget adjustment.',
} as const;

function pathParameters({ path }: Endpoint): Json[] {
  return Object.entries(PATH_PARAMETERS).flatMap(([name, description]) =>
    path.includes(`{${name}}`)
      ? [{ name, in: 'path', required: true, description, schema: { type: 'string' } }]
      : [],
  );
}

function queryParameters({ query }: Endpoint, schemas: Schemas): Json[] {
  return Object.entries(query?.shape ?? {}).map(([name, parameter]) => {
    const { description, ...schema } = toJson(parameter, 'output', schemas);
    return { name, in: 'query', ...(description === undefined ? {} : { description }), schema };
  });
}

function contentOf(
  content: Readonly<Record<string, z.ZodType | null>>,
  io: 'input' | 'output',
  schemas: Schemas,
): Json {
  const entries = Object.entries(content).map(([type, schema]) => [
    type,
    { schema: schema === null ? { type: 'string' } : toJson(schema, io, schemas) },
  ]);
  return Object.fromEntries(entries);
}

/** The schemas that have a name of their own, by it. */
type Schemas = Record<string, unknown>;

/**
 * A schema as JSON Schema 2020-12, which is what OpenAPI 3.1 speaks. Those with an `id` go into `schemas` and
 * are referred to; it stands in an object, since Zod would write out the outermost one.
 */
function toJson(schema: z.ZodType, io: 'input' | 'output', schemas: Schemas): Json {
  const { properties = {}, $defs = {} } = JSON.parse(
    JSON.stringify(z.toJSONSchema(z.object({ schema }), { io, unrepresentable: 'any' })).replaceAll(
      '"#/$defs/',
      '"#/components/schemas/',
    ),
  );
  Object.assign(schemas, $defs);
  return properties.schema ?? {};
}
