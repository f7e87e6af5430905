import type { Aggregate, Binary, Expr, Modifiers, Subquery, VectorSelector } from './ast.ts';
import { formatLabelName, isPlainMetricName } from './format-labels.ts';
import { compareText, METRIC_NAME } from './labels.ts';
import { formatF } from './number-format.ts';
import { formatPromDuration } from './prom-duration.ts';
import { quote } from './quote.ts';

/** What is longer than this is written over several lines. */
const LINE = 100;
const INDENT = '  ';

/** The expression in Prometheus' own layout. */
export function formatPromql(expr: Expr): string {
  return pretty(expr, 0);
}

function pretty(expr: Expr, level: number): string {
  const indent = INDENT.repeat(level);
  const line = oneLine(expr);
  if (Buffer.byteLength(line) <= LINE) return indent + line;
  switch (expr.kind) {
    case 'number':
    case 'string':
    case 'vectorSelector':
    case 'matrixSelector':
      return indent + line;
    case 'paren':
      return `${indent}(\n${pretty(expr.expr, level + 1)}\n${indent})`;
    case 'unary':
      return indent + expr.operator + pretty(expr.expr, level).trim();
    case 'subquery':
      return pretty(expr.expr, level) + subquerySuffix(expr);
    case 'binary': {
      const operator = indent + operatorText(expr);
      return `${pretty(expr.left, level + 1)}\n${operator}\n${pretty(expr.right, level + 1)}`;
    }
    case 'aggregate': {
      const param = expr.param === null ? '' : `${pretty(expr.param, level + 1)},\n`;
      return `${indent}${aggregateText(expr)}(\n${param}${pretty(expr.expr, level + 1)}\n${indent})`;
    }
    case 'call': {
      const args = expr.args.map((arg) => pretty(arg, level + 1)).join(',\n');
      return `${indent}${expr.signature.name}(\n${args}\n${indent})`;
    }
  }
}

function oneLine(expr: Expr): string {
  switch (expr.kind) {
    case 'number':
      return numberText(expr.value, expr.isDuration);
    case 'string':
      return quote(expr.value);
    case 'vectorSelector':
      return selectorText(expr) + modifierText(expr);
    case 'matrixSelector':
      return `${selectorText(expr.selector)}[${formatPromDuration(expr.rangeMs)}]${modifierText(expr.selector)}`;
    case 'paren':
      return `(${oneLine(expr.expr)})`;
    case 'unary':
      return expr.operator + oneLine(expr.expr);
    case 'subquery':
      return oneLine(expr.expr) + subquerySuffix(expr);
    case 'binary':
      return `${oneLine(expr.left)} ${operatorText(expr)} ${oneLine(expr.right)}`;
    case 'aggregate': {
      const param = expr.param === null ? '' : `${oneLine(expr.param)}, `;
      return `${aggregateText(expr)}(${param}${oneLine(expr.expr)})`;
    }
    case 'call':
      return `${expr.signature.name}(${expr.args.map(oneLine).join(', ')})`;
  }
}

function numberText(value: number, isDuration: boolean): string {
  const ms = Math.abs(value) * 1000;
  if (!isDuration || ms === 0) return formatF(value) + (isDuration ? 's' : '');
  return (value < 0 ? '-' : '') + formatPromDuration(Math.round(ms));
}

function selectorText({ name, matchers }: VectorSelector): string {
  const plain = isPlainMetricName(name);
  const conditions = matchers
    .filter(
      (matcher) =>
        !(matcher.name === METRIC_NAME && matcher.operator === '=' && matcher.value === name && name !== ''),
    )
    .map(({ name: label, operator, value }) => `${formatLabelName(label)}${operator}${quote(value)}`)
    .sort(compareText);
  if (name !== '' && !plain) conditions.unshift(quote(name));
  const braces = conditions.length === 0 ? '' : `{${conditions.join(',')}}`;
  return (plain ? name : '') + (plain ? braces : braces || '{}');
}

function modifierText({ offsetMs, at }: Modifiers): string {
  const instant =
    at === null ? '' : typeof at === 'string' ? ` @ ${at}()` : ` @ ${(at.ms / 1000).toFixed(3)}`;
  const sign = offsetMs < 0 ? '-' : '';
  return instant + (offsetMs === 0 ? '' : ` offset ${sign}${formatPromDuration(Math.abs(offsetMs))}`);
}

function subquerySuffix(expr: Subquery): string {
  const step = expr.stepMs === null ? '' : formatPromDuration(expr.stepMs);
  return `[${formatPromDuration(expr.rangeMs)}:${step}]${modifierText(expr)}`;
}

function operatorText({ operator, returnBool, matching }: Binary): string {
  return operator + (returnBool ? ' bool' : '') + matchingText(matching);
}

function matchingText(matching: Binary['matching']): string {
  if (matching === null) return '';
  const { cardinality, labels, on, include } = matching;
  const grouped = cardinality === 'many-to-one' || cardinality === 'one-to-many';
  if (labels.length === 0 && !on && !grouped) return '';
  const text = ` ${on ? 'on' : 'ignoring'} (${labelList(labels)})`;
  if (!grouped) return text;
  return `${text} group_${cardinality === 'many-to-one' ? 'left' : 'right'} (${labelList(include)})`;
}

function aggregateText({ operator, grouping, without }: Aggregate): string {
  if (without) return `${operator} without (${labelList(grouping)}) `;
  return grouping.length === 0 ? operator : `${operator} by (${labelList(grouping)}) `;
}

const labelList = (labels: readonly string[]): string => labels.map(formatLabelName).join(', ');
