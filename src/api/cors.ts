const EXPOSED = [
  'Location',
  'Retry-After',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'X-Request-Id',
].join(', ');
const ALLOWED_HEADERS: readonly string[] = [
  'Authorization',
  'Content-Type',
  'X-Source-Account-Id',
  'X-Hasura-Source-Account-Id',
  'X-Source-Account',
  'X-Hasura-Role',
  'X-Request-Id',
];
const PREFLIGHT_SECONDS = '600';

/** Lets the browsers of the listed origins read the answer, and tells caches that it is theirs alone. */
export function addCorsHeaders(request: Request, headers: Headers, corsOrigins: readonly string[]): void {
  if (corsOrigins.length === 0) return;
  headers.append('Vary', 'Origin');
  const origin = request.headers.get('origin');
  if (origin === null || !corsOrigins.includes(origin)) return;
  headers.set('Access-Control-Allow-Origin', origin);
  headers.set('Access-Control-Allow-Credentials', 'true');
  headers.set('Access-Control-Expose-Headers', EXPOSED);
}

/** The answer to OPTIONS, for a browser that asks before it calls and for anybody else. */
export function optionsResponse(
  request: Request,
  allowed: readonly string[],
  corsOrigins: readonly string[],
): Response {
  const headers = new Headers({ Allow: allowed.join(', ') });
  const origin = request.headers.get('origin');
  const asks = request.headers.has('access-control-request-method');
  if (asks && origin !== null && corsOrigins.includes(origin)) {
    headers.set('Access-Control-Allow-Methods', allowed.join(', '));
    headers.set('Access-Control-Allow-Headers', headersFor(request).join(', '));
    headers.set('Access-Control-Max-Age', PREFLIGHT_SECONDS);
  }
  return new Response(null, { status: 204, headers });
}

/** With those that the page asks for: the operator may have given JWTs a header of their own. */
function headersFor(request: Request): readonly string[] {
  const asked = (request.headers.get('access-control-request-headers') ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => /^[\w-]{1,100}$/.test(name) && name.toLowerCase() !== 'x-plugin-secret');
  return [...ALLOWED_HEADERS, ...asked.slice(0, MAX_ASKED)];
}

const MAX_ASKED = 20;
