import { stringValue } from '../../src/promql/lex-string.ts';
import { parseGoFloat } from '../../src/promql/number-format.ts';
import { parsePromDuration } from '../../src/promql/prom-duration.ts';
import { parseSeriesLine, type SeriesLine } from './series-line.ts';

export interface Times {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
}

/** What a case expects of its errors and annotations. */
export interface Expectation {
  readonly kind: 'ordered' | 'fail' | 'warn' | 'no_warn' | 'info' | 'no_info';
  readonly matches: (message: string) => boolean;
}

export interface EvalCase {
  readonly kind: 'eval';
  readonly line: number;
  readonly expr: string;
  readonly when: { readonly atMs: number } | Times;
  readonly expectations: readonly Expectation[];
  /** For a range vector, the times of the expected values. */
  readonly rangeVector: Times | null;
  readonly expected:
    | { readonly type: 'scalar'; readonly value: number }
    | { readonly type: 'string'; readonly value: string }
    | { readonly type: 'series'; readonly series: readonly SeriesLine[] };
  /** Its expected values hold a native histogram. */
  readonly expectsNative: boolean;
}

/** A block that is no command; it counts as a case that fails. */
export interface UnknownBlock {
  readonly kind: 'unknown';
  readonly line: number;
  readonly head: string;
  readonly reason: string;
}

export type Command =
  | UnknownBlock
  | { readonly kind: 'clear' }
  | {
      readonly kind: 'load';
      readonly stepMs: number;
      /** Classic histograms are there a second time, as native ones. */
      readonly withNative: boolean;
      readonly series: readonly SeriesLine[];
    }
  | EvalCase;

const LOAD = /^load(_with_nhcb)?\s+(\S+)$/;
const INSTANT = /^eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(\S+)\s+)?(.+)$/;
const RANGE =
  /^eval(?:_(fail|warn|ordered|info))?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.+)$/;
const EXPECT = /^expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(regex|msg):\s*(.*))?$/;
const EXPECT_RANGE = /^expect\s+range\s+vector\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)$/;
const EXPECT_STRING = /^expect\s+string\s+(.+)$/;

/** The commands of a test script. */
export function parseScript(text: string): Command[] {
  const lines = text.split('\n').map((line) => (line.trim().startsWith('#') ? '' : line.trim()));
  const commands: Command[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const head = lines[at] ?? '';
    if (head === '') continue;
    const first = at;
    const block: string[] = [];
    if (head !== 'clear')
      while (at + 1 < lines.length && lines[at + 1] !== '') {
        at += 1;
        block.push(lines[at] ?? '');
      }
    try {
      commands.push(parseCommand(head, block, first + 1));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      commands.push({ kind: 'unknown', line: first + 1, head, reason: `not understood: ${reason}` });
    }
  }
  return commands;
}

function parseCommand(head: string, block: readonly string[], line: number): Command {
  if (head === 'clear') return { kind: 'clear' };
  const load = LOAD.exec(head);
  if (load !== null)
    return {
      kind: 'load',
      stepMs: durationOf(load[2] ?? ''),
      withNative: load[1] !== undefined,
      series: block.map(parseSeriesLine),
    };
  const range = RANGE.exec(head);
  if (range !== null) {
    const [, suffix, from = '', to = '', step = '', expr = ''] = range;
    return parseCase(line, expr, timesOf(from, to, step), suffix, block);
  }
  const instant = INSTANT.exec(head);
  if (instant !== null) {
    const [, suffix, at = '0', expr = ''] = instant;
    return parseCase(line, expr, { atMs: durationOf(at) }, suffix, block);
  }
  throw new Error('not a command');
}

function parseCase(
  line: number,
  expr: string,
  when: EvalCase['when'],
  suffix: string | undefined,
  block: readonly string[],
): EvalCase {
  const expectations: Expectation[] = suffix === undefined ? [] : [expectationOf(suffix, undefined, '')];
  let rangeVector: Times | null = null;
  let string: string | null = null;
  const values: string[] = [];
  for (const entry of block) {
    const expect = EXPECT.exec(entry);
    const expectRange = EXPECT_RANGE.exec(entry);
    const expectString = EXPECT_STRING.exec(entry);
    if (expect !== null) expectations.push(expectationOf(expect[1] ?? '', expect[2], expect[3] ?? ''));
    else if (expectRange !== null) {
      const [, from = '', to = '', step = ''] = expectRange;
      rangeVector = timesOf(from, to, step);
    } else if (expectString !== null) string = stringValue(expectString[1] ?? '');
    else values.push(entry);
  }
  const rest = { kind: 'eval', line, expr, when, expectations, rangeVector } as const;
  if (string !== null) return { ...rest, expected: { type: 'string', value: string }, expectsNative: false };
  const scalar = values.length === 1 ? parseGoFloat(values[0] ?? '') : null;
  if (scalar !== null) return { ...rest, expected: { type: 'scalar', value: scalar }, expectsNative: false };
  const series = values.map(parseSeriesLine);
  return {
    ...rest,
    expected: { type: 'series', series },
    // Also where a label's value is a histogram's text.
    expectsNative: values.some((entry) => entry.includes('{{') || entry.includes('"{count:')),
  };
}

function expectationOf(kind: string, how: string | undefined, pattern: string): Expectation {
  switch (kind) {
    case 'ordered':
    case 'fail':
    case 'warn':
    case 'no_warn':
    case 'info':
    case 'no_info':
      return { kind, matches: matcherOf(how, pattern) };
    default:
      throw new Error(`unknown expectation ${kind}`);
  }
}

function matcherOf(how: string | undefined, pattern: string): (message: string) => boolean {
  if (how === undefined) return () => true;
  if (how === 'msg') return (message) => message === pattern.trim();
  const expression = new RegExp(pattern);
  return (message) => expression.test(message);
}

const timesOf = (from: string, to: string, step: string): Times => ({
  fromMs: durationOf(from),
  toMs: durationOf(to),
  stepMs: durationOf(step),
});

/** A duration, or a number of seconds, in milliseconds. */
function durationOf(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1;
  const plain = text.replace(/^-/, '');
  if (/^\d+(?:\.\d+)?$/.test(plain)) return sign * Math.round(Number(plain) * 1000);
  const ms = parsePromDuration(plain);
  if (typeof ms !== 'number') throw new Error(ms.error);
  return sign * ms;
}
