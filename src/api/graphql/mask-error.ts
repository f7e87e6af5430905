import { GraphQLError, type GraphQLErrorOptions } from 'graphql';
import type { Logger } from 'pino';
import { ServiceError } from '../../lib/errors.ts';
import { clientPath } from './client-path.ts';

/** GraphQL quotes what it did not understand, however long it is. */
const MAX_MESSAGE = 500;

/**
 * What a client sees of an error: GraphQL's own and a ServiceError as they are, anything else only as a
 * request id under which the log has its cause. One cause behind many fields is logged once.
 */
export function createErrorMask(requestId: string, logger: Logger): (error: unknown) => GraphQLError {
  const logged = new Set<unknown>();
  const firstTime = (cause: unknown): boolean => logged.size < logged.add(cause).size;
  return (error) => {
    const cause = causeOf(error);
    if (cause instanceof ServiceError) {
      if (cause.code === 'unavailable' && firstTime(cause)) {
        logger.warn({ err: cause, requestId }, 'not available');
      }
      return serviceError(cause, error);
    }
    if (cause instanceof GraphQLError) return requestError(error instanceof GraphQLError ? error : cause);
    if (firstTime(cause)) logger.error({ err: cause, requestId }, 'a GraphQL request failed');
    return new GraphQLError(`Something went wrong on our side. The request's id is ${requestId}.`, {
      ...placeOf(error),
      extensions: { code: 'INTERNAL', requestId },
    });
  };
}

function serviceError({ code, message, details }: ServiceError, error: unknown): GraphQLError {
  const shown = details.map((detail) => ({ path: clientPath(detail.path), message: detail.message }));
  return new GraphQLError(message, {
    ...placeOf(error),
    extensions: { code: code.toUpperCase(), ...(shown.length > 0 && { details: shown }) },
  });
}

/** What GraphQL itself finds wrong; before there is a path, it is the document or its variables. */
function requestError(error: GraphQLError): GraphQLError {
  const { message, path, extensions } = error;
  const short = message.length <= MAX_MESSAGE ? message : `${message.slice(0, MAX_MESSAGE)}...`;
  return new GraphQLError(short, {
    ...placeOf(error),
    extensions: path === undefined ? { code: 'BAD_REQUEST', ...extensions } : extensions,
  });
}

function causeOf(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError !== undefined
    ? causeOf(error.originalError)
    : error;
}

/** Where in the document, and where in the answer. */
function placeOf(error: unknown): GraphQLErrorOptions {
  if (!(error instanceof GraphQLError)) return {};
  const { nodes, source, positions, path } = error;
  return {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
  };
}
