import type { VectorSelector } from './ast.ts';
import { METRIC_NAME } from './labels.ts';
import { stringValue } from './lex-string.ts';
import type { Matcher, MatchOperator } from './matcher.ts';
import { makeMatcher } from './matcher.ts';
import type { Span } from './position.ts';
import { isUtf8, quote } from './quote.ts';
import { RegexpError } from './regexp.ts';
import type { Token } from './token.ts';
import type { TokenReader } from './token-reader.ts';

const MATCH_OPERATORS: Readonly<Record<string, MatchOperator>> = {
  '=': '=',
  '!=': '!=',
  '=~': '=~',
  '!~': '!~',
};

/** A selector after its name, if it has one: `{...}` where a brace is at hand. */
export function parseSelector(tokens: TokenReader, name: Token | null): VectorSelector {
  const start = name?.start ?? tokens.token.start;
  const inBraces = tokens.takeIf('{') ? parseMatchers(tokens) : [];
  const bare = name?.text ?? '';
  // A lone "metric name" in the braces names the metric as if it stood before them.
  const names = inBraces.filter((entry): entry is Span & { readonly name: string } => 'name' in entry);
  const [first, second] = bare === '' ? names : [{ name: bare }, ...names];
  if (first !== undefined && second !== undefined)
    throw tokens.fault(
      { start, end: tokens.lastEnd },
      `metric name must not be set twice: ${quote(first.name)} or ${quote(second.name)}`,
    );
  const matchers = inBraces.flatMap((entry) => ('name' in entry ? [] : [entry.matcher]));
  const metric = first?.name ?? '';
  return {
    kind: 'vectorSelector',
    name: metric,
    matchers: metric === '' ? matchers : [...matchers, makeMatcher(METRIC_NAME, '=', metric)],
    offsetMs: 0,
    at: null,
    start,
    end: tokens.lastEnd,
  };
}

type Entry = Span & ({ readonly name: string } | { readonly matcher: Matcher });

function parseMatchers(tokens: TokenReader): Entry[] {
  const entries: Entry[] = [];
  if (tokens.takeIf('}')) return entries;
  for (;;) {
    entries.push(parseEntry(tokens));
    if (tokens.takeIf('}')) return entries;
    if (!tokens.takeIf(',')) throw tokens.unexpected('label matching', '"," or "}"');
    if (tokens.takeIf('}')) return entries;
  }
}

function parseEntry(tokens: TokenReader): Entry {
  const { type, start, end } = tokens.token;
  if (type !== 'identifier' && type !== 'string')
    throw tokens.unexpected('label matching', 'identifier or "}"');
  const label = tokens.take();
  const name = type === 'string' ? textOf(tokens, label) : label.text;
  const operator = tokens.token.type === 'punctuation' ? MATCH_OPERATORS[tokens.token.text] : undefined;
  if (operator === undefined) {
    if (type === 'string' && (tokens.at(',') || tokens.at('}'))) return { name, start, end };
    throw tokens.unexpected('label matching', 'label matching operator');
  }
  tokens.take();
  if (tokens.token.type !== 'string') throw tokens.unexpected('label matching', 'string');
  const value = textOf(tokens, tokens.take());
  if (operator === '=~' || operator === '!~') tokens.countRegexp({ start, end: tokens.lastEnd });
  try {
    return { matcher: makeMatcher(name, operator, value), start, end: tokens.lastEnd };
  } catch (error) {
    if (!(error instanceof RegexpError)) throw error;
    throw tokens.fault({ start, end: tokens.lastEnd }, error.message);
  }
}

/** The text of a string that becomes a label's name or value. */
function textOf(tokens: TokenReader, token: Token): string {
  const value = stringValue(token.text);
  if (!isUtf8(value)) throw tokens.fault(token, `invalid UTF-8 in label name or value ${quote(value)}`);
  return value;
}
