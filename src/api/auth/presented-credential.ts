import type { Config } from '../../config.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { Credential } from './credential.ts';
import { credentialCookie, credentialHeader } from './credential-headers.ts';

export interface PresentedOptions {
  readonly jwt: Config['jwt'];
  readonly isPluginSecret: (candidate: string) => boolean;
  /** Whether a JWT from a cookie counts in this request. */
  readonly allowCookie: boolean;
}

/**
 * The one credential of a request; null when it brings none. A JWT beside the gateway's secret is the one
 * pair that is allowed, and then the JWT decides. Any other pair is a ServiceError `malformed`, since a proxy
 * in front could look at one of them and we at the other.
 */
export function presentedCredential(request: Request, options: PresentedOptions): Credential | null {
  const found = [...fromAuthorization(request, options), ...fromJwtPlace(request, options)];
  const gateway = credentialHeader(request, 'x-plugin-secret');
  if (gateway !== null) found.push({ kind: 'gateway', secret: gateway });
  if (found.length < 2) return found[0] ?? null;
  const [first, second, ...more] = found;
  if (first?.kind === 'hasura-jwt' && second?.kind === 'gateway' && more.length === 0) return first;
  throw new ServiceError('malformed', 'The request brings two kinds of credentials; send one.');
}

function fromAuthorization(request: Request, { jwt, isPluginSecret }: PresentedOptions): Credential[] {
  const header = credentialHeader(request, 'authorization');
  if (header === null || header === '') return [];
  const [, scheme = '', secret = ''] = /^(\S+) *(.*)$/s.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer': {
      if (isPluginSecret(secret)) return [{ kind: 'plugin-bearer', secret }];
      // Two Authorization headers arrive joined by a comma.
      const [one = '', two] = secret.split(/, *(?=(?:bearer|basic) )/i);
      // Like Hasura, we look for JWTs in the configured place alone.
      const isJwtPlace = jwt === null || jwt.header.type === 'Authorization';
      const kind = !looksLikeJwt(one) ? 'plugin-bearer' : isJwtPlace ? 'hasura-jwt' : 'unknown';
      return two === undefined
        ? [{ kind, secret }]
        : [
            { kind, secret: one },
            { kind: 'unknown', secret: two },
          ];
    }
    case 'basic':
      return [{ kind: 'access-key', secret }];
    default:
      return [{ kind: 'unknown', secret: header }];
  }
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
