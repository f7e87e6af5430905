/** What a request can bring to show who it is. Each kind has a file that verifies it. */
export type CredentialKind = 'plugin-bearer' | 'hasura-jwt' | 'gateway' | 'access-key' | 'unknown';

export interface Credential {
  readonly kind: CredentialKind;
  /** As it was sent; never logged. */
  readonly secret: string;
}

/** Whom a credential stands for. What the role may do is decided by the resolver. */
export interface Identity {
  readonly accountId: string;
  readonly role: string;
  readonly userId?: string;
}

/**
 * Verifies one kind of credential. Throws a ServiceError `unauthorized` when it is not genuine, `forbidden`
 * when it is but says too little, `malformed` for an account id that is none.
 */
export type VerifyCredential = (credential: Credential, request: Request) => Promise<Identity>;
