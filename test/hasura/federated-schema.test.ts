import { buildSchema, graphqlSync, isObjectType, printSchema, validateSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import { federatedSchema } from '../../src/api/graphql/federated-schema.ts';
import { schema } from '../../src/api/graphql/schema.ts';

describe('the federated view of a schema', () => {
  // Our own schema has none of this by now; what will be added to it may.
  const written = buildSchema(/* GraphQL */ `
    type Query {
      list(limit: Int! = 10, order: Order = ASC, old: String @deprecated, filter: Filter): [Item!]!
    }
    type Mutation {
      choose(by: Choice!): Item
    }
    type Subscription {
      changed(ids: [ID!], first: Boolean = true): Item!
    }
    type Item {
      id: ID!
      old: Int @deprecated(reason: "use id")
      parts(depth: Int = 1, was: Int @deprecated): [Item!]!
    }
    enum Order {
      ASC
      DESC @deprecated
    }
    input Filter {
      text: String = "a"
      old: String @deprecated
      inner: Filter
    }
    input Choice @oneOf {
      id: ID
      name: String
    }
  `);
  const before = printSchema(written);
  const seen = federatedSchema(written);

  it('has no Subscription root, defaults, @oneOf, deprecated arguments or input fields', () => {
    expect(validateSchema(seen)).toEqual([]);
    expect(printSchema(seen)).toBe(
      printSchema(
        buildSchema(/* GraphQL */ `
          type Query {
            list(limit: Int!, order: Order, filter: Filter): [Item!]!
          }
          type Mutation {
            choose(by: Choice!): Item
          }
          type Item {
            id: ID!
            old: Int @deprecated(reason: "use id")
            parts(depth: Int): [Item!]!
          }
          enum Order {
            ASC
            DESC @deprecated
          }
          input Filter {
            text: String
            inner: Filter
          }
          input Choice {
            id: ID
            name: String
          }
        `),
      ),
    );
  });

  it('leaves the schema itself as it is', () => {
    expect(printSchema(written)).toBe(before);
  });
});

describe('the federated view of our schema', () => {
  const seen = federatedSchema(schema);

  it('differs from it by the Subscription root alone', () => {
    const [ours, theirs] = [schema, seen].map((one) =>
      printSchema(one).replace(/("""[^"]*"""\n)?type Subscription \{[\s\S]*?\n\}\n*/, ''),
    );
    expect(theirs?.trim()).toBe(ours?.trim());
    expect(seen.getSubscriptionType()).toBeUndefined();
  });

  it('keeps resolvers and costs', () => {
    const ours = schema.getType('NpSlo');
    const theirs = seen.getType('NpSlo');
    if (!isObjectType(ours) || !isObjectType(theirs)) throw new Error('NpSlo is an object');
    for (const [name, field] of Object.entries(ours.getFields())) {
      expect(theirs.getFields()[name]).toMatchObject({
        resolve: field.resolve,
        extensions: field.extensions,
      });
    }
  });

  it('introspects without a Subscription root', () => {
    const { data } = graphqlSync({ schema: seen, source: '{ __schema { subscriptionType { name } } }' });
    expect(data).toEqual({ __schema: { subscriptionType: null } });
  });
});
