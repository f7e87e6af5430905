import type { VectorMatching } from './ast.ts';
import { stringValue } from './lex-string.ts';
import { isUtf8, quote } from './quote.ts';
import { WORD_OPERATORS } from './token.ts';
import type { TokenReader } from './token-reader.ts';

/** `on` or `ignoring` and what follows, after a binary operator. */
export function parseMatching(tokens: TokenReader): VectorMatching {
  const on = tokens.at('on');
  if (!on && !tokens.at('ignoring')) return { cardinality: 'one-to-one', labels: [], on: false, include: [] };
  tokens.take();
  const labels = parseLabelList(tokens);
  if (!tokens.at('group_left') && !tokens.at('group_right'))
    return { cardinality: 'one-to-one', labels, on, include: [] };
  const cardinality = tokens.take().word === 'group_left' ? 'many-to-one' : 'one-to-many';
  const include = tokens.at('(') ? parseLabelList(tokens) : [];
  return { cardinality, labels, on, include };
}

/** `(a, b)`, as after `by` and `on`. */
function parseLabelList(tokens: TokenReader): string[] {
  if (!tokens.takeIf('(')) throw tokens.unexpected('grouping opts', '"("');
  const labels: string[] = [];
  while (!tokens.takeIf(')')) {
    labels.push(parseLabel(tokens));
    if (tokens.at(')')) continue;
    if (!tokens.takeIf(',')) throw tokens.unexpected('grouping opts', '"," or ")"');
  }
  return labels;
}

function parseLabel(tokens: TokenReader): string {
  const { type, word } = tokens.token;
  if (type === 'string') {
    const token = tokens.take();
    const label = stringValue(token.text);
    if (label === '' || !isUtf8(label))
      throw tokens.fault(token, `invalid label name for grouping: ${quote(label)}`);
    return label;
  }
  const isWord =
    type === 'identifier' ||
    type === 'keyword' ||
    type === 'aggregator' ||
    (type === 'operator' && WORD_OPERATORS.has(word));
  if (!isWord) throw tokens.unexpected('grouping opts', 'label');
  return tokens.take().text;
}

/** `by` or `without` of an aggregator; null where neither is at hand. */
export function parseGrouping(
  tokens: TokenReader,
): { readonly labels: readonly string[]; readonly without: boolean } | null {
  const without = tokens.at('without');
  if (!without && !tokens.at('by')) return null;
  tokens.take();
  return { labels: parseLabelList(tokens), without };
}
