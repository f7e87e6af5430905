import type { At, Expr, Modifiers, VectorSelector } from './ast.ts';
import { formatF } from './number-format.ts';

/** JSON of a tree, as Prometheus' parse_query answers it. */
export type ExprJson = { readonly [key: string]: unknown };

/** The tree of an expression in the shape of Prometheus' parse_query; times in milliseconds. */
export function exprToJson(expr: Expr): ExprJson {
  switch (expr.kind) {
    case 'number':
      return { type: 'numberLiteral', val: formatF(expr.value) };
    case 'string':
      return { type: 'stringLiteral', val: expr.value };
    case 'vectorSelector':
      return { type: 'vectorSelector', ...selectorJson(expr) };
    case 'matrixSelector':
      return { type: 'matrixSelector', ...selectorJson(expr.selector), range: expr.rangeMs };
    case 'subquery':
      return {
        type: 'subquery',
        expr: exprToJson(expr.expr),
        range: expr.rangeMs,
        step: expr.stepMs ?? 0,
        ...modifiersJson(expr),
      };
    case 'paren':
      return { type: 'parenExpr', expr: exprToJson(expr.expr) };
    case 'unary':
      return { type: 'unaryExpr', op: expr.operator, expr: exprToJson(expr.expr) };
    case 'binary':
      return {
        type: 'binaryExpr',
        op: expr.operator,
        lhs: exprToJson(expr.left),
        rhs: exprToJson(expr.right),
        matching:
          expr.matching === null
            ? null
            : {
                card: expr.matching.cardinality,
                labels: expr.matching.labels,
                on: expr.matching.on,
                include: expr.matching.include,
              },
        bool: expr.returnBool,
      };
    case 'aggregate':
      return {
        type: 'aggregation',
        op: expr.operator,
        expr: exprToJson(expr.expr),
        param: expr.param === null ? null : exprToJson(expr.param),
        grouping: expr.grouping,
        without: expr.without,
      };
    case 'call': {
      const { name, args, variadic, returns } = expr.signature;
      return {
        type: 'call',
        func: { name, argTypes: args, variadic, returnType: returns },
        args: expr.args.map(exprToJson),
      };
    }
  }
}

function selectorJson(selector: VectorSelector): ExprJson {
  const matchers = selector.matchers.map(({ name, operator, value }) => ({ name, value, type: operator }));
  return { name: selector.name, matchers, ...modifiersJson(selector) };
}

function modifiersJson({ offsetMs, at }: Modifiers): ExprJson {
  return { offset: offsetMs, ...atJson(at) };
}

function atJson(at: At): ExprJson {
  if (at === null) return { timestamp: null, startOrEnd: null };
  return typeof at === 'string'
    ? { timestamp: null, startOrEnd: at }
    : { timestamp: at.ms, startOrEnd: null };
}
