import { MapperKind, mapSchema } from '@graphql-tools/utils';
import { GraphQLInputObjectType, type GraphQLSchema } from 'graphql';

/**
 * The same schema as Hasura v2 takes it for a remote schema. It has no subscriptions there, trips over default
 * values and `@oneOf`, and does not see deprecated arguments and input fields, so that nobody could be allowed
 * to use them. Resolvers and costs stay.
 */
export function federatedSchema(schema: GraphQLSchema): GraphQLSchema {
  return mapSchema(schema, {
    [MapperKind.SUBSCRIPTION]: () => null,
    [MapperKind.ARGUMENT]: visibleInput,
    [MapperKind.INPUT_OBJECT_FIELD]: visibleInput,
    [MapperKind.INPUT_OBJECT_TYPE]: (type) =>
      new GraphQLInputObjectType({ ...type.toConfig(), isOneOf: false }),
  });
}

/** An argument or input field without its default; null for a deprecated one. */
function visibleInput<T extends { defaultValue?: unknown; deprecationReason?: unknown }>(input: T): T | null {
  return input.deprecationReason ? null : { ...input, defaultValue: undefined };
}
