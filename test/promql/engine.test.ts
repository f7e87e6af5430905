import { describe, expect, test } from 'vitest';
import { evaluateInstant } from '../../src/promql/engine.ts';
import { exprToJson } from '../../src/promql/expr-to-json.ts';
import { parsePromql } from '../../src/promql/parser.ts';
import { linesOf, promqlStore } from './promql-store.ts';

const { at, range } = promqlStore(`
load 1m
  burn{slo="a", team="x"} 0+1x60
  burn{slo="b", team="x"} 0+2x60
  burn{slo="c", team="y"} 60-1x60
  gap _ 1 _ 3 stale _ _ _ _ _ 9
  one{team="x"} 5x60
  two{team="x", kind="k"} 2x60
  dup{team="x", n="2"} 2x60
  dup{team="x", n="1"} 1x60
  twin{team="x"} 1x60
  odd{v="1"} NaN
  odd{v="2"} 2
  odd{v="3"} 3
`);

describe('a range query', () => {
  test('looks back five minutes, with the left end open, and stops at a marker', async () => {
    // 1 at 60 s holds until 180 s where 3 comes, which the marker at 240 s ends; 9 at 600 s ends before 900 s.
    expect(linesOf(await range('gap', [0, 960, 60]))).toEqual([
      '{__name__="gap"} 1@60 1@120 3@180 9@600 9@660 9@720 9@780 9@840',
    ]);
    expect(linesOf(await range('gap', [360, 960, 300], { lookbackMs: 600_000 }))).toEqual([
      '{__name__="gap"} 9@660 9@960',
    ]);
  });

  test('reads the same at any step as one query an instant', async () => {
    for (const step of [7, 60, 90, 600, 3700]) {
      const whole = await range('burn{slo="a"} + on() group_left gap', [0, 3600, step]);
      const lines: string[] = [];
      for (let t = 0; t <= 3600; t += step) {
        const { value } = await at('burn{slo="a"} + on() group_left gap', t);
        if (value.type === 'vector') lines.push(...value.samples.map((sample) => `${sample.value}@${t}`));
      }
      expect(linesOf(whole).join(' ').split(' ').slice(2).join(' ')).toBe(lines.join(' '));
    }
  });

  test('moves windows as a query an instant cuts them', async () => {
    for (const call of [
      'sum_over_time(burn[5m])',
      'rate(burn[7m])',
      'max_over_time(burn[3m:40s])',
      'avg_over_time(burn[5m] @ 600)',
      'quantile_over_time(scalar(one) / 10, burn[10m] offset -5m)',
      'predict_linear(burn[10m] @ end(), 60)',
      'deriv(burn[9m] offset 1m)',
    ]) {
      const whole = await range(call, [0, 1200, 100]);
      const instants = await Promise.all(
        Array.from({ length: 13 }, async (_, k) => {
          const answer = await range(call.replace('end()', '1200'), [k * 100, k * 100, 1]);
          return linesOf(answer);
        }),
      );
      const expected = new Map<string, string[]>();
      for (const line of instants.flat()) {
        const [labels = '', ...points] = line.split(/(?<=\}) /);
        expected.set(labels, [...(expected.get(labels) ?? []), ...points]);
      }
      expect(linesOf(whole)).toEqual(
        [...expected].map(([labels, points]) => `${labels} ${points.join(' ')}`),
      );
    }
  });

  test('refuses strings and range vectors', async () => {
    const wrong = (type: string) => ({
      kind: 'bad_data',
      message: `invalid expression type "${type}" for range query, must be Scalar or instant Vector`,
    });
    await expect(range('burn[5m]', [0, 60, 60])).rejects.toMatchObject(wrong('range vector'));
    await expect(range('"a"', [0, 60, 60])).rejects.toMatchObject(wrong('string'));
  });

  test('answers nothing for an end before its start', async () => {
    expect(linesOf(await range('burn', [60, 0, 60]))).toEqual([]);
    expect(linesOf(await range('1', [60, 0, 60]))).toEqual([]);
    expect(linesOf(await range('topk(1, burn) > sum(burn)', [60, 0, 60]))).toEqual([]);
  });
});

describe('an instant query', () => {
  test('keeps an order that was asked for, NaN last both ways', async () => {
    expect(linesOf(await at('sort_desc(odd)', 0))).toEqual([
      '{__name__="odd", v="3"} 3',
      '{__name__="odd", v="2"} 2',
      '{__name__="odd", v="1"} NaN',
    ]);
    expect(linesOf(await at('sort(odd)', 0)).at(-1)).toBe('{__name__="odd", v="1"} NaN');
    expect(linesOf(await at('bottomk(2, odd)', 0))).toEqual([
      '{__name__="odd", v="2"} 2',
      '{__name__="odd", v="3"} 3',
    ]);
  });

  test('answers range vectors with their samples, markers left out', async () => {
    expect(linesOf(await at('gap[5m]', 300))).toEqual(['{__name__="gap"} 1@60 3@180']);
    expect(linesOf(await at('abs(one)[2m:1m]', 125))).toEqual(['{team="x"} 5@60 5@120']);
  });

  test.each([
    ['1 ^ (0/0)', '1'],
    ['(-1) ^ Inf', '1'],
    ['-2 ^ 2', '-4'],
    ['2 ^ 3 ^ 2', '512'],
    ['-7 % 3', '-1'],
    ['1 atan2 1', String(Math.PI / 4)],
    ['3 == bool 3', '1'],
    ['pi() * 1h', String(Math.PI * 3600)],
    ['scalar(burn)', 'NaN'],
    ['scalar(one)', '5'],
    ['0x1F + 010', '39'],
  ])('%s is %s', async (text, value) => {
    expect(linesOf(await at(text, 60))).toEqual([value]);
  });

  test.each([
    ['sum by (team) (burn)', ['{team="x"} 15', '{team="y"} 55']],
    ['count without (slo) (burn)', ['{team="x"} 2', '{team="y"} 1']],
    ['group(burn)', ['{} 1']],
    ['quantile(0.5, burn)', ['{} 10']],
    ['stdvar by (team) (burn)', ['{team="x"} 6.25', '{team="y"} 0']],
    ['count_values("n", burn > bool 7)', ['{n="0"} 1', '{n="1"} 2']],
    [
      'burn > on(team) group_left(kind) two',
      [
        '{__name__="burn", kind="k", slo="a", team="x"} 5',
        '{__name__="burn", kind="k", slo="b", team="x"} 10',
      ],
    ],
    ['two * on(team) group_right burn{slo="a"}', ['{slo="a", team="x"} 10']],
    ['two < bool on(team) group_right burn', ['{slo="a", team="x"} 1', '{slo="b", team="x"} 1']],
    ['6 < burn < 20', ['{__name__="burn", slo="b", team="x"} 10']],
    ['absent(burn{slo="z", team=~"x"})', ['{slo="z"} 1']],
    ['absent_over_time(gap[1m])', ['{} 1']],
    ['year(vector(-62135596800)) + day_of_year(vector(-62135596800)) / 10', ['{} 1.1']],
    ['clamp(one, 7, 6)', []],
    [
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a template of PromQL
      'label_replace(one, "to", "$1-${1}x-$$-$2", "team", "(.*)")',
      ['{__name__="one", team="x", to="x-xx-$-"} 5'],
    ],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a template of PromQL
    ['label_replace(one, "to", "${n}", "team", "(?P<n>.)")', ['{__name__="one", team="x", to="x"} 5']],
  ])('%s', async (text, lines) => {
    expect(linesOf(await at(text, 300))).toEqual(lines);
  });

  test.each([
    [
      'one * on(team) dup',
      'found duplicate series for the match group {team="x"} on the right hand-side of the operation: ' +
        '[{__name__="dup", n="1", team="x"}, {__name__="dup", n="2", team="x"}];' +
        'many-to-many matching not allowed: matching labels must be unique on one side',
    ],
    [
      'dup * on(team) one',
      'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)',
    ],
    [
      'dup * on(team) group_left(n) one',
      'multiple matches for labels: grouping labels must ensure unique matches',
    ],
    ['abs({__name__=~"one|twin"})', 'vector cannot contain metrics with the same labelset'],
    ['label_replace(dup, "n", "", "n", ".*")', 'vector cannot contain metrics with the same labelset'],
    ['topk(0/0, burn)', 'Parameter value is NaN'],
    ['bottomk(1/0, burn)', 'Scalar value +Inf overflows int64'],
    ['topk(1e19, burn)', 'Scalar value 10000000000000000000 overflows int64'],
    [
      'label_replace(one, "\\xff", "", "team", "")',
      'invalid destination label name in label_replace(): \\xff',
    ],
    ['label_replace(one, "a", "", "team", "(")', 'invalid regular expression in label_replace(): ('],
    ['histogram_count(one)', 'histogram_count works on native histograms, which are not supported'],
  ])('%s fails', async (text, message) => {
    await expect(at(text, 300)).rejects.toMatchObject({ kind: 'execution', message });
  });
});

describe('remarks', () => {
  test('carry their place, once each', async () => {
    const { infos, warnings } = await range(
      'rate(burn[5m]) +\n quantile(7, burn) + rate(burn[5m])',
      [0, 600, 60],
    );
    expect(infos).toEqual([
      'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "burn" (1:6)',
      'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "burn" (2:27)',
    ]);
    expect(warnings).toEqual(['PromQL warning: quantile value should be between 0 and 1, got 7 (2:11)']);
  });
});

describe('limits', () => {
  test('too many samples, held or computed, are refused before they are there', async () => {
    const message = 'query processing would load too many samples into memory in query execution';
    // 3 series of 61 samples each, and 3 x 60 points.
    await expect(at('sum_over_time(burn[2h])', 3600, { maxSamples: 100 })).rejects.toMatchObject({
      kind: 'bad_data',
      message,
    });
    await expect(range('burn', [0, 3600, 60], { maxSamples: 100 })).rejects.toMatchObject({ message });
    await expect(at('max_over_time(vector(1)[200y:1ms])', 0)).rejects.toMatchObject({ message });
    await expect(range('1', [0, 1e12, 1])).rejects.toMatchObject({ message });
    expect(linesOf(await at('sum_over_time(one[2h])', 3600, { maxSamples: 100 }))).toEqual([
      '{team="x"} 305',
    ]);
  });

  test('more steps than can be held are refused before the source is asked', async () => {
    const source = { select: () => Promise.reject(new Error('asked')) };
    const { signal } = new AbortController();
    const ask = (text: string) => evaluateInstant({ text, expr: parsePromql(text), source, signal }, 0);
    // A day has 86,400,000 milliseconds, and 50,000,000 samples is the limit; half a day would do.
    await expect(ask('sum_over_time(burn[1d:1ms])')).rejects.toMatchObject({
      kind: 'bad_data',
      message: 'query processing would load too many samples into memory in query execution',
    });
    await expect(ask('sum_over_time(burn[12h:1ms])')).rejects.toThrow('asked');
    await expect(ask('sum_over_time(burn[1d:2ms])')).rejects.toThrow('asked');
  });

  test('too many series are refused', async () => {
    await expect(at('burn + burn', 60, { maxSeries: 5 })).rejects.toMatchObject({
      kind: 'bad_data',
      message: 'query selects more than 5 series',
    });
  });

  test('an aborted query stops between its pauses, and says why', async () => {
    const slow =
      'quantile_over_time(0.5, burn[1h] @ 3600 offset -1s) + sum(quantile_over_time(0.5, vector(1)[1d:1s]))';
    const controller = new AbortController();
    const query = range(slow, [0, 100_000, 10], {}, controller.signal);
    // The timer fires only when the evaluation lets it.
    setTimeout(() => controller.abort(), 20);
    await expect(query).rejects.toMatchObject({
      kind: 'canceled',
      message: 'query was canceled in expression evaluation',
    });
    await expect(range(slow, [0, 100_000, 10], {}, AbortSignal.timeout(20))).rejects.toMatchObject({
      kind: 'timeout',
      message: 'query timed out in expression evaluation',
    });
  });
});

test('a tree becomes the JSON of parse_query', () => {
  expect(
    exprToJson(
      parsePromql('sum by (a) (rate(x{b!="c"}[5m] offset 1m)) > bool on (a) group_left (d) (y @ end())'),
    ),
  ).toEqual({
    type: 'binaryExpr',
    op: '>',
    bool: true,
    matching: { card: 'many-to-one', labels: ['a'], on: true, include: ['d'] },
    lhs: {
      type: 'aggregation',
      op: 'sum',
      grouping: ['a'],
      without: false,
      param: null,
      expr: {
        type: 'call',
        func: { name: 'rate', argTypes: ['matrix'], variadic: 0, returnType: 'vector' },
        args: [
          {
            type: 'matrixSelector',
            name: 'x',
            range: 300_000,
            offset: 60_000,
            timestamp: null,
            startOrEnd: null,
            matchers: [
              { name: 'b', type: '!=', value: 'c' },
              { name: '__name__', type: '=', value: 'x' },
            ],
          },
        ],
      },
    },
    rhs: {
      type: 'parenExpr',
      expr: {
        type: 'vectorSelector',
        name: 'y',
        offset: 0,
        timestamp: null,
        startOrEnd: 'end',
        matchers: [{ name: '__name__', type: '=', value: 'y' }],
      },
    },
  });
});
