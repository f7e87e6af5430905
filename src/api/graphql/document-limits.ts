import type { DocumentNode, ParseOptions, SelectionSetNode } from 'graphql';
import { Kind, Lexer, parse, Source, TokenKind, visit } from 'graphql';
import { type Limits, tooMuch } from './limits.ts';

/**
 * Parses a document that keeps the limits that can be seen without the schema. The look at its tokens bounds
 * the recursion of the parser, the look at its selections the quadratic work of validation.
 */
export function parseWithin(limits: Limits, text: string | Source, options?: ParseOptions): DocumentNode {
  const source = typeof text === 'string' ? new Source(text) : text;
  checkTokens(source, limits);
  const document = parse(source, options);
  checkSelections(document, limits);
  return document;
}

const OPENING: ReadonlySet<TokenKind> = new Set([TokenKind.PAREN_L, TokenKind.BRACKET_L, TokenKind.BRACE_L]);
const CLOSING: ReadonlySet<TokenKind> = new Set([TokenKind.PAREN_R, TokenKind.BRACKET_R, TokenKind.BRACE_R]);

function checkTokens(source: Source, limits: Limits): void {
  const lexer = new Lexer(source);
  let tokens = 0;
  let nesting = 0;
  for (let token = lexer.advance(); token.kind !== TokenKind.EOF; token = lexer.advance()) {
    tokens += 1;
    if (tokens > limits.tokens) throw tooMuch(`The document has more than ${limits.tokens} tokens.`);
    if (OPENING.has(token.kind)) nesting += 1;
    else if (CLOSING.has(token.kind)) nesting -= 1;
    if (nesting > limits.nesting) {
      throw tooMuch(`The document nests brackets more than ${limits.nesting} deep.`);
    }
  }
}

function checkSelections(document: DocumentNode, limits: Limits): void {
  let aliases = 0;
  let introspections = 0;
  visit(document, {
    Field({ alias, name }) {
      if (name.value === '__schema' || name.value === '__type') introspections += 1;
      if (introspections > limits.introspections) {
        throw tooMuch(`The document asks for the schema more than ${limits.introspections} times.`);
      }
      if (alias !== undefined) aliases += 1;
      if (aliases > limits.aliases) throw tooMuch(`The document has more than ${limits.aliases} aliases.`);
    },
    SelectionSet(set, _key, parent) {
      // The fields of an inline fragment are counted with those around it.
      const inline = parent !== undefined && 'kind' in parent && parent.kind === Kind.INLINE_FRAGMENT;
      if (!inline) checkRepeats(set, limits.repeats, new Map());
    },
  });
}

function checkRepeats(set: SelectionSetNode, limit: number, seen: Map<string, number>): void {
  for (const selection of set.selections) {
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      checkRepeats(selection.selectionSet, limit, seen);
      continue;
    }
    // All spreads of named fragments count as one name.
    const name = selection.kind === Kind.FIELD ? (selection.alias ?? selection.name).value : '...';
    const times = (seen.get(name) ?? 0) + 1;
    if (times > limit) throw tooMuch(`The document selects "${name}" more than ${limit} times at one place.`);
    seen.set(name, times);
  }
}
