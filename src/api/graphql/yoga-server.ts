import type { GraphQLError, GraphQLSchema } from 'graphql';
import { createYoga, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import type { GraphqlContext } from './context.ts';
import type { DocumentCache } from './document-cache.ts';
import { parseWithin } from './document-limits.ts';
import type { Limits } from './limits.ts';
import { costError } from './query-cost.ts';
import { isIntrospection, noAccount } from './schema-only.ts';

/** What comes with a request into Yoga. */
export interface ServerContext extends GraphqlContext {
  readonly mask: (error: unknown) => GraphQLError;
  /** Hasura reads the schema, for no account. */
  readonly schemaOnly: boolean;
}

export type YogaServer = YogaServerInstance<ServerContext, object>;

/** Runs documents within `limits`, for requests whose method, content type, size and actor are already known good. */
export function createYogaServer(
  schema: GraphQLSchema,
  limits: Limits,
  documentCache: DocumentCache | null,
): YogaServer {
  return createYoga<ServerContext>({
    schema,
    graphqlEndpoint: '/graphql',
    plugins: [keepWithin(limits), maskErrors],
    parserAndValidationCache: documentCache !== null && {
      documentCache,
      // Faulty documents are not worth their place.
      errorCache: { get: () => undefined, set: () => {} },
    },
    // What arrives has been bounded.
    maxRequestBodySize: false,
    batching: false,
    multipart: false,
    cors: false,
    graphiql: false,
    landingPage: false,
    logging: false,
    // By the plugin below, which knows the request.
    maskedErrors: false,
    fetchAPI: { Request, Response, Headers },
  });
}

function keepWithin(limits: Limits): Plugin<ServerContext> {
  return {
    onParse({ setParseFn }) {
      setParseFn((source, options) => parseWithin(limits, source, options));
    },
    onExecute({ args, setResultAndStopExecution }) {
      const { schemaOnly } = args.contextValue;
      if (schemaOnly && !isIntrospection(args.document)) {
        setResultAndStopExecution({ errors: [noAccount()] });
        return;
      }
      const error = costError(limits, {
        schema: args.schema,
        document: args.document,
        operationName: args.operationName ?? null,
        variables: args.variableValues ?? {},
        context: args.contextValue,
      });
      if (error !== null) setResultAndStopExecution({ errors: [error] });
    },
  };
}

const maskErrors: Plugin<object, ServerContext> = {
  onResultProcess({ result, setResult, serverContext: { mask } }) {
    if (Array.isArray(result) || !('errors' in result) || result.errors === undefined) return;
    setResult({ ...result, errors: result.errors.map(mask) });
  },
};
