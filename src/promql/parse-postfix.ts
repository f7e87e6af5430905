import type { At, Expr, MatrixSelector, Modifiers, Subquery, VectorSelector } from './ast.ts';
import { parseOffset, parsePositiveDuration, parseTimestamp } from './parse-number.ts';
import type { Span } from './position.ts';
import type { TokenReader } from './token-reader.ts';

const AFTER = 'must be preceded by an instant vector selector or range vector selector or a subquery';

/** Everything that follows an operand: ranges, subqueries, `offset`, `@`. */
export function parsePostfix(tokens: TokenReader, operand: Expr): Expr {
  let expr = operand;
  for (;;) {
    if (tokens.at('[')) expr = parseRange(tokens, expr);
    else if (tokens.takeIf('offset')) expr = withOffset(tokens, expr, parseOffset(tokens));
    else if (tokens.takeIf('@')) expr = withAt(tokens, expr, parseAt(tokens, expr));
    else return expr;
  }
}

function parseRange(tokens: TokenReader, expr: Expr): MatrixSelector | Subquery {
  const bracket = tokens.take();
  const rangeMs = parsePositiveDuration(tokens, 'subquery or range selector', 'number or duration');
  if (tokens.takeIf(':')) {
    const stepMs = tokens.at(']')
      ? null
      : parsePositiveDuration(tokens, 'subquery selector', 'number, duration, or "]"');
    if (!tokens.takeIf(']')) throw tokens.unexpected('subquery selector', '"]"');
    const span = { start: expr.start, end: tokens.lastEnd };
    return { kind: 'subquery', expr, rangeMs, stepMs, offsetMs: 0, at: null, ...span };
  }
  if (!tokens.takeIf(']')) throw tokens.unexpected('subquery or range', '":" or "]"');
  const brackets = { start: bracket.start, end: tokens.lastEnd };
  if (expr.kind !== 'vectorSelector')
    throw tokens.fault(brackets, 'ranges only allowed for vector selectors');
  if (expr.offsetMs !== 0) throw tokens.fault(brackets, 'no offset modifiers allowed before range');
  if (expr.at !== null) throw tokens.fault(brackets, 'no @ modifiers allowed before range');
  return { kind: 'matrixSelector', selector: expr, rangeMs, start: expr.start, end: tokens.lastEnd };
}

function parseAt(tokens: TokenReader, subject: Span): NonNullable<At> {
  for (const word of ['start', 'end'] as const) {
    if (!tokens.takeIf(word)) continue;
    if (!tokens.takeIf('(') || !tokens.takeIf(')')) throw tokens.unexpected('@', 'timestamp');
    return word;
  }
  return { ms: parseTimestamp(tokens, subject) };
}

function withOffset(tokens: TokenReader, expr: Expr, offsetMs: number): Expr {
  return modified(expr, tokens.lastEnd, (before) => {
    if (before === null) throw tokens.fault(expr, `offset modifier ${AFTER}`);
    if (before.offsetMs !== 0) throw tokens.fault(expr, 'offset may not be set multiple times');
    return { ...before, offsetMs };
  });
}

function withAt(tokens: TokenReader, expr: Expr, at: NonNullable<At>): Expr {
  return modified(expr, tokens.lastEnd, (before) => {
    if (before === null) throw tokens.fault(expr, `@ modifier ${AFTER}`);
    if (before.at !== null) throw tokens.fault(expr, '@ <timestamp> may not be set multiple times');
    return { ...before, at };
  });
}

/** The expression with its modifiers changed; `change` sees null where none may stand. */
function modified(expr: Expr, end: number, change: (before: Modifiers | null) => Modifiers): Expr {
  const next = (from: VectorSelector | Subquery): Modifiers =>
    change({ offsetMs: from.offsetMs, at: from.at });
  switch (expr.kind) {
    case 'vectorSelector':
    case 'subquery':
      return { ...expr, ...next(expr), end };
    case 'matrixSelector':
      return { ...expr, selector: { ...expr.selector, ...next(expr.selector) }, end };
    case 'number':
    case 'string':
    case 'paren':
    case 'unary':
    case 'binary':
    case 'aggregate':
    case 'call':
      change(null);
      return expr;
  }
}
