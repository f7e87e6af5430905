import { GraphQLError } from 'graphql';

/** What one document may ask for. */
export interface Limits {
  /** Words and punctuators. */
  readonly tokens: number;
  /** Brackets of any kind inside one another. */
  readonly nesting: number;
  readonly aliases: number;
  /** How often one name may be selected at one place: validation compares each with each. */
  readonly repeats: number;
  /** Looks at the schema: each may answer with all of it. */
  readonly introspections: number;
  /** Fields inside one another. */
  readonly depth: number;
  /** See `complexity` at the fields: about one for each value in the answer, more for what has to be read. */
  readonly cost: number;
}

/** `gateway` is for documents that Hasura makes of its joins, with hundreds of aliases. */
export type LimitClass = 'client' | 'gateway';

export const LIMITS: Readonly<Record<LimitClass, Limits>> = {
  client: {
    tokens: 10_000,
    nesting: 40,
    aliases: 100,
    introspections: 5,
    repeats: 20,
    depth: 12,
    cost: 100_000,
  },
  gateway: {
    tokens: 400_000,
    nesting: 40,
    aliases: 20_000,
    introspections: 5,
    repeats: 20,
    depth: 20,
    cost: 5_000_000,
  },
};

/** A document past a limit. */
export function tooMuch(message: string): GraphQLError {
  return new GraphQLError(message, {
    extensions: { code: 'DOCUMENT_TOO_LARGE', http: { status: 400, spec: true } },
  });
}
