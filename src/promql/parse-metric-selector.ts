import type { VectorSelector } from './ast.ts';
import { parseSelector } from './parse-selector.ts';
import { PARSE_LIMITS } from './parser.ts';
import { TokenReader } from './token-reader.ts';

/**
 * A series selector by itself, which may also match everything.
 * @throws PromqlError `bad_data` for any other text.
 */
export function parseMetricSelector(text: string): VectorSelector {
  const { maxLength } = PARSE_LIMITS;
  if (text.length > maxLength)
    throw new TokenReader('').fault(
      { start: 0, end: 0 },
      `expression is longer than ${maxLength} characters`,
    );
  const tokens = new TokenReader(text);
  const { type } = tokens.token;
  const isNamed = type === 'identifier' || type === 'metric identifier' || type === 'aggregator';
  if (!isNamed && !tokens.at('{')) throw tokens.unexpected();
  const selector = parseSelector(tokens, isNamed ? tokens.take() : null);
  if (tokens.token.type !== 'end') throw tokens.unexpected();
  return selector;
}
