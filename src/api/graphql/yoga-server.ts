import type { ExecutionArgs, ExecutionResult, GraphQLError, GraphQLSchema } from 'graphql';
import {
  createYoga,
  isAsyncIterable,
  mapAsyncIterator,
  type Plugin,
  type YogaServerInstance,
} from 'graphql-yoga';
import type { GraphqlContext } from './context.ts';
import type { DocumentCache } from './document-cache.ts';
import { parseWithin } from './document-limits.ts';
import type { Limits } from './limits.ts';
import { costError } from './query-cost.ts';
import { isIntrospection, noAccount } from './schema-only.ts';
import { createSharedSubscribe } from './shared-subscribe.ts';

/** What comes with a request into Yoga. */
export interface ServerContext extends GraphqlContext {
  readonly mask: (error: unknown) => GraphQLError;
  /** Hasura reads the schema, for no account. */
  readonly schemaOnly: boolean;
  /** What came of the operation, where it has run and is only to be written. */
  readonly result?: ExecutionResult;
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
    plugins: [takeResults, keepWithin(limits), shareResults(), maskErrors],
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
    // All of Node's own: a Response around Yoga's stand-in for streams ends the process when its client vanishes.
    fetchAPI: { Request, Response, Headers, ReadableStream, TextEncoder },
  });
}

const takeResults: Plugin<object, ServerContext> = {
  onParams({ context: { result }, setResult }) {
    if (result !== undefined) setResult(result);
  },
};

function keepWithin(limits: Limits): Plugin<ServerContext> {
  const unfitness = (args: ExecutionArgs, context: ServerContext): GraphQLError | null =>
    context.schemaOnly && !isIntrospection(args.document)
      ? noAccount()
      : costError(limits, {
          schema: args.schema,
          document: args.document,
          operationName: args.operationName ?? null,
          variables: args.variableValues ?? {},
          context,
        });
  return {
    onParse({ setParseFn }) {
      setParseFn((source, options) => parseWithin(limits, source, options));
    },
    onExecute({ args, setResultAndStopExecution }) {
      const error = unfitness(args, args.contextValue);
      if (error !== null) setResultAndStopExecution({ errors: [error] });
    },
    onSubscribe({ args, setResultAndStopExecution }) {
      const error = unfitness(args, args.contextValue);
      if (error !== null) setResultAndStopExecution({ errors: [error] });
    },
  };
}

function shareResults(): Plugin<ServerContext> {
  const subscribe = createSharedSubscribe();
  return {
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn(subscribe);
    },
  };
}

const maskErrors: Plugin<object, ServerContext> = {
  onResultProcess({ result, setResult, serverContext: { mask } }) {
    if (isAsyncIterable(result)) setResult(mapAsyncIterator(result, (one) => maskedResult(one, mask)));
    else if (!Array.isArray(result)) setResult(maskedResult(result, mask));
  },
};

/** The result with its errors as the client may see them. */
function maskedResult<Result extends { readonly errors?: readonly GraphQLError[] | undefined }>(
  result: Result,
  mask: ServerContext['mask'],
): Result {
  return result.errors === undefined ? result : { ...result, errors: result.errors.map(mask) };
}
