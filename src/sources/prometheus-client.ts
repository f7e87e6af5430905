import { z } from 'zod';
import type { PrometheusSource } from '../config-sources.ts';
import { SECOND_MS } from '../lib/duration.ts';
import { SourceError } from './source-reader.ts';

const TIMEOUT_MS = 30 * SECOND_MS;
/** The server gives up a little before we do. */
const SERVER_TIMEOUT = '25s';
/** A day of one series is about 50 kB. */
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_MESSAGE = 300;

/** The query itself is at fault, so that only who asked is told. */
export class QueryError extends Error {
  override readonly name = 'QueryError';
}

/** One sample: when, and how much. */
export type Sample = readonly [atMs: number, value: number];

const answerSchema = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.literal('matrix'),
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        values: z.array(z.tuple([z.number(), z.string()])).optional(),
      }),
    ),
  }),
  warnings: z.array(z.string()).optional(),
});

const errorSchema = z.object({ status: z.literal('error'), errorType: z.string(), error: z.string() });

/** Hints about the query, not about what is missing from its answer. */
const HINT = /^PromQL (info|warning):/;

export interface RangeQuery {
  readonly query: string;
  /** First and last instant, a step apart. */
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
}

/**
 * Runs a range query; the samples of its one series, ascending, or none. Throws QueryError when the query is at
 * fault, and SourceError when the server cannot be reached, is not well, or answers something else.
 */
export async function queryRange(
  { url, headers }: Pick<PrometheusSource, 'url' | 'headers'>,
  range: RangeQuery,
  signal: AbortSignal,
  timeoutMs: number = TIMEOUT_MS,
): Promise<readonly Sample[]> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const text = await post(url, headers, range, AbortSignal.any([signal, timeout])).catch((cause: unknown) => {
    if (cause instanceof SourceError || cause instanceof QueryError) throw cause;
    signal.throwIfAborted();
    const why = timeout.aborted ? 'did not answer in time' : 'cannot be reached';
    throw new SourceError(`the Prometheus ${why}`, { isTooMuch: timeout.aborted, cause });
  });
  return samplesOf(text, range);
}

async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  { query, startMs, endMs, stepMs }: RangeQuery,
  signal: AbortSignal,
): Promise<string> {
  const response = await fetch(`${url}/api/v1/query_range`, {
    method: 'POST',
    headers,
    body: new URLSearchParams({
      query,
      start: String(startMs / SECOND_MS),
      end: String(endMs / SECOND_MS),
      step: String(stepMs / SECOND_MS),
      timeout: SERVER_TIMEOUT,
    }),
    // Headers with credentials go nowhere else.
    redirect: 'manual',
    signal,
  });
  const text = await readText(response);
  if (response.status !== 200) throw failureOf(response.status, text);
  return text;
}

async function readText(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.byteLength;
    if (bytes > MAX_BYTES) {
      throw new SourceError('the Prometheus answered more than 16 MB; aggregate the query', {
        isTooMuch: true,
      });
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function failureOf(status: number, text: string): SourceError | QueryError {
  const { errorType, error } = errorSchema.safeParse(json(text)).data ?? { errorType: '', error: '' };
  const said = error === '' ? '' : `: ${error.slice(0, MAX_MESSAGE)}`;
  if (errorType === 'bad_data' || errorType === 'execution') {
    return new QueryError(`the Prometheus refuses the query${said}`);
  }
  return new SourceError(`the Prometheus answered with status ${status}${said}`, {
    isTooMuch: errorType === 'timeout',
  });
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function samplesOf(text: string, { startMs, endMs, stepMs }: RangeQuery): readonly Sample[] {
  const answer = answerSchema.safeParse(json(text)).data;
  if (answer === undefined)
    throw new SourceError('the Prometheus answered with something else than a result');
  const missing = (answer.warnings ?? []).filter((warning) => !HINT.test(warning));
  if (missing[0] !== undefined) {
    throw new SourceError(`the Prometheus answered in part only: ${missing[0].slice(0, MAX_MESSAGE)}`);
  }
  const [series, ...others] = answer.data.result;
  if (others.length > 0) {
    throw new QueryError(
      `the query answers ${others.length + 1} series instead of one; aggregate it, with sum() for example`,
    );
  }
  if (series === undefined) return [];
  if (series.values === undefined) throw new QueryError('the query answers histograms instead of numbers');
  let previousMs = Number.NEGATIVE_INFINITY;
  return series.values.map(([seconds, written]) => {
    const atMs = Math.round(seconds * SECOND_MS);
    const isAsked = atMs > previousMs && atMs >= startMs && atMs <= endMs && (atMs - startMs) % stepMs === 0;
    if (!isAsked) throw new SourceError('the Prometheus answered for times that were not asked for');
    previousMs = atMs;
    return [atMs, numberOf(written)];
  });
}

function numberOf(written: string): number {
  switch (written) {
    case 'NaN':
      return Number.NaN;
    case '+Inf':
      return Number.POSITIVE_INFINITY;
    case '-Inf':
      return Number.NEGATIVE_INFINITY;
    default: {
      const value = written.trim() === '' ? Number.NaN : Number(written);
      if (Number.isNaN(value))
        throw new SourceError('the Prometheus answered with a value that is no number');
      return value;
    }
  }
}
