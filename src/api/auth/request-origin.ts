import type { Config } from '../../config.ts';

/** Whether the page that a browser sends this request for is one that may call us: listed, or our own. */
export function isTrustedOrigin(
  request: Request,
  { corsOrigins, publicUrl }: Pick<Config, 'corsOrigins' | 'publicUrl'>,
): boolean {
  const origin = request.headers.get('origin');
  if (origin === null) return false;
  return corsOrigins.includes(origin) || origin === new URL(publicUrl ?? request.url).origin;
}
