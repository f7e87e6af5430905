import { createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';

const HMAC_TYPES = ['HS256', 'HS384', 'HS512'] as const;
const PUBLIC_TYPES = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'Ed25519'] as const;

export type HmacType = (typeof HMAC_TYPES)[number];
export type PublicKeyType = (typeof PUBLIC_TYPES)[number];

/** What a token is verified with. With `jwks`, `type` may be left out and then the key set decides. */
export type JwtKey =
  | { readonly kind: 'secret'; readonly type: HmacType; readonly secret: string }
  | { readonly kind: 'public'; readonly type: PublicKeyType; readonly publicKey: KeyObject }
  | { readonly kind: 'jwks'; readonly type: PublicKeyType | null; readonly url: string };

/** A claim given literally, or read from the token at a JSON path. */
export type MappedClaim =
  | string
  | readonly string[]
  | { readonly path: string; readonly default?: string | readonly string[] | undefined };

export type JwtHeader =
  | { readonly type: 'Authorization' }
  | { readonly type: 'Cookie' | 'CustomHeader'; readonly name: string };

/** HASURA_GRAPHQL_JWT_SECRET with Hasura's defaults filled in. Null: not configured. */
export interface JwtConfig {
  readonly key: JwtKey;
  /** Exactly one of `claimsNamespace` and `claimsNamespacePath` is set, unless `claimsMap` is. */
  readonly claimsNamespace: string | null;
  /** A JSON path, `$.hasura.claims` or `$` for the token's root. */
  readonly claimsNamespacePath: string | null;
  readonly claimsFormat: 'json' | 'stringified_json';
  /** By claim name in lower case, `x-hasura-...`. */
  readonly claimsMap: Readonly<Record<string, MappedClaim>> | null;
  readonly audience: readonly string[] | null;
  readonly issuer: string | null;
  readonly allowedSkewSeconds: number;
  readonly header: JwtHeader;
}

const DEFAULT_NAMESPACE = 'https://hasura.io/jwt/claims';
const claimValue = z.union([z.string(), z.array(z.string())]);

/** As RFC 9110 has it, for names of headers and cookies. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** These already say who asks, in another way. */
const TAKEN = /^(authorization|cookie|origin|x-plugin-secret|x-source-account(-id)?|x-hasura-.*)$/i;

const headerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('Authorization') }),
  z.object({ type: z.literal('Cookie'), name: z.string().regex(TOKEN, 'the name of a cookie') }),
  z.object({
    type: z.literal('CustomHeader'),
    name: z
      .string()
      .regex(TOKEN, 'the name of a header')
      .refine((name) => !TAKEN.test(name), 'a header that says nothing else'),
  }),
]);

/** Hasura takes some parts of the JSON as an object, and as that object's JSON in a string. */
const parsedText = z.preprocess(
  (value) => (typeof value === 'string' ? parseJson(value) : value),
  headerSchema,
);

/** Fields that Hasura does not know are left alone, as it does. */
const secretSchema = z.object({
  type: z.enum([...HMAC_TYPES, ...PUBLIC_TYPES]).optional(),
  key: z.string().min(1).optional(),
  jwk_url: z
    .url({ protocol: /^https?$/ })
    .refine((text) => !/^https?:\/\/[^/?#]*@/i.test(text), 'a URL without user and password')
    .optional(),
  claims_namespace: z.string().optional(),
  claims_namespace_path: z.string().startsWith('$').optional(),
  claims_format: z.enum(['json', 'stringified_json']).default('json'),
  claims_map: z
    .record(
      z.string().transform((name) => name.toLowerCase()),
      z.union([claimValue, z.object({ path: z.string().startsWith('$'), default: claimValue.optional() })]),
    )
    .optional(),
  audience: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
  issuer: z.string().optional(),
  allowed_skew: z.int().min(0).default(0),
  header: parsedText.optional(),
});

type Secret = z.infer<typeof secretSchema>;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const CURVES: Partial<Record<PublicKeyType, string>> = {
  ES256: 'prime256v1',
  ES384: 'secp384r1',
  ES512: 'secp521r1',
};

function publicKeyOf(type: PublicKeyType, pem: string): KeyObject | string {
  if (pem.includes('PRIVATE KEY')) return 'key: the public key, not the private one';
  try {
    const publicKey = createPublicKey(pem);
    const family = type.startsWith('RS') ? 'rsa' : type.startsWith('ES') ? 'ec' : 'ed25519';
    const sameCurve = publicKey.asymmetricKeyDetails?.namedCurve === CURVES[type];
    if (publicKey.asymmetricKeyType === family && (family !== 'ec' || sameCurve)) return publicKey;
    return `key: a key that fits the type ${type}`;
  } catch {
    return 'key: a public key or certificate in PEM';
  }
}

function isHmac(type: HmacType | PublicKeyType): type is HmacType {
  return type.startsWith('HS');
}

function keyOf({ type, key, jwk_url: url }: Secret): JwtKey | string {
  if ((key === undefined) === (url === undefined)) return 'either key or jwk_url';
  if (url !== undefined) {
    if (type !== undefined && isHmac(type)) return 'type: a type of public keys beside jwk_url';
    return { kind: 'jwks', type: type ?? null, url };
  }
  if (type === undefined) return 'type: beside key';
  const text = key ?? '';
  if (isHmac(type)) {
    const least = Number(type.slice(2)) / 8;
    if (Buffer.byteLength(text) < least) return `key: at least ${least} bytes for ${type}`;
    return { kind: 'secret', type, secret: text };
  }
  const publicKey = publicKeyOf(type, text);
  return typeof publicKey === 'string' ? publicKey : { kind: 'public', type, publicKey };
}

function faultOf({ claims_namespace, claims_namespace_path, claims_map }: Secret): string | null {
  if (claims_namespace !== undefined && claims_namespace_path !== undefined) {
    return 'either claims_namespace or claims_namespace_path';
  }
  if (claims_map === undefined) return null;
  const missing = ['x-hasura-allowed-roles', 'x-hasura-default-role'].filter((name) => !(name in claims_map));
  return missing.length === 0 ? null : `claims_map: with ${missing.join(' and ')}`;
}

/** An option that is null counts as left out, as in Hasura. */
function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, option]) => option !== null));
}

/** Reads the JSON that Hasura takes; for any other text says what was expected, without the text. */
export function parseJwtSecret(text: string): JwtConfig | string {
  const parsed = secretSchema.safeParse(withoutNulls(parseJson(text)));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return issue === undefined || issue.path.length === 0
      ? 'a JSON object'
      : `${issue.path.join('.')}: ${issue.message}`;
  }
  const secret = parsed.data;
  const key = keyOf(secret);
  if (typeof key === 'string') return key;
  const fault = faultOf(secret);
  if (fault !== null) return fault;
  const { claims_namespace_path: path = null, claims_map: map = null, audience = null } = secret;
  return {
    key,
    claimsNamespace: secret.claims_namespace ?? (path === null && map === null ? DEFAULT_NAMESPACE : null),
    claimsNamespacePath: path,
    claimsFormat: secret.claims_format,
    claimsMap: map,
    audience: typeof audience === 'string' ? [audience] : audience,
    issuer: secret.issuer ?? null,
    allowedSkewSeconds: secret.allowed_skew,
    header: secret.header ?? { type: 'Authorization' },
  };
}
