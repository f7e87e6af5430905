import type { Config } from '../../config.ts';
import { isTrustedOrigin } from './request-origin.ts';

/**
 * Where a request stands:
 * - `direct`: it is to be answered by us.
 * - `upgrade`: it asks for a WebSocket.
 * - `edge`: a proxy in front asks us about a request of its own.
 */
export type RequestPlace = 'direct' | 'upgrade' | 'edge';

/**
 * Whether a cookie may hold the JWT of this request. Browsers send cookies by themselves: only what a page of
 * a trusted origin deliberately sent counts, with a body of JSON, which no form can send. A WebSocket has no
 * body; its Origin has to do.
 */
export function cookieCounts(
  request: Request,
  place: RequestPlace,
  config: Pick<Config, 'corsOrigins' | 'publicUrl'>,
): boolean {
  if (!isTrustedOrigin(request, config)) return false;
  switch (place) {
    case 'upgrade':
      return true;
    case 'direct':
      return sendsJson(request, request.method);
    case 'edge':
      // The proxy asks with a GET of its own, and says here what it was asked.
      return sendsJson(request, request.headers.get('x-original-method') ?? 'GET');
  }
}

const WITH_BODY = /^(POST|PUT|PATCH|DELETE)$/;

function sendsJson(request: Request, method: string): boolean {
  const [mediaType = ''] = (request.headers.get('content-type') ?? '').split(';');
  return WITH_BODY.test(method) && mediaType.trim().toLowerCase() === 'application/json';
}
