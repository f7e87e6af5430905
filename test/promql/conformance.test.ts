import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runScript } from '../../scripts/conformance/run-script.ts';

const SCRIPTS = join(import.meta.dirname, '../../../shared/promql');

function scripts(): string[] {
  try {
    return readdirSync(SCRIPTS).filter((file) => file.endsWith('.test'));
  } catch {
    return [];
  }
}

describe('the upstream scripts beside the checkout', () => {
  const files = scripts();
  test.skipIf(files.length === 0 && process.env.REQUIRE_ALL !== '1')('are there', () => {
    expect(files.length).toBeGreaterThan(0);
  });

  test.each(files)('%s holds in every case', async (file) => {
    const { passed, failed } = await runScript(readFileSync(join(SCRIPTS, file), 'utf8'));
    expect(failed).toEqual([]);
    expect(passed).toBeGreaterThan(0);
  });
});

const LOAD = `
load 1m
  a{x="1"} 0+1x10
  a{x="2"} 0+2x10
  b_total 0+60x10
  h {{schema:0 sum:1 count:1}}x10
`;

async function reasons(script: string): Promise<string[]> {
  const { failed } = await runScript(`${LOAD}\n${script}`);
  return failed.map(({ reason }) => reason);
}

describe('the runner fails a case', () => {
  test.each([
    ['with another value', 'eval instant at 5m a{x="1"}\n  a{x="1"} 6', /at 0: expected 6, got 5/],
    [
      'with another value in a range',
      'eval range from 0 to 2m step 1m a{x="1"}\n  a{x="1"} 0 1 3',
      /at 120000/,
    ],
    [
      'with a series too few',
      'eval instant at 5m a{x="1"}\n  a{x="1"} 5\n  a{x="2"} 10',
      /^missing \{__name__="a", x="2"\}/,
    ],
    ['with a series too many', 'eval instant at 5m a\n  a{x="1"} 5', /^unexpected \{__name__="a", x="2"\}/],
    [
      'with a point too many',
      'eval range from 0 to 2m step 1m a{x="1"}\n  a{x="1"} 0 1',
      /expected nothing, got 2/,
    ],
    ['with other labels', 'eval instant at 5m -a{x="1"}\n  a{x="1"} -5', /^missing/],
    ['in the wrong order', 'eval_ordered instant at 5m sort(a)\n  a{x="2"} 10\n  a{x="1"} 5', /^wrong order/],
    ['that does not fail', 'eval_fail instant at 5m a', /^did not fail$/],
    ['that fails in another way', 'eval instant at 5m a +\n  expect fail msg: no', /^failed in another way/],
    [
      'that fails without being expected to',
      'eval instant at 5m a + ignoring(x) a',
      /^failed: found duplicate/,
    ],
    [
      'without its warning',
      'eval instant at 5m a{x="1"}\n  expect warn\n  a{x="1"} 5',
      /an expected warn is missing/,
    ],
    [
      'with another info than expected',
      'eval instant at 5m rate(a{x="1"}[2m])\n  expect info msg: other\n  {x="1"} 0.016666666',
      /an expected info is missing, got PromQL info: metric might not be a counter/,
    ],
    [
      'with an info beside the expected one',
      'eval instant at 5m rate(a{x="1"}[2m]) + on() group_left rate({__name__="b_total"}[2m]) * 0 + on() group_left increase(a{x="1"}[2m]) * 0\n  expect info regex: \\(1:6\\)$\n  {x="1"} 0.016666666',
      /unexpected info: .*\(1:100\)/,
    ],
    [
      'with an unexpected info',
      'eval instant at 5m rate(a{x="1"}[2m])\n  expect no_info\n  {x="1"} 0.016666666',
      /^expected no info/,
    ],
    ['with another scalar', 'eval instant at 5m 1 + 1\n  3', /^expected the scalar 3/],
    ['with another string', 'eval instant at 5m "a"\n  expect string "b"', /^expected the string/],
    [
      'with other samples in a range vector',
      'eval instant at 2m a{x="1"}[2m]\n  expect range vector from 1m to 2m step 1m\n  a{x="1"} 1 3',
      /at 120000: expected 3, got 2/,
    ],
  ])('%s', async (_what, script, reason) => {
    expect(await reasons(script)).toEqual([expect.stringMatching(reason)]);
  });
});

describe('the runner', () => {
  test('passes what is as expected, and counts cases', async () => {
    const report = await runScript(`${LOAD}
eval instant at 5m a
  a{x="2"} 10
  a{x="1"} 5.0000001

# a remark ends a block
eval range from 0 to 2m step 1m sum(a)
  {} 0 3 6

eval instant at 5m rate(b_total[2m])
  expect no_info
  {} 1

clear

eval instant at 5m a
`);
    expect(report).toEqual({ passed: 4, failed: [], skipped: [] });
  });

  test('skips what needs native histograms or experiments, and nothing else', async () => {
    const { skipped, failed, passed } = await runScript(`${LOAD}
eval instant at 5m h
  h {{schema:0 sum:1 count:1}}

eval instant at 5m count(h)
  {} 1

eval instant at 5m limitk(1, a)
  a{x="1"} 5

eval instant at 5m mad_over_time(a[5m])
  {} 1

eval instant at 5m count(a)
  {} 2
`);
    expect(skipped.map(({ reason }) => reason)).toEqual([
      'native histograms',
      'native histograms',
      'experimental functions',
      'experimental functions',
    ]);
    expect({ failed, passed }).toEqual({ failed: [], passed: 1 });
  });

  test.each([
    ['an unknown command', 'evaluate instant at 5m a'],
    ['an unknown expectation', 'eval_perhaps instant at 5m a'],
    ['a value that is none', 'load 1m\n  a 1 b'],
    ['a duration that is none', 'load soon\n  a 1'],
  ])('fails on %s, and goes on', async (_what, script) => {
    const { failed, passed } = await runScript(`${script}\n\neval instant at 0 1\n  1\n`);
    expect(failed).toEqual([
      expect.objectContaining({ line: 1, reason: expect.stringMatching(/^not understood: /) }),
    ]);
    expect(passed).toBe(1);
  });

  test('reads gaps, markers, repetitions and several loads', async () => {
    const { failed, passed } = await runScript(`
load 1m
  a _ 1x2 _x2 stale 7-2x2 0x2
  a{l="last"} 1
  a{l="last"} 2

load 30s
  b 1

load 1m
  b _ 5

eval range from 0 to 12m step 1m count_over_time(a{l=""}[1m])
  {} _ 1 1 1 _ _ _ 1 1 1 1 1 1

eval instant at 0 a
  a{l="last"} 2

eval instant at 1m sum_over_time(b[2m])
  {} 6
`);
    expect({ failed, passed }).toEqual({ failed: [], passed: 3 });
  });
});
