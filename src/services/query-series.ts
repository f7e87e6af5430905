import type { Expr } from '../promql/ast.ts';
import { evaluateInstant, evaluateRange, type Query } from '../promql/engine.ts';
import { PromqlError } from '../promql/promql-error.ts';
import type { QueryResult } from '../promql/result.ts';
import { SERIES_LIMITS } from '../storage/series-limits.ts';
import type { SeriesContext } from './series-context.ts';

interface Asked {
  /** As written, and what `parsePromql` made of it. */
  readonly query: { readonly text: string; readonly expr: Expr };
  /** How old a sample may be that an instant selector still takes; 5 minutes by default. */
  readonly lookbackMs?: number | undefined;
  /** A TimeoutError as its reason makes the failure a `timeout`, any other reason `canceled`. */
  readonly signal: AbortSignal;
}

export interface InstantQuery extends Asked {
  readonly atMs: number;
}

export interface RangeQuery extends Asked {
  readonly startMs: number;
  /** Not before `startMs`. */
  readonly endMs: number;
  /** Above 0. */
  readonly stepMs: number;
}

/** Evaluates PromQL over the account's metrics at one instant. Throws a PromqlError. */
export async function queryInstant({
  ctx,
  input,
}: {
  ctx: SeriesContext;
  input: InstantQuery;
}): Promise<QueryResult> {
  return evaluate(ctx, input, (query) => evaluateInstant(query, input.atMs));
}

/** Evaluates PromQL over the account's metrics at every step from start to end. Throws a PromqlError. */
export async function queryRange({
  ctx,
  input,
}: {
  ctx: SeriesContext;
  input: RangeQuery;
}): Promise<QueryResult> {
  const { startMs, endMs, stepMs } = input;
  if (endMs - startMs > SERIES_LIMITS.rangeMs) {
    throw new PromqlError('bad_data', 'the range from start to end is longer than 400 days');
  }
  return evaluate(ctx, input, (query) => evaluateRange(query, startMs, endMs, stepMs));
}

async function evaluate(
  ctx: SeriesContext,
  { query, lookbackMs, signal }: Asked,
  run: (query: Query) => Promise<QueryResult>,
): Promise<QueryResult> {
  const options = lookbackMs === undefined ? {} : { options: { lookbackMs } };
  try {
    return await ctx.series.query(ctx.actor.accountId, signal, (source) =>
      run({ ...query, source, signal, ...options }),
    );
  } catch (error) {
    throw signal.aborted ? abortError(signal.reason) : error;
  }
}

/** Whatever was under way when the signal aborted has failed because of it. */
function abortError(cause: unknown): PromqlError {
  return cause instanceof DOMException && cause.name === 'TimeoutError'
    ? new PromqlError('timeout', 'query timed out in expression evaluation', { cause })
    : new PromqlError('canceled', 'query was canceled in expression evaluation', { cause });
}
