import type { FunctionSignature } from './function-signatures.ts';
import type { Matcher } from './matcher.ts';
import type { Span } from './position.ts';
import type { ValueType } from './value-type.ts';

/** `@ 123.4` in epoch milliseconds, or the query's own start or end; null for none. */
export type At = { readonly ms: number } | 'start' | 'end' | null;

/** `offset` (milliseconds, negative looks ahead, 0 for none) and `@`. */
export interface Modifiers {
  readonly offsetMs: number;
  readonly at: At;
}

export interface NumberLiteral extends Span {
  readonly kind: 'number';
  readonly value: number;
  /** Written as a duration: `1h`. */
  readonly isDuration: boolean;
}

export interface StringLiteral extends Span {
  readonly kind: 'string';
  readonly value: string;
}

export interface VectorSelector extends Span, Modifiers {
  readonly kind: 'vectorSelector';
  /** The metric's name, '' when none is given but by a matcher. */
  readonly name: string;
  /** With the one for the name. */
  readonly matchers: readonly Matcher[];
}

export interface MatrixSelector extends Span {
  readonly kind: 'matrixSelector';
  readonly selector: VectorSelector;
  readonly rangeMs: number;
}

export interface Subquery extends Span, Modifiers {
  readonly kind: 'subquery';
  readonly expr: Expr;
  readonly rangeMs: number;
  /** Null for the default step. */
  readonly stepMs: number | null;
}

export interface Paren extends Span {
  readonly kind: 'paren';
  readonly expr: Expr;
}

export interface Unary extends Span {
  readonly kind: 'unary';
  readonly operator: '+' | '-';
  readonly expr: Expr;
}

export type Arithmetic = '+' | '-' | '*' | '/' | '%' | '^' | 'atan2';
export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';
export type SetOperator = 'and' | 'or' | 'unless';
export type BinaryOperator = Arithmetic | Comparison | SetOperator;

export type Cardinality = 'one-to-one' | 'many-to-one' | 'one-to-many' | 'many-to-many';

export interface VectorMatching {
  readonly cardinality: Cardinality;
  readonly labels: readonly string[];
  /** `on`, else `ignoring`. */
  readonly on: boolean;
  /** Labels of `group_left` or `group_right`, copied from the "one" side. */
  readonly include: readonly string[];
}

export interface Binary extends Span {
  readonly kind: 'binary';
  readonly operator: BinaryOperator;
  readonly left: Expr;
  readonly right: Expr;
  readonly returnBool: boolean;
  /** Null unless both sides are vectors. */
  readonly matching: VectorMatching | null;
}

export interface Aggregate extends Span {
  readonly kind: 'aggregate';
  readonly operator: string;
  readonly expr: Expr;
  readonly param: Expr | null;
  readonly grouping: readonly string[];
  readonly without: boolean;
}

export interface Call extends Span {
  readonly kind: 'call';
  readonly signature: FunctionSignature;
  readonly args: readonly Expr[];
}

/** An expression that has passed the type check. */
export type Expr =
  | NumberLiteral
  | StringLiteral
  | VectorSelector
  | MatrixSelector
  | Subquery
  | Paren
  | Unary
  | Binary
  | Aggregate
  | Call;

const SET_OPERATORS: ReadonlySet<BinaryOperator> = new Set(['and', 'or', 'unless']);
const COMPARISONS: ReadonlySet<BinaryOperator> = new Set(['==', '!=', '<', '<=', '>', '>=']);

export const isSetOperator = (operator: BinaryOperator): operator is SetOperator =>
  SET_OPERATORS.has(operator);
export const isComparison = (operator: BinaryOperator): operator is Comparison => COMPARISONS.has(operator);

export function typeOf(expr: Expr): ValueType {
  switch (expr.kind) {
    case 'number':
      return 'scalar';
    case 'string':
      return 'string';
    case 'vectorSelector':
    case 'aggregate':
      return 'vector';
    case 'matrixSelector':
    case 'subquery':
      return 'matrix';
    case 'paren':
    case 'unary':
      return typeOf(expr.expr);
    case 'binary':
      return typeOf(expr.left) === 'scalar' && typeOf(expr.right) === 'scalar' ? 'scalar' : 'vector';
    case 'call':
      return expr.signature.returns;
  }
}

export function withoutParens(expr: Expr): Expr {
  let inner = expr;
  while (inner.kind === 'paren') inner = inner.expr;
  return inner;
}
