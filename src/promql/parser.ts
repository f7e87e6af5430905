import type { Aggregate, BinaryOperator, Call, Expr, VectorMatching } from './ast.ts';
import { isSetOperator, typeOf } from './ast.ts';
import { checkTypes } from './check-types.ts';
import { EXPERIMENTAL_FUNCTIONS, FUNCTIONS } from './function-signatures.ts';
import { stringValue } from './lex-string.ts';
import { parseGrouping, parseMatching } from './parse-grouping.ts';
import { parseNumber } from './parse-number.ts';
import { parsePostfix } from './parse-postfix.ts';
import { parseSelector } from './parse-selector.ts';
import { quote } from './quote.ts';
import type { Token } from './token.ts';
import { WORD_OPERATORS } from './token.ts';
import { TokenReader } from './token-reader.ts';

export interface ParseLimits {
  /** Characters. */
  readonly maxLength: number;
  /** Parentheses, operators and calls within one another, counted together. */
  readonly maxDepth: number;
}

export const PARSE_LIMITS: ParseLimits = { maxLength: 256 * 1024, maxDepth: 500 };

const BINDING: Readonly<Record<BinaryOperator, number>> = {
  or: 1,
  and: 2,
  unless: 2,
  '==': 3,
  '!=': 3,
  '<': 3,
  '<=': 3,
  '>': 3,
  '>=': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  atan2: 5,
  '^': 6,
};
/** A sign binds as `*` does, so that `-2 ^ 2` is -4. */
const SIGN_OPERAND = BINDING['^'];

const isBinaryOperator = (word: string): word is BinaryOperator => Object.hasOwn(BINDING, word);

const PARAMETRIC: ReadonlySet<string> = new Set([
  'topk',
  'bottomk',
  'count_values',
  'quantile',
  'limitk',
  'limit_ratio',
]);
const EXPERIMENTAL_AGGREGATORS: ReadonlySet<string> = new Set(['limitk', 'limit_ratio']);
/** Keywords that are a metric's name where an expression starts. */
const NAME_KEYWORDS: ReadonlySet<string> = new Set(['by', 'without', 'offset', 'start', 'end']);

/**
 * The expression's tree, its types checked.
 * @throws PromqlError `bad_data`, worded and placed as Prometheus does: `1:5: parse error: ...`.
 */
export function parsePromql(text: string, limits: ParseLimits = PARSE_LIMITS): Expr {
  const tooLong = { start: 0, end: 0 };
  if (text.length > limits.maxLength)
    throw new TokenReader('').fault(tooLong, `expression is longer than ${limits.maxLength} characters`);
  const tokens = new TokenReader(text);
  if (tokens.token.type === 'end') throw tokens.fault(tooLong, 'no expression found in input');
  const expr = new Parser(tokens, limits.maxDepth).parse();
  checkTypes(text, expr);
  return expr;
}

/** Set operators match many to many. */
function forOperator(matching: VectorMatching, operator: BinaryOperator): VectorMatching {
  return isSetOperator(operator) && matching.cardinality === 'one-to-one'
    ? { ...matching, cardinality: 'many-to-many' }
    : matching;
}

class Parser {
  readonly #tokens: TokenReader;
  readonly #maxDepth: number;
  #depth = 0;

  constructor(tokens: TokenReader, maxDepth: number) {
    this.#tokens = tokens;
    this.#maxDepth = maxDepth;
  }

  parse(): Expr {
    const expr = this.#expression(0);
    if (this.#tokens.token.type !== 'end') throw this.#tokens.unexpected();
    return expr;
  }

  #deeper(levels: number): void {
    this.#depth += levels;
    if (this.#depth > this.#maxDepth)
      throw this.#tokens.fault(
        this.#tokens.token,
        `expression nests more than ${this.#maxDepth} levels deep`,
      );
  }

  /** An expression whose operators all bind at least as tightly as `least`. */
  #expression(least: number): Expr {
    const before = this.#depth;
    this.#deeper(1);
    let left = parsePostfix(this.#tokens, this.#operand());
    for (;;) {
      const { word, type } = this.#tokens.token;
      if (type !== 'operator' || !isBinaryOperator(word) || BINDING[word] < least) break;
      // A chain nests on its left, one level an operator.
      this.#deeper(1);
      left = this.#binary(left, word);
    }
    this.#depth = before;
    return left;
  }

  #binary(left: Expr, operator: BinaryOperator): Expr {
    this.#tokens.take();
    const returnBool = this.#tokens.takeIf('bool');
    const matching = parseMatching(this.#tokens);
    const right = this.#expression(operator === '^' ? BINDING[operator] : BINDING[operator] + 1);
    const vectors = typeOf(left) === 'vector' && typeOf(right) === 'vector';
    return {
      kind: 'binary',
      operator,
      left,
      right,
      returnBool,
      matching: vectors ? forOperator(matching, operator) : matching.labels.length > 0 ? matching : null,
      start: left.start,
      end: right.end,
    };
  }

  #operand(): Expr {
    const tokens = this.#tokens;
    const { type, word } = tokens.token;
    switch (type) {
      case 'number':
      case 'duration':
        return parseNumber(tokens);
      case 'string': {
        const { text, start, end } = tokens.take();
        return { kind: 'string', value: stringValue(text), start, end };
      }
      case 'identifier': {
        const name = tokens.take();
        return tokens.at('(') ? this.#call(name) : parseSelector(tokens, name);
      }
      case 'metric identifier':
        return parseSelector(tokens, tokens.take());
      case 'aggregator':
        return this.#aggregateOrName(tokens.take());
      case 'keyword':
        if (!NAME_KEYWORDS.has(word)) throw tokens.unexpected();
        return this.#keywordName(tokens.take());
      case 'operator':
        if (word === '+' || word === '-') return this.#signed(word);
        if (!WORD_OPERATORS.has(word) || word === 'atan2') throw tokens.unexpected();
        return parseSelector(tokens, tokens.take());
      case 'punctuation':
        if (word === '(') return this.#paren();
        if (word === '{') return parseSelector(tokens, null);
        throw tokens.unexpected();
      case 'end':
        throw tokens.unexpected();
    }
  }

  #keywordName(name: Token): Expr {
    const experimental = EXPERIMENTAL_FUNCTIONS.has(name.word) && this.#tokens.at('(');
    return experimental ? this.#call(name) : parseSelector(this.#tokens, name);
  }

  #paren(): Expr {
    const { start } = this.#tokens.take();
    const expr = this.#expression(0);
    if (!this.#tokens.takeIf(')')) throw this.#tokens.unexpected();
    return { kind: 'paren', expr, start, end: this.#tokens.lastEnd };
  }

  #signed(operator: '+' | '-'): Expr {
    const { start } = this.#tokens.take();
    const expr = this.#expression(SIGN_OPERAND);
    if (expr.kind !== 'number') return { kind: 'unary', operator, expr, start, end: expr.end };
    return { ...expr, value: operator === '-' ? -expr.value : expr.value, start };
  }

  #call(name: Token): Call {
    const tokens = this.#tokens;
    const signature = FUNCTIONS.get(name.text);
    if (signature === undefined) {
      const known = EXPERIMENTAL_FUNCTIONS.has(name.text);
      throw tokens.fault(
        name,
        known
          ? `function ${quote(name.text)} is not enabled`
          : `unknown function with name ${quote(name.text)}`,
      );
    }
    const args = this.#arguments();
    return { kind: 'call', signature, args, start: name.start, end: tokens.lastEnd };
  }

  #arguments(): Expr[] {
    const tokens = this.#tokens;
    tokens.take();
    const args: Expr[] = [];
    if (tokens.takeIf(')')) return args;
    for (;;) {
      args.push(this.#expression(0));
      if (tokens.takeIf(')')) return args;
      if (!tokens.at(',')) throw tokens.unexpected();
      const comma = tokens.take();
      if (tokens.at(')')) throw tokens.fault(comma, 'trailing commas not allowed in function call args');
    }
  }

  #aggregateOrName(name: Token): Expr {
    const tokens = this.#tokens;
    if (tokens.at('(') || tokens.at('by') || tokens.at('without')) return this.#aggregate(name);
    if (tokens.token.type === 'identifier' || tokens.token.type === 'metric identifier')
      throw tokens.unexpected('aggregation');
    return parseSelector(tokens, name);
  }

  #aggregate(name: Token): Aggregate {
    const tokens = this.#tokens;
    const leading = parseGrouping(tokens);
    if (!tokens.at('(')) throw tokens.unexpected('aggregation');
    const args = this.#arguments();
    const grouping = leading ?? parseGrouping(tokens) ?? { labels: [], without: false };
    const span = { start: name.start, end: tokens.lastEnd };
    const operator = name.word;
    if (EXPERIMENTAL_AGGREGATORS.has(operator))
      throw tokens.fault(
        span,
        `${operator}() is experimental and must be enabled with --enable-feature=promql-experimental-functions`,
      );
    if (args.length === 0) throw tokens.fault(span, 'no arguments for aggregate expression provided');
    const desired = PARAMETRIC.has(operator) ? 2 : 1;
    const expr = args[desired - 1];
    if (args.length !== desired || expr === undefined)
      throw tokens.fault(
        span,
        `wrong number of arguments for aggregate expression provided, expected ${desired}, got ${args.length}`,
      );
    return {
      kind: 'aggregate',
      operator,
      expr,
      param: desired === 2 ? (args[0] ?? null) : null,
      grouping: grouping.labels,
      without: grouping.without,
      ...span,
    };
  }
}
