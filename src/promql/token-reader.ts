import { Lexer } from './lexer.ts';
import { parseError, type Span } from './position.ts';
import type { PromqlError } from './promql-error.ts';
import { describeToken, type Token } from './token.ts';

const MAX_REGEXPS = 200;

/** The tokens of an expression with one token of look-ahead, and the faults that concern them. */
export class TokenReader {
  readonly text: string;
  readonly #lexer: Lexer;
  #token: Token;
  #lastEnd = 0;
  #regexps = 0;

  constructor(text: string) {
    this.text = text;
    this.#lexer = new Lexer(text);
    this.#token = this.#lexer.next();
  }

  get token(): Token {
    return this.#token;
  }

  /** Where the last token taken ends. */
  get lastEnd(): number {
    return this.#lastEnd;
  }

  take(): Token {
    const taken = this.#token;
    this.#lastEnd = taken.end;
    this.#token = this.#lexer.next();
    return taken;
  }

  /** Whether the token at hand is this punctuation, keyword or operator. */
  at(word: string): boolean {
    const { type, word: here } = this.#token;
    return here === word && (type === 'punctuation' || type === 'keyword' || type === 'operator');
  }

  takeIf(word: string): boolean {
    if (!this.at(word)) return false;
    this.take();
    return true;
  }

  /** Each costs some time to compile, whether it matches anything or not. */
  countRegexp(span: Span): void {
    this.#regexps += 1;
    if (this.#regexps > MAX_REGEXPS)
      throw this.fault(span, `expression holds more than ${MAX_REGEXPS} regular expressions`);
  }

  unexpected(context = '', expected = ''): PromqlError {
    const where = context === '' ? '' : ` in ${context}`;
    const wanted = expected === '' ? '' : `, expected ${expected}`;
    return this.fault(this.#token, `unexpected ${describeToken(this.#token)}${where}${wanted}`);
  }

  fault(span: Span, message: string): PromqlError {
    return parseError(this.text, span, message);
  }
}
