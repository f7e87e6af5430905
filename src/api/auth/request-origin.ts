import type { Config } from '../../config.ts';
import { ServiceError } from '../../lib/errors.ts';

type OriginConfig = Pick<Config, 'corsOrigins' | 'publicUrl'>;

/** Whether the page that a browser sends this request for is one that may call us: listed, or our own. */
export function isTrustedOrigin(request: Request, { corsOrigins, publicUrl }: OriginConfig): boolean {
  const origin = request.headers.get('origin');
  if (origin === null) return false;
  return corsOrigins.includes(origin) || origin === new URL(publicUrl ?? request.url).origin;
}

/**
 * Throws a ServiceError `forbidden` for the upgrade to a WebSocket that a page of a foreign host asks for.
 * Browsers do not keep such a page from doing so, as they do with fetch. Other clients send no Origin. A page
 * of the host that is asked passes, however TLS ends in front of us; whether its cookie counts is stricter.
 */
export function assertMayUpgrade(request: Request, config: OriginConfig): void {
  const origin = request.headers.get('origin');
  if (origin === null || isTrustedOrigin(request, config)) return;
  if (URL.canParse(origin) && new URL(origin).host === new URL(request.url).host) return;
  throw new ServiceError('forbidden', 'Pages of this origin may not open a WebSocket here.');
}
