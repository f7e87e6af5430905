import type { Logger } from 'pino';
import { ServiceError } from '../../lib/errors.ts';
import { headersOfError } from '../service-error-answer.ts';
import type { AuthenticatedActor } from './credential.ts';
import type { ResolveActor } from './resolve-actor.ts';

/** What a proxy asks: whom a request of its own comes from. Never throws. */
export type EdgeVerify = (request: Request, peerAddress: string | undefined) => Promise<Response>;

/**
 * Answers `auth_request` of nginx, which knows 200, 401 and 403 and takes all else for a fault of its own: 200
 * with who asks in its headers, 403 to who is known but may do nothing, else 401. X-Plugin-Secret is not
 * looked at, and the plugin bearer has the account `primary` alone unless EDGE_BEARER_ANY_ACCOUNT.
 */
export function createEdgeVerify(resolveActor: ResolveActor, logger: Logger): EdgeVerify {
  return async (request, peerAddress) => {
    try {
      const actor = await resolveActor(request, { peerAddress, place: 'edge' });
      return new Response(null, { status: 200, headers: { ...NOT_KEPT, ...headersFor(actor) } });
    } catch (error) {
      if (error instanceof ServiceError) return refusal(error, logger);
      logger.error({ err: error }, 'a request at the edge could not be verified');
      return answer(401, 'internal', 'The credentials could not be verified.');
    }
  };
}

const NOT_KEPT = { 'Cache-Control': 'no-store' };

function headersFor({ accountId, role, userId }: AuthenticatedActor): Record<string, string> {
  // A user whose id cannot stand in a header goes without: no right depends on it.
  const fits = userId !== undefined && /^[\x21-\x7e]([\x20-\x7e]{0,254}[\x21-\x7e])?$/.test(userId);
  return {
    'X-Source-Account-Id': accountId,
    'X-Hasura-Role': role,
    ...(fits && { 'X-Hasura-User-Id': userId }),
  };
}

function refusal(error: ServiceError, logger: Logger): Response {
  if (error.code === 'unavailable') logger.warn({ err: error }, 'not available');
  const isKnown = error.code === 'forbidden' || error.code === 'malformed';
  return answer(isKnown ? 403 : 401, error.code, error.message, headersOfError(error));
}

const CHALLENGE = { 'WWW-Authenticate': 'Bearer realm="nself-slo-tracker"' };

function answer(
  status: 401 | 403,
  code: string,
  error: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const challenge = status === 401 ? CHALLENGE : {};
  return Response.json(
    { error, code, details: [] },
    { status, headers: { ...NOT_KEPT, ...challenge, ...headers } },
  );
}
