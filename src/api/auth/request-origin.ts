import type { Config } from '../../config.ts';

type OriginConfig = Pick<Config, 'corsOrigins' | 'publicUrl'>;

/** Whether the page that a browser sends this request for is one that may call us: listed, or our own. */
export function isTrustedOrigin(request: Request, { corsOrigins, publicUrl }: OriginConfig): boolean {
  const origin = request.headers.get('origin');
  if (origin === null) return false;
  return corsOrigins.includes(origin) || origin === new URL(publicUrl ?? request.url).origin;
}
