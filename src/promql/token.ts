import type { Span } from './position.ts';
import { quote } from './quote.ts';

export type TokenType =
  | 'end'
  | 'identifier'
  | 'metric identifier'
  | 'string'
  | 'number'
  | 'duration'
  | 'operator'
  | 'keyword'
  | 'aggregator'
  | 'punctuation';

export interface Token extends Span {
  readonly type: TokenType;
  /** As written. */
  readonly text: string;
  /** What to compare with: words in lower case. */
  readonly word: string;
}

/** Words that are operators wherever an operator may stand. */
export const WORD_OPERATORS: ReadonlySet<string> = new Set(['and', 'or', 'unless', 'atan2']);

export const AGGREGATORS: ReadonlySet<string> = new Set([
  'sum',
  'avg',
  'count',
  'min',
  'max',
  'group',
  'stddev',
  'stdvar',
  'topk',
  'bottomk',
  'count_values',
  'quantile',
  'limitk',
  'limit_ratio',
]);

export const KEYWORDS: ReadonlySet<string> = new Set([
  'offset',
  'by',
  'without',
  'on',
  'ignoring',
  'group_left',
  'group_right',
  'bool',
  'start',
  'end',
]);

export const isAlpha = (character: string): boolean => /^[A-Za-z_]$/.test(character);
export const isDigit = (character: string): boolean =>
  character >= '0' && character <= '9' && character !== '';
export const isAlphaNumeric = (character: string): boolean => isAlpha(character) || isDigit(character);
export const isSpace = (character: string): boolean =>
  character === ' ' || character === '\t' || character === '\n' || character === '\r';

/** How Prometheus names a token in `unexpected ...`. */
export function describeToken({ type, text }: Token): string {
  switch (type) {
    case 'end':
      return 'end of input';
    case 'keyword':
      return `<${text}>`;
    case 'operator':
      return `<op:${text}>`;
    case 'aggregator':
      return `<aggr:${text}>`;
    case 'identifier':
    case 'metric identifier':
      return `${type} ${quote(text)}`;
    case 'punctuation':
      return quote(text);
    case 'string':
    case 'number':
    case 'duration':
      return `${type} ${Buffer.byteLength(text) > 10 ? `${quote([...text].slice(0, 10).join(''))}...` : quote(text)}`;
  }
}
