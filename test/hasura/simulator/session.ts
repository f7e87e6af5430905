import { jwtVerify } from 'jose';
import { z } from 'zod';
import { HasuraError } from './hasura-error.ts';

/** How a Hasura is configured to know its clients. */
export interface HasuraAuth {
  readonly adminSecret: string;
  /** Of HS256, with the claims in the default namespace. */
  readonly jwtKey: string;
  /** Whether a client without any credentials is served, and as whom; null: it is not. */
  readonly unauthorizedRole: string | null;
}

export interface Session {
  readonly role: string;
  /** By name in lower case, `x-hasura-role` among them. */
  readonly variables: ReadonlyMap<string, string>;
}

/** Headers by name in lower case. */
export type Headers = Readonly<Record<string, string>>;

const CLAIMS = 'https://hasura.io/jwt/claims';
const claimsSchema = z
  .object({ 'x-hasura-allowed-roles': z.array(z.string()), 'x-hasura-default-role': z.string() })
  .catchall(z.string());

/** The `x-hasura-*` of a client; they count only where nothing better says who it is. */
function ownVariables(headers: Headers): Map<string, string> {
  const own = Object.entries(headers).filter(
    ([name]) => name.startsWith('x-hasura-') && name !== 'x-hasura-admin-secret',
  );
  return new Map(own);
}

function session(role: string, variables: Map<string, string>): Session {
  return { role, variables: variables.set('x-hasura-role', role) };
}

/** Who asks. Throws a HasuraError for bad credentials, and for none where nobody is let in without. */
export async function sessionOf(headers: Headers, auth: HasuraAuth, nowMs: number): Promise<Session> {
  const secret = headers['x-hasura-admin-secret'];
  if (secret !== undefined) {
    if (secret !== auth.adminSecret)
      throw new HasuraError('access-denied', 'invalid "x-hasura-admin-secret"');
    return session(headers['x-hasura-role'] ?? 'admin', ownVariables(headers));
  }
  const [, token] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? [];
  if (token === undefined) {
    if (auth.unauthorizedRole === null) {
      throw new HasuraError(
        'invalid-headers',
        "Missing 'Authorization' or 'Cookie' header in JWT authentication mode",
      );
    }
    return session(auth.unauthorizedRole, ownVariables(headers));
  }
  const { payload } = await jwtVerify(token, new TextEncoder().encode(auth.jwtKey), {
    algorithms: ['HS256'],
    currentDate: new Date(nowMs),
  }).catch((cause: Error) => {
    throw new HasuraError('invalid-jwt', `Could not verify JWT: ${cause.message}`);
  });
  const {
    'x-hasura-allowed-roles': allowed,
    'x-hasura-default-role': fallback,
    ...claims
  } = claimsSchema.parse(payload[CLAIMS]);
  const role = headers['x-hasura-role'] ?? fallback;
  if (!allowed.includes(role)) {
    throw new HasuraError('access-denied', 'Your requested role is not in allowed roles');
  }
  return session(role, new Map(Object.entries(claims)));
}
