import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import type { GraphqlContext } from './context.ts';

/** The JavaScript side of the schema: times are epoch milliseconds, JSON is whatever the client sent. */
interface SchemaTypes {
  Context: GraphqlContext;
  DefaultFieldNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: number; Output: number };
    JSON: { Input: unknown; Output: unknown };
  };
}

/** Each type's file adds itself here; `schema.ts` gathers them. */
export const builder = new SchemaBuilder<SchemaTypes>({
  plugins: [ComplexityPlugin],
  defaultFieldNullability: false,
  // What a document costs is reckoned once, before it runs (query-cost.ts), instead of in each root field.
  complexity: { disabled: true, defaultComplexity: 1, defaultListMultiplier: 3 },
});

builder.queryType({ description: 'What an account may read of its SLOs.' });
builder.mutationType({
  description: 'What an account may change. Faults that the client can mend come back in `errors`, as data.',
});

builder.subscriptionType({ description: 'What an account may watch.' });

/** What an input type makes its fields with, for fields that several of them share. */
export type InputFields = PothosSchemaTypes.InputFieldBuilder<
  PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>,
  'InputObject'
>;
