/**
 * Every header that says who asks, or for whom. Nothing else is read, but for the header or cookie that the
 * operator's JWT configuration names. A proxy that sets some of them has to clear all of them first.
 */
export const CREDENTIAL_HEADERS = [
  'authorization',
  'x-plugin-secret',
  'x-source-account-id',
  'x-hasura-source-account-id',
  'x-source-account',
  'x-hasura-role',
  'x-hasura-user-id',
] as const;

/** Those that choose an account for the plugin bearer, in this order; the first that was sent decides. */
export const ACCOUNT_HEADERS: readonly CredentialHeader[] = [
  'x-source-account-id',
  'x-hasura-source-account-id',
  'x-source-account',
];

export type CredentialHeader = (typeof CREDENTIAL_HEADERS)[number];

/** The header's value, '' included; null when it was not sent. */
export function credentialHeader(request: Request, name: CredentialHeader): string | null {
  return request.headers.get(name);
}

/** The cookie's value as sent; null when there is none of that name. */
export function credentialCookie(request: Request, name: string): string | null {
  for (const pair of (request.headers.get('cookie') ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at !== -1 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return null;
}
