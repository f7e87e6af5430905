import type { Actor } from '../../services/context.ts';

/** What a request can bring to show who it is. Each kind has a file that verifies it. */
export type CredentialKind = 'plugin-bearer' | 'hasura-jwt' | 'gateway' | 'access-key';

export interface Credential {
  /** `unknown`: something in the place of credentials that is none of ours. */
  readonly kind: CredentialKind | 'unknown';
  /** As it was sent; never logged. */
  readonly secret: string;
}

/** Whom a credential stands for. What the role may do is decided by the resolver. */
export interface Identity {
  readonly accountId: string;
  readonly role: string;
  readonly userId?: string;
  /** When the credential ends by itself, in epoch milliseconds; left out where it does not. */
  readonly expiresAtMs?: number;
}

/** An actor, and what let it in. */
export interface AuthenticatedActor extends Actor {
  readonly via: CredentialKind;
  /** Hasura looks at the schema, on behalf of no account: nothing but introspection may be answered. */
  readonly schemaOnly?: true;
}

/**
 * Verifies one kind of credential. Throws a ServiceError `unauthorized` when it is not genuine, `forbidden`
 * when it is but says too little, `malformed` for an account id that is none.
 */
export type VerifyCredential = (credential: Credential, request: Request) => Promise<Identity>;
