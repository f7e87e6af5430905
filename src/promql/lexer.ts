import { scanNumberOrDuration } from './lex-number.ts';
import { scanString } from './lex-string.ts';
import { parseError } from './position.ts';
import type { PromqlError } from './promql-error.ts';
import { quoteCharacter } from './quote.ts';
import type { Token, TokenType } from './token.ts';
import { AGGREGATORS, isAlpha, isAlphaNumeric, isDigit, isSpace, KEYWORDS, WORD_OPERATORS } from './token.ts';

const QUOTES = new Set(['"', "'", '`']);
const ARITHMETIC = new Set(['*', '/', '%', '+', '-', '^']);

/** Reads the tokens of one expression, one at a time, so that what stands before a fault is reported first. */
export class Lexer {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  #insideBraces = false;
  #insideBrackets = false;
  #sawColon = false;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next token; `end` again and again at the end. */
  next(): Token {
    this.#skipBlanks();
    const start = this.#at;
    const character = this.#peek(0);
    if (character === '') return this.#end(start);
    if (QUOTES.has(character)) return this.#token('string', start, scanString(this.#text, start));
    return this.#insideBraces ? this.#braced(character, start) : this.#plain(character, start);
  }

  /** The character after `ahead` others, with both halves of a pair; '' at the end. */
  #peek(ahead: number): string {
    const code = this.#text.codePointAt(this.#at + ahead);
    return code === undefined ? '' : String.fromCodePoint(code);
  }

  #skipBlanks(): void {
    for (;;) {
      const character = this.#peek(0);
      if (character === '#') {
        const lineEnd = this.#text.indexOf('\n', this.#at);
        this.#at = lineEnd < 0 ? this.#text.length : lineEnd;
      } else if (isSpace(character)) this.#at += 1;
      else return;
    }
  }

  #end(start: number): Token {
    if (this.#insideBraces) throw this.#fault(start, 'unexpected end of input inside braces');
    if (this.#depth > 0) throw this.#fault(start, 'unclosed left parenthesis');
    if (this.#insideBrackets) throw this.#fault(start, 'unclosed left bracket');
    return this.#token('end', start, start);
  }

  #braced(character: string, start: number): Token {
    const pair = this.#text.slice(start, start + 2);
    if (isAlpha(character)) return this.#token('identifier', start, this.#wordEnd(start, false));
    if (character === ',') return this.#token('punctuation', start, start + 1);
    if (character === '=') return this.#token('punctuation', start, start + (pair === '=~' ? 2 : 1));
    if (pair === '!=' || pair === '!~') return this.#token('punctuation', start, start + 2);
    if (character === '!') {
      this.#at += 1;
      throw this.#fault(start, `unexpected character after '!' inside braces: ${this.#quoted()}`);
    }
    if (character === '{') throw this.#fault(start, "unexpected left brace '{'");
    if (character === '}') {
      this.#insideBraces = false;
      return this.#token('punctuation', start, start + 1);
    }
    throw this.#fault(start, `unexpected character inside braces: ${this.#quoted()}`);
  }

  #plain(character: string, start: number): Token {
    if (ARITHMETIC.has(character)) return this.#token('operator', start, start + 1);
    if (character === ',' || character === '@') return this.#token('punctuation', start, start + 1);
    if (isDigit(character) || (character === '.' && isDigit(this.#peek(1)))) return this.#number(start);
    if (this.#insideBrackets && character === ':') return this.#colon(start);
    if (isAlpha(character) || character === ':') return this.#word(start);
    switch (character) {
      case '=':
      case '!':
      case '<':
      case '>':
        return this.#comparison(character, start);
      case '(':
        this.#depth += 1;
        return this.#token('punctuation', start, start + 1);
      case ')':
        this.#depth -= 1;
        if (this.#depth < 0) throw this.#fault(start, "unexpected right parenthesis ')'");
        return this.#token('punctuation', start, start + 1);
      case '{':
        this.#insideBraces = true;
        return this.#token('punctuation', start, start + 1);
      case '[':
        if (this.#insideBrackets) throw this.#fault(start, "unexpected left bracket '['");
        this.#insideBrackets = true;
        this.#sawColon = false;
        return this.#token('punctuation', start, start + 1);
      case ']':
        if (!this.#insideBrackets) throw this.#fault(start, "unexpected right bracket ']'");
        this.#insideBrackets = false;
        return this.#token('punctuation', start, start + 1);
      default:
        throw this.#fault(start, `unexpected character: ${this.#quoted()}`);
    }
  }

  #comparison(character: string, start: number): Token {
    const follows = this.#text[start + 1] ?? '';
    if (follows === '=') return this.#token('operator', start, start + 2);
    if (character === '<' || character === '>') return this.#token('operator', start, start + 1);
    if (character === '=' && follows !== '~') return this.#token('punctuation', start, start + 1);
    this.#at += 1;
    throw this.#fault(start, `unexpected character after '${character}': ${this.#quoted()}`);
  }

  #number(start: number): Token {
    const { type, end } = scanNumberOrDuration(this.#text, start);
    return this.#token(type, start, end);
  }

  #colon(start: number): Token {
    if (this.#sawColon) throw this.#fault(start, "unexpected colon ':'");
    this.#sawColon = true;
    return this.#token('punctuation', start, start + 1);
  }

  #word(start: number): Token {
    const end = this.#wordEnd(start, true);
    const written = this.#text.slice(start, end);
    const word = written.toLowerCase();
    if (word === 'inf' || word === 'nan') return this.#token('number', start, end);
    if (WORD_OPERATORS.has(word)) return this.#token('operator', start, end);
    if (AGGREGATORS.has(word)) return this.#token('aggregator', start, end);
    if (KEYWORDS.has(word)) return this.#token('keyword', start, end);
    return this.#token(written.includes(':') ? 'metric identifier' : 'identifier', start, end);
  }

  #wordEnd(start: number, withColons: boolean): number {
    let end = start;
    for (;;) {
      const character = this.#text[end] ?? '';
      if (!isAlphaNumeric(character) && !(withColons && character === ':')) return end;
      end += 1;
    }
  }

  /** The character at hand as Go quotes it; the end of the input is the rune -1, which Go shows as U+FFFD. */
  #quoted(): string {
    return quoteCharacter(this.#peek(0) || '\uFFFD');
  }

  #token(type: TokenType, start: number, end: number): Token {
    this.#at = end;
    const text = this.#text.slice(start, end);
    return { type, text, word: text.toLowerCase(), start, end };
  }

  #fault(start: number, message: string): PromqlError {
    return parseError(this.#text, { start, end: this.#text.length }, message);
  }
}
