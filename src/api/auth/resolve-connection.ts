import type { Config } from '../../config.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { AuthenticatedActor } from './credential.ts';
import { ACCOUNT_HEADERS } from './credential-headers.ts';
import type { ResolveActor } from './resolve-actor.ts';

/** A WebSocket whose client has said hello. */
export interface ConnectionInit {
  /** The request that was upgraded. */
  readonly request: Request;
  readonly peerAddress: string | undefined;
  /** The payload of `connection_init`, as it came. */
  readonly payload: unknown;
}

/**
 * Finds out who asks on a WebSocket. Browsers can set no headers on one: there the payload of
 * `connection_init` carries them, `{"Authorization": "Bearer ..."}` or `{"headers": {...}}`, names in any case.
 * Throws what `ResolveActor` throws, and a ServiceError `malformed` where the upgrade brought other
 * credentials than the payload.
 */
export type ResolveConnection = (init: ConnectionInit) => Promise<AuthenticatedActor>;

/**
 * A proxy in front clears the headers that choose an account, but sees no payload: there the plugin bearer has
 * the account `primary` alone, as at the edge.
 */
export function createConnectionResolver(
  resolveActor: ResolveActor,
  { jwt, edgeBearerAnyAccount }: Pick<Config, 'jwt' | 'edgeBearerAnyAccount'>,
): ResolveConnection {
  const secrets = ['authorization', ...(jwt?.header.type === 'CustomHeader' ? [jwt.header.name] : [])];
  const choices = ['x-hasura-role', ...(edgeBearerAnyAccount ? ACCOUNT_HEADERS : [])];

  return async ({ request, peerAddress, payload }) => {
    const given = headersOf(payload);
    const headers = new Headers(request.headers);
    if (secrets.some((name) => given.has(name))) {
      const other = ['x-plugin-secret', ...secrets].some(
        (name) => headers.has(name) && headers.get(name) !== given.get(name),
      );
      if (other) throw new ServiceError('malformed', 'The upgrade and its payload bring other credentials.');
      // Browsers send it by themselves; what the page says counts.
      headers.delete('cookie');
      for (const name of ACCOUNT_HEADERS) headers.delete(name);
      for (const name of [...secrets, ...choices]) {
        const value = given.get(name);
        if (value !== null) headers.set(name, value);
      }
    }
    return resolveActor(new Request(request.url, { headers }), { peerAddress, place: 'upgrade' });
  };
}

const MAX_ENTRIES = 50;

/** The texts in the payload that can stand in a header, and those in its `headers`. */
function headersOf(payload: unknown): Headers {
  const headers = new Headers();
  const nested = isObject(payload) && 'headers' in payload ? payload.headers : null;
  for (const entries of [payload, nested]) {
    if (!isObject(entries)) continue;
    for (const [name, value] of Object.entries(entries).slice(0, MAX_ENTRIES)) {
      if (typeof value !== 'string' || !NAME.test(name)) continue;
      if (!VALUE.test(value)) throw new ServiceError('malformed', `The payload's ${name} is no header.`);
      headers.set(name, value);
    }
  }
  return headers;
}

const NAME = /^[\w-]{1,100}$/;
const VALUE = /^[\t\x20-\xff]*$/;

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
