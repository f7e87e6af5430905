import {
  buildClientSchema,
  type GraphQLSchema,
  type IntrospectionQuery,
  isInputObjectType,
  isObjectType,
  validateSchema,
} from 'graphql';
import { HasuraError } from './hasura-error.ts';

/** Word for word what Hasura asks a remote schema: the classic query of 2018. */
export const INTROSPECTION_QUERY = `query IntrospectionQuery {
  __schema {
    queryType { name }
    mutationType { name }
    subscriptionType { name }
    types { ...FullType }
    directives { name description locations args { ...InputValue } }
  }
}
fragment FullType on __Type {
  kind name description
  fields(includeDeprecated: true) {
    name description
    args { ...InputValue }
    type { ...TypeRef }
    isDeprecated deprecationReason
  }
  inputFields { ...InputValue }
  interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
  possibleTypes { ...TypeRef }
}
fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
fragment TypeRef on __Type {
  kind name
  ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
    ofType { kind name } } } } } } }
}`;

/** Names that Hasura gives to types of its own, or that Relay takes. */
const TAKEN = /_bool_exp$|_comparison_exp$|order_by$|^(Node|PageInfo)$/;

/** The schema out of the answer to INTROSPECTION_QUERY. Throws a HasuraError for what Hasura does not accept. */
export function schemaFromAnswer(answer: unknown): GraphQLSchema {
  const refuse = (why: string) => new HasuraError('remote-schema-error', why);
  if (typeof answer !== 'object' || answer === null || !('data' in answer) || answer.data == null) {
    throw refuse(`no data: ${JSON.stringify(answer)}`);
  }
  // Its shape is checked by what is built from it.
  const data = answer.data as IntrospectionQuery;
  const names = data.__schema.types.map(({ name }) => name);
  if (new Set(names).size < names.length) throw refuse('a type is there twice');
  // What arrives late, or is built only when asked for, would not be refused at once.
  const schema = buildClientSchema(data);
  const faults = validateSchema(schema).map(({ message }) => message);
  if (!isObjectType(schema.getQueryType())) faults.push('the query root is no object');
  for (const type of Object.values(schema.getTypeMap())) {
    if (TAKEN.test(type.name)) faults.push(`the name ${type.name} is taken`);
    if (isObjectType(type) || isInputObjectType(type)) type.getFields();
  }
  if (faults.length > 0) throw refuse(faults.join('; '));
  return schema;
}
