import type { JWTPayload } from 'jose';
import type { Config } from '../../config.ts';
import { StartError } from '../../lib/errors.ts';
import { type JsonPath, parseJsonPath, readJsonPath } from './json-path.ts';

type JwtConfig = NonNullable<Config['jwt']>;

/** The Hasura claims of a genuine token. */
export interface SessionClaims {
  readonly allowedRoles: readonly string[];
  readonly defaultRole: string;
  /** All others, by name in lower case: `x-hasura-user-id`. */
  readonly variables: ReadonlyMap<string, string>;
}

/** The claims, or why there are none, in the words of a sentence's end. */
export type ReadClaims = (payload: JWTPayload) => SessionClaims | string;

const PREFIX = 'x-hasura-';
const ALLOWED_ROLES = 'x-hasura-allowed-roles';
const DEFAULT_ROLE = 'x-hasura-default-role';

/** Follows Hasura's `claims_map`, or `claims_namespace`, `claims_namespace_path` and `claims_format`. */
export function createClaimsReader(config: JwtConfig): ReadClaims {
  const find = config.claimsMap === null ? namespaceReader(config) : mapReader(config.claimsMap);
  return (payload) => {
    const found = find(payload);
    return typeof found === 'string' ? found : sessionClaims(found);
  };
}

type Entries = readonly (readonly [name: string, value: unknown])[];

function namespaceReader(config: JwtConfig): (payload: JWTPayload) => Entries | string {
  const { claimsNamespace, claimsNamespacePath, claimsFormat } = config;
  const path =
    claimsNamespacePath === null
      ? [claimsNamespace ?? '']
      : pathOrStartError(claimsNamespacePath, 'claims_namespace_path');
  return (payload) => {
    const claims = asObject(readJsonPath(payload, path), claimsFormat);
    return claims === null
      ? `has no Hasura claims as ${claimsFormat} where they are configured`
      : Object.entries(claims);
  };
}

function asObject(value: unknown, format: JwtConfig['claimsFormat']): object | null {
  switch (format) {
    case 'json':
      return isObject(value) ? value : null;
    case 'stringified_json': {
      if (typeof value !== 'string') return null;
      try {
        const parsed: unknown = JSON.parse(value);
        return isObject(parsed) ? parsed : null;
      } catch {
        return null;
      }
    }
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type ClaimsMap = NonNullable<JwtConfig['claimsMap']>;

function mapReader(map: ClaimsMap): (payload: JWTPayload) => Entries | string {
  const readers = Object.entries(map).map(([name, claim]) => ({ name, read: claimReader(name, claim) }));
  return (payload) => {
    const entries = readers.map(({ name, read }) => [name, read(payload)] as const);
    const missing = entries.find(([, value]) => value === undefined);
    return missing === undefined ? entries : `has nothing where claims_map looks for ${missing[0]}`;
  };
}

function claimReader(name: string, claim: ClaimsMap[string]): (payload: JWTPayload) => unknown {
  if (typeof claim === 'string' || !('path' in claim)) return () => claim;
  const path = pathOrStartError(claim.path, `claims_map.${name}.path`);
  return (payload) => readJsonPath(payload, path) ?? claim.default;
}

function pathOrStartError(text: string, where: string): JsonPath {
  const path = parseJsonPath(text);
  if (path !== null) return path;
  throw new StartError(
    `HASURA_GRAPHQL_JWT_SECRET: ${where}: expected a JSON path such as $.hasura.claims`,
    78,
  );
}

function sessionClaims(entries: Entries): SessionClaims | string {
  const byName = new Map<string, unknown>();
  for (const [written, value] of entries) {
    const name = written.toLowerCase();
    if (!name.startsWith(PREFIX)) continue;
    if (byName.has(name)) return `has the claim ${name} twice`;
    byName.set(name, value);
  }
  const allowedRoles = byName.get(ALLOWED_ROLES);
  const defaultRole = byName.get(DEFAULT_ROLE);
  byName.delete(ALLOWED_ROLES);
  byName.delete(DEFAULT_ROLE);
  if (!isStringList(allowedRoles)) return `needs ${ALLOWED_ROLES}, a list of strings`;
  if (typeof defaultRole !== 'string') return `needs ${DEFAULT_ROLE}, a string`;
  const variables = new Map<string, string>();
  for (const [name, value] of byName) {
    if (typeof value !== 'string') return `has a claim ${name} that is not a string`;
    variables.set(name, value);
  }
  return { allowedRoles, defaultRole, variables };
}

function isStringList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
