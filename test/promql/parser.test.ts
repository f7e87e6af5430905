import { describe, expect, test } from 'vitest';
import { formatPromql } from '../../src/promql/format-expr.ts';
import { parsePromql } from '../../src/promql/parser.ts';
import { PromqlError } from '../../src/promql/promql-error.ts';

function faultOf(text: string): string {
  try {
    parsePromql(text);
  } catch (error) {
    if (error instanceof PromqlError && error.kind === 'bad_data') return error.message;
    throw error;
  }
  return 'no fault';
}

describe('the parser refuses with the words and places of Prometheus', () => {
  test.each([
    ['', '1:1: parse error: no expression found in input'],
    ['# only a remark', '1:1: parse error: no expression found in input'],
    ['1+', '1:3: parse error: unexpected end of input'],
    ['.', "1:1: parse error: unexpected character: '.'"],
    ['2.5.', '1:1: parse error: bad number or duration syntax: "2.5."'],
    ['0deadbeef', '1:1: parse error: bad number or duration syntax: "0de"'],
    ['*1', '1:1: parse error: unexpected <op:*>'],
    ['(1))', "1:4: parse error: unexpected right parenthesis ')'"],
    ['((1)', '1:5: parse error: unclosed left parenthesis'],
    ['foo[5m', '1:7: parse error: unclosed left bracket'],
    ['1 !~ 1', "1:3: parse error: unexpected character after '!': '~'"],
    ['1 =~ 1', "1:3: parse error: unexpected character after '=': '~'"],
    ['1 and 1', '1:1: parse error: set operator "and" not allowed in binary scalar expression'],
    ['foo unless 1', '1:1: parse error: set operator "unless" not allowed in binary scalar expression'],
    ['1 == 1', '1:3: parse error: comparisons between scalars must use BOOL modifier'],
    ['foo + bool bar', '1:5: parse error: bool modifier can only be used on comparison operators'],
    ['foo and bool bar', '1:5: parse error: bool modifier can only be used on comparison operators'],
    [
      '-"string"',
      '1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got "string"',
    ],
    [
      '-test[5m]',
      '1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got "range vector"',
    ],
    [
      '1 offset 1d',
      '1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery',
    ],
    [
      '(foo) @ 5',
      '1:1: parse error: @ modifier must be preceded by an instant vector selector or range vector selector or a subquery',
    ],
    ['foo offset 1s offset 2s', '1:1: parse error: offset may not be set multiple times'],
    ['foo @ 1 @ 2', '1:1: parse error: @ <timestamp> may not be set multiple times'],
    ['foo @ Inf', '1:1: parse error: timestamp out of bounds for @ modifier: +Inf'],
    ['foo[5m] @', '1:10: parse error: unexpected end of input in @, expected timestamp'],
    ['foo offset', '1:11: parse error: unexpected end of input in offset, expected number or duration'],
    ['foo[0m]', '1:5: parse error: duration must be greater than 0'],
    ['foo[1mm]', '1:5: parse error: bad number or duration syntax: "1mm"'],
    ['foo[5m1h]', '1:5: parse error: not a valid duration string: "5m1h"'],
    ['foo offset 1m[5m]', '1:14: parse error: no offset modifiers allowed before range'],
    ['foo @ 5 [5m]', '1:9: parse error: no @ modifiers allowed before range'],
    ['(foo + bar)[5m]', '1:12: parse error: ranges only allowed for vector selectors'],
    ['foo[5m][5m:1m]', '1:1: parse error: subquery is only allowed on instant vector, got matrix instead'],
    ['a - on(b) ignoring(c) d', '1:11: parse error: unexpected <ignoring>'],
    ['foo + group_left(baz) bar', '1:7: parse error: unexpected <group_left>'],
    ['1 or on(bar) foo', '1:1: parse error: vector matching only allowed between instant vectors'],
    ['foo and on(bar) group_left(baz) bar', '1:1: parse error: no grouping allowed for "and" operation'],
    [
      'foo * on(instance) group_left(job,instance) bar',
      '1:5: parse error: label "instance" must not occur in ON and GROUP clause at once',
    ],
    ['foo[5m] + 1', '1:1: parse error: binary expression must contain only scalar and instant vector types'],
    ['{', '1:2: parse error: unexpected end of input inside braces'],
    ['some}', "1:5: parse error: unexpected character: '}'"],
    ['some{a=b}', '1:8: parse error: unexpected identifier "b" in label matching, expected string'],
    ['some{a:b="b"}', "1:7: parse error: unexpected character inside braces: ':'"],
    [
      'foo{gibberish}',
      '1:14: parse error: unexpected "}" in label matching, expected label matching operator',
    ],
    ['foo{,}', '1:5: parse error: unexpected "," in label matching, expected identifier or "}"'],
    [
      'foo{a="b" lol}',
      '1:11: parse error: unexpected identifier "lol" in label matching, expected "," or "}"',
    ],
    ['{}', '1:1: parse error: vector selector must contain at least one non-empty matcher'],
    ['{x=~".*",y!="a"}', '1:1: parse error: vector selector must contain at least one non-empty matcher'],
    ['foo{__name__="bar"}', '1:1: parse error: metric name must not be set twice: "foo" or "bar"'],
    ['foo{a=~"(b"}', '1:5: parse error: error parsing regexp: missing closing ): `(b`'],
    ['sum foo', '1:5: parse error: unexpected identifier "foo" in aggregation'],
    ['sum()', '1:1: parse error: no arguments for aggregate expression provided'],
    [
      'topk(foo)',
      '1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1',
    ],
    ['topk(foo, bar)', '1:6: parse error: expected type scalar in aggregation parameter, got instant vector'],
    ['count_values(5, foo)', '1:14: parse error: expected type string in aggregation parameter, got scalar'],
    [
      'sum(foo[5m])',
      '1:5: parse error: expected type instant vector in aggregation expression, got range vector',
    ],
    ['sum by foo (bar)', '1:8: parse error: unexpected identifier "foo" in grouping opts, expected "("'],
    ['sum by (1) (bar)', '1:9: parse error: unexpected number "1" in grouping opts, expected label'],
    ['floor()', '1:1: parse error: expected 1 argument(s) in call to "floor", got 0'],
    ['floor(1)', '1:7: parse error: expected type instant vector in call to function "floor", got scalar'],
    ['hour(a, b)', '1:1: parse error: expected at most 1 argument(s) in call to "hour", got 2'],
    [
      'label_join(a, "b")',
      '1:1: parse error: expected at least 3 argument(s) in call to "label_join", got 2',
    ],
    [
      'rate(foo)',
      '1:6: parse error: expected type range vector in call to function "rate", got instant vector',
    ],
    ['rate(foo[5m],)', '1:13: parse error: trailing commas not allowed in function call args'],
    ['bar(foo)', '1:1: parse error: unknown function with name "bar"'],
    ['mad_over_time(foo[5m])', '1:1: parse error: function "mad_over_time" is not enabled'],
    [
      'limitk(1, foo)',
      '1:1: parse error: limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions',
    ],
    ['"unfinished', '1:1: parse error: unterminated quoted string'],
    ['`unfinished', '1:1: parse error: unterminated raw string'],
    ['"\\c"', "1:1: parse error: unknown escape sequence U+0063 'c'"],
    ['foo bar', '1:5: parse error: unexpected identifier "bar"'],
    ['foo\n  + (é)', "2:6: parse error: unexpected character: 'é'"],
    ['"é" + foo', '1:1: parse error: binary expression must contain only scalar and instant vector types'],
    ['{"é"="é"} $', "1:13: parse error: unexpected character: '$'"],
  ])('%s', (text, fault) => {
    expect(faultOf(text)).toBe(fault);
  });
});

describe('the printer', () => {
  test.each([
    ['-2^2', '-2 ^ 2'],
    ['a+b  offset 5m', 'a + b offset 5m'],
    ['foo{b="1",a!~"x|y"}[1h30m] @ 5 offset -10s', 'foo{a!~"x|y",b="1"}[1h30m] @ 5.000 offset -10s'],
    ['{__name__="up"}', '{__name__="up"}'],
    ['{"with.dots", le="0.5"}', '{"with.dots",le="0.5"}'],
    ['SUM BY (a,b) (x)', 'sum by (a, b) (x)'],
    ['sum without () (x)', 'sum without () (x)'],
    ['topk(3,x) by(a)', 'topk by (a) (3, x)'],
    ['a*on(x)group_left b', 'a * on (x) group_left () b'],
    ['a > BOOL ignoring(x) b', 'a > bool ignoring (x) b'],
    ['rate(x[90s])[1w:]', 'rate(x[1m30s])[1w:]'],
    ['x[1h:5m] @ start()', 'x[1h:5m] @ start()'],
    ['label_join(a,"b","\\n",`c`)', 'label_join(a, "b", "\\n", "c")'],
    ['1_000 + 0x1F + 010 + 1e3 + .5 + Inf + NaN', '1000 + 31 + 8 + 1000 + 0.5 + +Inf + NaN'],
    ['((sum))', '((sum))'],
    ['by{on="1",without="2"}', 'by{on="1",without="2"}'],
    ['start + end', 'start + end'],
    ['predict_linear(x[1h], 2h)', 'predict_linear(x[1h], 2h)'],
    ['{"\\xc3\\xa9"}', '{"é"}'],
  ])('writes %s as %s', (text, formatted) => {
    expect(formatPromql(parsePromql(text))).toBe(formatted);
    expect(formatPromql(parsePromql(formatted))).toBe(formatted);
  });

  test('breaks what is longer than a hundred characters', () => {
    const text =
      'sum by (service) (rate(requests_total{service="checkout", code=~"5.."}[5m])) / on (service) group_left (team) topk(5, sum by (service) (rate(requests_total[5m])))';
    const lines = [
      '  sum by (service) (rate(requests_total{code=~"5..",service="checkout"}[5m]))',
      '/ on (service) group_left (team)',
      '  topk(5, sum by (service) (rate(requests_total[5m])))',
    ];
    expect(formatPromql(parsePromql(text))).toBe(lines.join('\n'));
    const nested = `abs((${text}))`;
    expect(formatPromql(parsePromql(nested))).toBe(
      ['abs(', '  (', ...lines.map((line) => `    ${line}`), '  )', ')'].join('\n'),
    );
  });
});

describe('what could hurt', () => {
  test('a megabyte is refused at once', () => {
    expect(faultOf('1+'.repeat(500_000))).toBe(
      '1:1: parse error: expression is longer than 262144 characters',
    );
  });

  test.each([
    ['parentheses', (n: number) => `${'('.repeat(n)}1${')'.repeat(n)}`],
    ['signs', (n: number) => `${'-'.repeat(n)}foo`],
    ['calls', (n: number) => `${'abs('.repeat(n)}foo${')'.repeat(n)}`],
    ['a chain of operators', (n: number) => `1${'+1'.repeat(n)}`],
    ['powers', (n: number) => `1${'^1'.repeat(n)}`],
  ])('10,000 levels of %s are refused and do not overflow the stack', (_what, textOf) => {
    expect(faultOf(textOf(10_000))).toMatch(
      /^1:\d+: parse error: expression nests more than 500 levels deep$/,
    );
    expect(faultOf(textOf(200))).toBe('no fault');
  });

  test('a regular expression that would explode elsewhere is refused or runs in linear time', () => {
    expect(faultOf('foo{a=~"((((a{1000}){1000}){1000}){1000})"}')).toMatch(
      /^1:5: parse error: error parsing regexp/,
    );
    const expr = parsePromql('foo{a=~"(a*)*b"}');
    if (expr.kind !== 'vectorSelector') throw new Error('not a selector');
    expect(expr.matchers[0]?.matches('a'.repeat(20_000))).toBe(false);
  });
});
