import { SignJWT } from 'jose';

/** The key of HS256, as HASURA_GRAPHQL_JWT_SECRET has it. */
export const JWT_KEY = 'a-key-for-tests-of-at-least-32-bytes';

/** A token of the stack's identity provider that does not end. */
export function signJwt({ role, account }: { role: string; account: string }): Promise<string> {
  const claims = {
    'x-hasura-allowed-roles': [role],
    'x-hasura-default-role': role,
    'x-hasura-source-account-id': account,
    'x-hasura-user-id': `user-of-${account}`,
  };
  return new SignJWT({ 'https://hasura.io/jwt/claims': claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(JWT_KEY));
}
