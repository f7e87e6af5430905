import { createComplexityRule } from '@pothos/plugin-complexity';
import { type DocumentNode, type GraphQLError, type GraphQLSchema, validate } from 'graphql';
import { type Limits, tooMuch } from './limits.ts';

interface Operation {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName: string | null;
  readonly variables: Record<string, unknown>;
  readonly context: object;
}

/** Why a valid document may not run, or null: reckons depth and cost with the values of its variables. */
export function costError(limits: Limits, operation: Operation): GraphQLError | null {
  let error: GraphQLError | null = null;
  const rule = createComplexityRule({
    operationName: operation.operationName,
    variableValues: operation.variables,
    context: operation.context,
    validate: ({ depth, complexity }) => {
      const cost = Math.ceil(complexity);
      if (depth > limits.depth) {
        error = tooMuch(`The document nests fields ${depth} deep; at most ${limits.depth} are allowed.`);
      } else if (cost > limits.cost) {
        error = tooMuch(`The document would cost ${cost}; at most ${limits.cost} are allowed. Ask for less.`);
      }
    },
  });
  // What the rule reports are faults of variables, which execution reports itself.
  validate(operation.schema, operation.document, [rule]);
  return error;
}
