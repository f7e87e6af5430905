import type { Aggregate, Binary, Call, Expr, VectorSelector } from './ast.ts';
import { isComparison, isSetOperator, typeOf } from './ast.ts';
import { METRIC_NAME } from './labels.ts';
import type { Span } from './position.ts';
import { parseError } from './position.ts';
import type { PromqlError } from './promql-error.ts';
import { quote } from './quote.ts';
import { isSpace } from './token.ts';
import { documented, type ValueType } from './value-type.ts';

type Fault = (span: Span, message: string) => PromqlError;

/** Throws the first fault that the grammar alone does not see. */
export function checkTypes(text: string, root: Expr): void {
  const fault: Fault = (span, message) => parseError(text, span, message);
  const check = (expr: Expr): ValueType => {
    switch (expr.kind) {
      case 'number':
      case 'string':
        break;
      case 'vectorSelector':
        checkSelector(expr, fault);
        break;
      case 'matrixSelector':
        checkSelector(expr.selector, fault);
        break;
      case 'paren':
        check(expr.expr);
        break;
      case 'subquery': {
        const type = check(expr.expr);
        if (type !== 'vector')
          throw fault(expr, `subquery is only allowed on instant vector, got ${type} instead`);
        break;
      }
      case 'unary': {
        const type = check(expr.expr);
        if (type !== 'scalar' && type !== 'vector')
          throw fault(
            expr,
            `unary expression only allowed on expressions of type scalar or instant vector, got ${quote(documented(type))}`,
          );
        break;
      }
      case 'binary':
        check(expr.left);
        check(expr.right);
        checkBinary(text, expr, fault);
        break;
      case 'aggregate':
        checkAggregate(expr, check, fault);
        break;
      case 'call':
        checkCall(expr, check, fault);
        break;
    }
    return typeOf(expr);
  };
  check(root);
}

function expectType(got: ValueType, want: ValueType, span: Span, context: string, fault: Fault): void {
  if (got !== want)
    throw fault(span, `expected type ${documented(want)} in ${context}, got ${documented(got)}`);
}

function checkSelector(selector: VectorSelector, fault: Fault): void {
  const { name, matchers } = selector;
  if (name !== '') {
    const twice = matchers.slice(0, -1).find((matcher) => matcher.name === METRIC_NAME);
    if (twice !== undefined)
      throw fault(selector, `metric name must not be set twice: ${quote(name)} or ${quote(twice.value)}`);
    return;
  }
  if (matchers.every((matcher) => matcher.matches('')))
    throw fault(selector, 'vector selector must contain at least one non-empty matcher');
}

function checkBinary(text: string, expr: Binary, fault: Fault): void {
  const { operator, left, right, returnBool, matching } = expr;
  const types = [typeOf(left), typeOf(right)] as const;
  const vectors = types[0] === 'vector' && types[1] === 'vector';
  const scalars = types[0] === 'scalar' && types[1] === 'scalar';
  const operatorSpan = (): Span => {
    let start = left.end;
    while (isSpace(text[start] ?? '')) start += 1;
    return { start, end: right.start };
  };
  if (returnBool && !isComparison(operator))
    throw fault(operatorSpan(), 'bool modifier can only be used on comparison operators');
  if (isComparison(operator) && !returnBool && scalars)
    throw fault(operatorSpan(), 'comparisons between scalars must use BOOL modifier');
  const both =
    matching?.on === true ? matching.labels.find((label) => matching.include.includes(label)) : undefined;
  if (both !== undefined)
    throw fault(operatorSpan(), `label ${quote(both)} must not occur in ON and GROUP clause at once`);
  for (const [i, type] of types.entries())
    if (type !== 'scalar' && type !== 'vector')
      throw fault(
        i === 0 ? left : right,
        'binary expression must contain only scalar and instant vector types',
      );
  if (!vectors && matching !== null && matching.labels.length > 0)
    throw fault(expr, 'vector matching only allowed between instant vectors');
  if (!isSetOperator(operator)) return;
  if (vectors && matching?.cardinality !== 'many-to-many')
    throw fault(expr, `no grouping allowed for ${quote(operator)} operation`);
  if (!vectors) throw fault(expr, `set operator ${quote(operator)} not allowed in binary scalar expression`);
}

function checkAggregate(expr: Aggregate, check: (expr: Expr) => ValueType, fault: Fault): void {
  expectType(check(expr.expr), 'vector', expr.expr, 'aggregation expression', fault);
  if (expr.param === null) return;
  const want = expr.operator === 'count_values' ? 'string' : 'scalar';
  expectType(check(expr.param), want, expr.param, 'aggregation parameter', fault);
}

function checkCall(expr: Call, check: (expr: Expr) => ValueType, fault: Fault): void {
  const { signature, args } = expr;
  const listed = signature.args.length;
  const least = signature.variadic === 0 ? listed : listed - 1;
  const most = signature.variadic < 0 ? Number.POSITIVE_INFINITY : least + signature.variadic;
  if (args.length < least || args.length > most) {
    const bound = signature.variadic === 0 ? '' : args.length < least ? 'at least ' : 'at most ';
    const count = args.length < least ? least : most;
    throw fault(
      expr,
      `expected ${bound}${count} argument(s) in call to ${quote(signature.name)}, got ${args.length}`,
    );
  }
  args.forEach((arg, i) => {
    const want = signature.args[Math.min(i, listed - 1)];
    if (want !== undefined)
      expectType(check(arg), want, arg, `call to function ${quote(signature.name)}`, fault);
  });
}
