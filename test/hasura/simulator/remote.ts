import {
  type FieldNode,
  type GraphQLSchema,
  Kind,
  OperationTypeNode,
  parse,
  print,
  type VariableDefinitionNode,
  validate,
  valueFromASTUntyped,
  visit,
} from 'graphql';
import { HasuraError } from './hasura-error.ts';
import { INTROSPECTION_QUERY, schemaFromAnswer } from './introspect.ts';
import type { RemoteSchemaMetadata } from './metadata-schema.ts';
import { type RoleSchema, roleSchemaOf } from './permission-schema.ts';
import { postJson } from './post-json.ts';
import { withPresets } from './presets.ts';
import type { Operation } from './selections.ts';
import type { Headers, Session } from './session.ts';
import { upstreamHeaders } from './upstream-headers.ts';

/** A request as it went to the remote. */
export interface SentRequest {
  readonly headers: Headers;
  readonly body: { readonly query: string; readonly variables: unknown };
}

/** Who asks, with the headers that came from the client. */
export interface Caller {
  readonly session: Session;
  readonly headers: Headers;
}

export interface Remote {
  readonly metadata: RemoteSchemaMetadata;
  readonly upstream: GraphQLSchema;
  /** What the role may ask; null: nothing. */
  schemaFor(role: string): RoleSchema | null;
  /** One request for these root fields. Throws a HasuraError for any errors in the answer, and drops its data. */
  ask(
    kind: OperationTypeNode,
    fields: readonly FieldNode[],
    operation: Operation,
    caller: Caller,
  ): Promise<Record<string, unknown>>;
}

/** Introspects the remote and checks its permissions. Throws a HasuraError for what Hasura would not take. */
export async function openRemote(
  metadata: RemoteSchemaMetadata,
  environment: Readonly<Record<string, string>>,
  onSent: (request: SentRequest) => void,
): Promise<Remote> {
  const env = (name: string): string => {
    const value = environment[name];
    if (value === undefined) throw new HasuraError('not-found', `environment variable '${name}' not set`);
    return value;
  };
  const { definition } = metadata;
  const url = env(definition.url_from_env);
  const configured = Object.fromEntries(
    definition.headers.map((header) => [header.name.toLowerCase(), env(header.value_from_env)]),
  );

  async function post(
    headers: Headers,
    body: SentRequest['body'] & { operationName?: string },
  ): Promise<unknown> {
    onSent({ headers, body });
    return postJson(url, headers, body);
  }

  const asAdmin = upstreamHeaders(configured, new Map([['x-hasura-role', 'admin']]), {});
  const upstream = schemaFromAnswer(
    await post(asAdmin, { query: INTROSPECTION_QUERY, operationName: 'IntrospectionQuery', variables: null }),
  );
  const roles = new Map<string, RoleSchema>([['admin', { schema: upstream, presets: new Map() }]]);
  for (const { role, definition: permission } of metadata.permissions) {
    const found = roleSchemaOf(permission.schema, upstream);
    if (!('schema' in found)) throw new HasuraError('inconsistent', `role ${role}: ${found.join('; ')}`);
    roles.set(role, found);
  }

  return {
    metadata,
    upstream,
    schemaFor: (role) => roles.get(role) ?? null,
    async ask(kind, fields, { node, variables }, { session, headers }) {
      const role = roles.get(session.role);
      const root = upstream.getRootType(kind);
      if (role === undefined || root == null) throw new HasuraError('validation-failed', 'no such remote');
      const used = (node.variableDefinitions ?? []).filter((one) => isUsed(one, fields));
      assertValid(role.schema, kind, used, fields);
      const sent = fields.map((field) => withPresets(field, root.name, role, upstream, session));
      const answer = await post(
        upstreamHeaders(configured, session.variables, definition.forward_client_headers ? headers : {}),
        {
          query: documentOf(kind, used, sent),
          // A variable that the client left out arrives as an explicit null.
          variables: Object.fromEntries(
            used.map(({ variable: { name }, defaultValue }) => [
              name.value,
              variables[name.value] ??
                (defaultValue === undefined ? null : valueFromASTUntyped(defaultValue)),
            ]),
          ),
        },
      );
      return dataOf(answer);
    },
  };
}

function isUsed({ variable }: VariableDefinitionNode, fields: readonly FieldNode[]): boolean {
  let used = false;
  for (const field of fields) {
    visit(field, {
      Variable({ name }) {
        used ||= name.value === variable.name.value;
      },
    });
  }
  return used;
}

function documentOf(
  kind: OperationTypeNode,
  variables: readonly VariableDefinitionNode[],
  fields: readonly FieldNode[],
): string {
  return print({
    kind: Kind.OPERATION_DEFINITION,
    operation: kind,
    variableDefinitions: variables,
    selectionSet: { kind: Kind.SELECTION_SET, selections: fields },
  });
}

function assertValid(
  schema: GraphQLSchema,
  kind: OperationTypeNode,
  variables: readonly VariableDefinitionNode[],
  fields: readonly FieldNode[],
): void {
  if (schema.getRootType(kind) == null) {
    throw new HasuraError('validation-failed', `no ${kind}s exist`);
  }
  const [error] = validate(schema, parse(documentOf(kind, variables, fields)));
  if (error !== undefined) throw new HasuraError('validation-failed', error.message);
}

/** Any `errors` discard the data, an empty list of them too. */
function dataOf(answer: unknown): Record<string, unknown> {
  if (typeof answer !== 'object' || answer === null) {
    throw new HasuraError('remote-schema-error', 'the remote did not answer with an object');
  }
  if ('errors' in answer && answer.errors !== undefined) {
    const errors: unknown[] = Array.isArray(answer.errors) ? answer.errors : [answer.errors];
    throw new HasuraError('remote-schema-error', 'the remote answered with errors', errors);
  }
  if (!('data' in answer) || typeof answer.data !== 'object' || answer.data === null) {
    throw new HasuraError('remote-schema-error', 'the remote answered without data');
  }
  return { ...answer.data };
}

export const QUERY = OperationTypeNode.QUERY;
