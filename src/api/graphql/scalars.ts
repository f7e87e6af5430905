import { GraphQLError, Kind, valueFromASTUntyped } from 'graphql';
import { formatRfc3339, parseRfc3339 } from '../../lib/rfc3339.ts';
import { builder } from './builder.ts';

builder.scalarType('DateTime', {
  description: 'A time as RFC 3339 text, such as `2024-05-01T12:00:00Z`. Answers are in UTC.',
  serialize: formatRfc3339,
  parseValue: (value) => {
    const ms = parseDateTime(value);
    if (ms === null) throw new GraphQLError(NO_TIME);
    return ms;
  },
  parseLiteral: (node) => {
    const ms = parseDateTime(node.kind === Kind.STRING ? node.value : undefined);
    if (ms === null) throw new GraphQLError(NO_TIME, { nodes: node });
    return ms;
  },
});

builder.scalarType('JSON', {
  description:
    'Any JSON value. Definitions in it are written as in the REST API: keys in snake_case, words in lower case.',
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: (node, variables) => valueFromASTUntyped(node, variables),
});

const NO_TIME = 'DateTime must be an RFC 3339 time, such as "2024-05-01T12:00:00Z".';

function parseDateTime(value: unknown): number | null {
  return typeof value === 'string' ? parseRfc3339(value) : null;
}
