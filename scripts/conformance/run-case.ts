import { evaluateInstant, evaluateRange, type Query } from '../../src/promql/engine.ts';
import { parsePromql } from '../../src/promql/parser.ts';
import { PromqlError } from '../../src/promql/promql-error.ts';
import type { QueryResult } from '../../src/promql/result.ts';
import { compareInstant, compareRange, compareStep } from './compare.ts';
import type { EvalCase } from './script.ts';
import type { Store } from './store.ts';

export type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'skipped'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

const PASSED: Outcome = { kind: 'passed' };
const failed = (reason: string): Outcome => ({ kind: 'failed', reason });
const skipped = (reason: string): Outcome => ({ kind: 'skipped', reason });

const MINUTE_MS = 60_000;

/** What the engine refuses on purpose, by the words of its refusal or by the text of the expression. */
const CLASSES: readonly (readonly [reason: string, pattern: RegExp])[] = [
  ['native histograms', /\bhistogram_(?:avg|count|sum|stddev|stdvar)\b|\{\{|<\/|>\//],
  ['experimental modifiers', /\b(?:fill|fill_left|fill_right|smoothed|anchored)\b/],
  ['experimental functions', /\b(?:limitk|limit_ratio)\b/],
  ['info()', /\binfo\s*\(/],
  ['start timestamps', /@st/],
  ['duration expressions', /\[[^\]]*(?:[+*/%^(]|\w\s*-)[^\]]*\]|\boffset\s*[-+]?\s*(?:\(|[a-z])/i],
];
const EXPERIMENTAL = /parse error: (?:function "\w+" is not enabled|\w+\(\) is experimental)/;

const withoutStrings = (text: string): string =>
  text.replace(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`/g, '""');

/**
 * Runs a case on the float samples; an instant one also as a step of a range query. A case that sees native
 * histograms and needs them for its answer is skipped.
 */
export async function runCase(testCase: EvalCase, store: Store): Promise<Outcome> {
  if (testCase.expectsNative) return skipped('native histograms');
  const expr = withoutStrings(testCase.expr);
  const excluded = CLASSES.find(([, pattern]) => pattern.test(expr));
  if (excluded !== undefined) return skipped(excluded[0]);
  const main = await attempt(testCase, store, (query) =>
    'atMs' in testCase.when
      ? evaluateInstant(query, testCase.when.atMs)
      : evaluateRange(query, testCase.when.fromMs, testCase.when.toMs, testCase.when.stepMs),
  );
  const outcome =
    main.result === null ? judgeError(testCase, main.error) : await judgeAnswer(testCase, store, main.result);
  // Functions that pass over native histograms can be held to their answer; what counts them in cannot.
  return outcome.kind === 'failed' && main.native ? skipped('native histograms') : outcome;
}

async function judgeAnswer(testCase: EvalCase, store: Store, result: QueryResult): Promise<Outcome> {
  const fault = judgeResult(testCase, result);
  return fault === null ? checkAsRange(testCase, store) : failed(fault);
}

type Attempt = { readonly native: boolean } & (
  | { readonly result: QueryResult; readonly error: null }
  | { readonly result: null; readonly error: unknown }
);

async function attempt(
  { expr }: EvalCase,
  store: Store,
  evaluate: (query: Query) => Promise<QueryResult>,
): Promise<Attempt> {
  let native = false;
  const source = store.source(() => {
    native = true;
  });
  try {
    const signal = new AbortController().signal;
    const result = await evaluate({ text: expr, expr: parsePromql(expr), source, signal });
    return { native, result, error: null };
  } catch (error) {
    return { native, result: null, error };
  }
}

function judgeError({ expectations }: EvalCase, error: unknown): Outcome {
  if (!(error instanceof PromqlError)) throw error;
  if (EXPERIMENTAL.test(error.message)) return skipped('experimental functions');
  const fails = expectations.filter(({ kind }) => kind === 'fail');
  if (fails.length === 0) return failed(`failed: ${error.message}`);
  return fails.every(({ matches }) => matches(error.message))
    ? PASSED
    : failed(`failed in another way: ${error.message}`);
}

function judgeResult(testCase: EvalCase, { value, warnings, infos }: QueryResult): string | null {
  const { expectations, when } = testCase;
  if (expectations.some(({ kind }) => kind === 'fail')) return 'did not fail';
  const ordered = expectations.some(({ kind }) => kind === 'ordered');
  return (
    judgeRemarks(testCase, 'warn', warnings) ??
    judgeRemarks(testCase, 'info', infos) ??
    ('atMs' in when ? compareInstant(testCase, value, ordered) : compareRange(testCase, value, when))
  );
}

function judgeRemarks(
  { expectations }: EvalCase,
  kind: 'warn' | 'info',
  remarks: readonly string[],
): string | null {
  const shown = remarks.length === 0 ? 'none' : remarks.join('; ');
  if (remarks.length > 0 && expectations.some((one) => one.kind === `no_${kind}`))
    return `expected no ${kind}, got ${shown}`;
  const wanted = expectations.filter((one) => one.kind === kind);
  if (wanted.length === 0) return null;
  if (!wanted.every(({ matches }) => remarks.some(matches)))
    return `an expected ${kind} is missing, got ${shown}`;
  const unexpected = remarks.find((remark) => !wanted.some(({ matches }) => matches(remark)));
  return unexpected === undefined ? null : `unexpected ${kind}: ${unexpected}`;
}

async function checkAsRange(testCase: EvalCase, store: Store): Promise<Outcome> {
  const { when, expected, expectations, rangeVector } = testCase;
  const hasNoRange =
    expected.type === 'string' || rangeVector !== null || expectations.some(({ kind }) => kind === 'ordered');
  if (!('atMs' in when) || hasNoRange) return PASSED;
  const { atMs } = when;
  const range = await attempt(testCase, store, (query) =>
    evaluateRange(query, atMs - MINUTE_MS, atMs + MINUTE_MS, MINUTE_MS),
  );
  // The steps around may see what the instant does not.
  if (range.native) return PASSED;
  if (range.result === null) {
    if (!(range.error instanceof PromqlError)) throw range.error;
    return failed(`failed as a range query: ${range.error.message}`);
  }
  const fault = compareStep(testCase, range.result.value, atMs);
  return fault === null ? PASSED : failed(`as a range query: ${fault}`);
}
