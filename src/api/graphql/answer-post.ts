import { isAsyncIterable } from 'graphql-yoga';
import { TextResponse } from '../text-response.ts';
import { ArrivedRequest } from './arrived-request.ts';
import { answerTypeFor, plainOperation } from './plain-request.ts';
import type { ServerContext, YogaServer } from './yoga-server.ts';

/**
 * Answers a POST whose body is JSON. Yoga runs it in any case; what is asked for plainly and goes well is read and
 * written here, since Yoga's way from a request to a response takes three times as long as running a small query.
 * Everything else, errors of every kind included, Yoga reads or writes.
 */
export async function answerPost(
  server: YogaServer,
  request: Request,
  body: Uint8Array,
  context: ServerContext,
): Promise<Response> {
  const arrived = new ArrivedRequest(request, body).forYoga();
  const type = answerTypeFor(request.headers.get('accept'));
  const operation = type === null ? null : plainOperation(body);
  if (operation === null) return server.fetch(arrived, context);
  const result = await server.getResultForParams({ params: operation, request: arrived }, context);
  if (result === undefined || isAsyncIterable(result))
    throw new TypeError('An operation had no single result.');
  if (result.errors !== undefined || result.extensions !== undefined) {
    return server.fetch(arrived, { ...context, result });
  }
  return new TextResponse(JSON.stringify(result), {
    status: 200,
    headers: { 'Content-Type': `${type}; charset=utf-8` },
  });
}
