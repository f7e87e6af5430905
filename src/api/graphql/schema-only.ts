import { type DocumentNode, GraphQLError, Kind } from 'graphql';

/**
 * Whether every root field of the document asks for the schema alone. A fragment at the root could hold
 * anything: then the answer is no.
 */
export function isIntrospection({ definitions }: DocumentNode): boolean {
  return definitions.every(
    (definition) =>
      definition.kind !== Kind.OPERATION_DEFINITION ||
      definition.selectionSet.selections.every(
        (selection) => selection.kind === Kind.FIELD && selection.name.value.startsWith('__'),
      ),
  );
}

/** What is answered to the gateway where it names no account and asks for more than the schema. */
export function noAccount(): GraphQLError {
  return new GraphQLError(
    'The session names no account: the variable x-hasura-source-account-id is missing.',
    { extensions: { code: 'FORBIDDEN' } },
  );
}
