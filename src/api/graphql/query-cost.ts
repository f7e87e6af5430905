import { createComplexityRule } from '@pothos/plugin-complexity';
import { type DocumentNode, type GraphQLError, type GraphQLSchema, validate } from 'graphql';
import { LRUCache } from 'lru-cache';
import { type Limits, tooMuch } from './limits.ts';

interface Operation {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName: string | null;
  readonly variables: Record<string, unknown>;
  readonly context: object;
}

/** What was reckoned for a document, by its operation and the variables that it came with. */
const reckoned = new WeakMap<DocumentNode, LRUCache<string, { readonly error: GraphQLError | null }>>();
/** A page asks the same few things over and over. */
const KEPT_A_DOCUMENT = 32;
const MAX_KEY_CHARACTERS = 2048;

/** Why a valid document may not run, or null: reckons depth and cost with the values of its variables. */
export function costError(limits: Limits, operation: Operation): GraphQLError | null {
  const key = keyOf(limits, operation);
  if (key === null) return reckon(limits, operation);
  const kept = reckoned.get(operation.document) ?? new LRUCache({ max: KEPT_A_DOCUMENT });
  reckoned.set(operation.document, kept);
  const known = kept.get(key) ?? { error: reckon(limits, operation) };
  kept.set(key, known);
  return known.error;
}

function keyOf({ cost, depth }: Limits, { operationName, variables }: Operation): string | null {
  try {
    const key = JSON.stringify([cost, depth, operationName, variables]);
    return key.length > MAX_KEY_CHARACTERS ? null : key;
  } catch {
    // Nested too deep to be written.
    return null;
  }
}

function reckon(limits: Limits, operation: Operation): GraphQLError | null {
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
