import type { OpenApiPart } from '../openapi-part.ts';
import type { EndpointParameter, PrometheusEndpoint } from './endpoint.ts';
import { PROMETHEUS_BASE, prometheusEndpoints } from './endpoints.ts';

type Json = Readonly<Record<string, unknown>>;

const TEXT = { type: 'string' } as const;
const ERRORS: Readonly<Record<number, string>> = {
  400: 'The request, or its expression, is not valid; or it asks for more than the limits allow.',
  422: 'The expression cannot be evaluated over what is there.',
  429: 'Too many requests of the account; see `Retry-After`.',
  500: 'A fault on our side; the answer has the id of the request.',
  503: 'It took too long, or something that is needed is away.',
};
/** What comes before Prometheus answers in words. */
const DENIALS: Readonly<Record<number, string>> = {
  401: 'Credentials are missing, or not valid.',
  403: 'The role may not do this.',
};

const SCHEMAS: Json = {
  PrometheusAnswer: {
    type: 'object',
    required: ['status', 'data'],
    properties: {
      status: { const: 'success' },
      data: { description: "As Prometheus' HTTP API answers at this path." },
      warnings: { type: 'array', items: TEXT },
      infos: { type: 'array', items: TEXT },
    },
  },
  PrometheusError: {
    type: 'object',
    required: ['status', 'errorType', 'error'],
    properties: {
      status: { const: 'error' },
      errorType: { ...TEXT, description: 'A word for programs.', examples: ['bad_data'] },
      error: { ...TEXT, description: 'A sentence for people.' },
    },
  },
};

/** The endpoints of this face for the OpenAPI document. */
export function prometheusOpenApi(): OpenApiPart {
  const failure = { 'application/json': { schema: { $ref: '#/components/schemas/PrometheusError' } } };
  const responses = [
    ...Object.entries(ERRORS).map(([status, description]) => [status, { description, content: failure }]),
    ...Object.entries(DENIALS).map(([status, description]) => [
      status,
      { description, content: { 'text/plain': { schema: TEXT } } },
    ]),
  ].map(([status, response]) => [`Prometheus${status}`, response]);
  return {
    paths: Object.fromEntries(
      prometheusEndpoints.map((endpoint) => [
        PROMETHEUS_BASE + endpoint.path,
        Object.fromEntries(
          endpoint.methods.map((method) => [method.toLowerCase(), operation(endpoint, method)]),
        ),
      ]),
    ),
    schemas: SCHEMAS,
    responses: Object.fromEntries(responses),
  };
}

function operation(endpoint: PrometheusEndpoint, method: 'GET' | 'POST'): Json {
  const { path, summary, parameters } = endpoint;
  const inPath = path.includes('{name}')
    ? [{ name: 'name', in: 'path', required: true, description: 'The label.', schema: TEXT }]
    : [];
  const all = method === 'GET' ? [...inPath, ...parameters.map(inQuery)] : inPath;
  return {
    operationId: operationId(path, method),
    summary,
    ...(all.length === 0 ? {} : { parameters: all }),
    ...(method === 'GET' ? {} : { requestBody: form(parameters) }),
    responses: {
      200: {
        description: "Prometheus' envelope.",
        content: { 'application/json': { schema: { $ref: '#/components/schemas/PrometheusAnswer' } } },
      },
      ...Object.fromEntries(
        [...Object.keys(ERRORS), ...Object.keys(DENIALS)].map((status) => [
          status,
          { $ref: `#/components/responses/Prometheus${status}` },
        ]),
      ),
    },
  };
}

/** `prometheusQueryRange` of `/query_range`; a form's has `ByForm` behind it. */
function operationId(path: string, method: 'GET' | 'POST'): string {
  const words = path.replace('{name}', '').split(/[/_]+/);
  const name = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('');
  return `prometheus${name}${method === 'GET' ? '' : 'ByForm'}`;
}

const schemaOf = ({ repeated = false }: EndpointParameter): Json =>
  repeated ? { type: 'array', items: TEXT } : TEXT;

function inQuery(parameter: EndpointParameter): Json {
  const { name, description, required = false } = parameter;
  return { name, in: 'query', ...(required ? { required } : {}), description, schema: schemaOf(parameter) };
}

/** The same parameters, for expressions that are too long for a URL. */
function form(parameters: readonly EndpointParameter[]): Json {
  const required = parameters.filter((parameter) => parameter.required).map(({ name }) => name);
  const schema = {
    type: 'object',
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(
      parameters.map((parameter) => [
        parameter.name,
        { ...schemaOf(parameter), description: parameter.description },
      ]),
    ),
  };
  return { content: { 'application/x-www-form-urlencoded': { schema } } };
}
