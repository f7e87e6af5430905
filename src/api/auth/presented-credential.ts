import type { Config } from '../../config.ts';
import { ServiceError } from '../../lib/errors.ts';
import { isSameSecret } from '../../lib/same-secret.ts';
import type { Credential } from './credential.ts';
import { credentialCookie, credentialHeader } from './credential-headers.ts';

export interface PresentedOptions {
  readonly jwt: Config['jwt'];
  readonly pluginSecret: string;
  /** Whether a JWT from a cookie counts in this request. */
  readonly allowCookie: boolean;
  /** Whether X-Plugin-Secret counts in this request. */
  readonly allowGateway: boolean;
}

/** What a request brings. */
export interface Presented {
  readonly credential: Credential;
  /** The client's JWT beside the gateway's secret. */
  readonly forwardedJwt: Credential | null;
}

/**
 * The one credential of a request; null when it brings none. A JWT beside the gateway's secret is the one
 * pair that is allowed. Any other is a ServiceError `malformed`, since a proxy in front could look at one of
 * them and we at the other.
 */
export function presentedCredential(request: Request, options: PresentedOptions): Presented | null {
  const gateway = options.allowGateway ? credentialHeader(request, 'x-plugin-secret') : null;
  // What came through the gateway is not a browser's doing: there a cookie can only narrow who asks.
  const allowCookie = options.allowCookie || gateway !== null;
  const found = [
    ...fromAuthorization(request, options),
    ...fromJwtPlace(request, { ...options, allowCookie }),
  ];
  const [first, ...more] = found;
  if (more.length === 0) {
    if (gateway === null) return first === undefined ? null : { credential: first, forwardedJwt: null };
    const credential: Credential = { kind: 'gateway', secret: gateway };
    if (first === undefined) return { credential, forwardedJwt: null };
    if (first.kind === 'hasura-jwt') return { credential, forwardedJwt: first };
  }
  throw new ServiceError('malformed', 'The request brings two kinds of credentials; send one.');
}

function fromAuthorization(request: Request, { jwt, pluginSecret }: PresentedOptions): Credential[] {
  const header = credentialHeader(request, 'authorization');
  if (header === null || header === '') return [];
  const [, scheme = '', secret = ''] = /^(\S+) *(.*)$/s.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer': {
      if (isSameSecret(secret, pluginSecret)) return [{ kind: 'plugin-bearer', secret }];
      // Like Hasura, we look for JWTs in the configured place alone.
      const isJwtPlace = jwt === null || jwt.header.type === 'Authorization';
      const [one = '', two] = halves(secret);
      const kind = !looksLikeJwt(one) ? 'plugin-bearer' : isJwtPlace ? 'hasura-jwt' : 'unknown';
      return [{ kind, secret: one }, ...unknownOf(two)];
    }
    case 'basic': {
      const [one = '', two] = halves(secret);
      return [{ kind: 'access-key', secret: one }, ...unknownOf(two)];
    }
    default:
      return [{ kind: 'unknown', secret: header }];
  }
}

/** Two Authorization headers arrive joined by a comma. */
function halves(text: string): string[] {
  return text.split(/, *(?=(?:bearer|basic) )/i);
}

function unknownOf(secret: string | undefined): Credential[] {
  return secret === undefined ? [] : [{ kind: 'unknown', secret }];
}

/** From the header or the cookie that the JWT configuration names instead of Authorization. */
function fromJwtPlace(request: Request, { jwt, allowCookie }: PresentedOptions): Credential[] {
  if (jwt === null) return [];
  const { header: place } = jwt;
  switch (place.type) {
    case 'Authorization':
      return [];
    case 'CustomHeader': {
      const value = request.headers.get(place.name);
      return value === null ? [] : [{ kind: 'hasura-jwt', secret: value.replace(/^bearer +/i, '') }];
    }
    case 'Cookie': {
      const value = allowCookie ? credentialCookie(request, place.name) : null;
      return value === null ? [] : [{ kind: 'hasura-jwt', secret: value }];
    }
  }
}

/** Three parts, the first a JSON object in base64url. */
function looksLikeJwt(text: string): boolean {
  return /^ey[\w-]*\.[\w-]*\.[\w-]*$/.test(text);
}
