import { typeOf } from '../../promql/ast.ts';
import { PromqlError } from '../../promql/promql-error.ts';
import type { QueryResult } from '../../promql/result.ts';
import { documented } from '../../promql/value-type.ts';
import { queryInstant, queryRange } from '../../services/query-series.ts';
import { encodeValue, truncated } from './encode-result.ts';
import type { Call, EndpointParameter, PrometheusEndpoint } from './endpoint.ts';
import { success } from './envelope.ts';
import {
  durationParameter,
  invalidParameter,
  limitParameter,
  optionalTime,
  parseDurationParameter,
  queryParameter,
  requiredTime,
} from './parse-parameters.ts';
import type { RequestParameters } from './request-parameters.ts';
import { withDeadline } from './with-deadline.ts';

/** The longest that a query may take, and how long it may where it does not say. */
const TIMEOUT_MS = 30_000;
const MAX_POINTS = 11_000;

const QUERY = { name: 'query', description: 'The PromQL expression.', required: true };
const COMMON: readonly EndpointParameter[] = [
  { name: 'timeout', description: 'Seconds or a duration; 30 s at most, and where it is not given.' },
  { name: 'lookback_delta', description: 'How old a sample may be that a selector takes; 5m by default.' },
  { name: 'limit', description: 'The most series to answer with; 0 is no limit.' },
  { name: 'stats', description: '`all` adds statistics of the evaluation.' },
];

export const queryEndpoints: readonly PrometheusEndpoint[] = [
  {
    path: '/query',
    methods: ['GET', 'POST'],
    summary: 'Evaluate an expression at one instant',
    parameters: [
      QUERY,
      { name: 'time', description: 'Seconds since the epoch or RFC 3339; now by default.' },
      ...COMMON,
    ],
    async handle({ ctx, parameters, signal }) {
      const limit = limitParameter(parameters);
      const atMs = optionalTime(parameters, 'time', ctx.clock.now());
      const timeoutMs = timeoutOf(parameters);
      const lookbackMs = lookbackOf(parameters);
      const query = queryParameter(parameters);
      return answer({ parameters, limit, client: signal, timeoutMs }, (until) =>
        queryInstant({ ctx, input: { query, lookbackMs, atMs, signal: until } }),
      );
    },
  },
  {
    path: '/query_range',
    methods: ['GET', 'POST'],
    summary: 'Evaluate an expression at every step of a range',
    parameters: [
      QUERY,
      { name: 'start', description: 'Seconds since the epoch or RFC 3339.', required: true },
      { name: 'end', description: 'Likewise, inclusive.', required: true },
      { name: 'step', description: 'Seconds or a duration such as 5m.', required: true },
      ...COMMON,
    ],
    async handle({ ctx, parameters, signal }) {
      const limit = limitParameter(parameters);
      const range = rangeOf(parameters);
      const timeoutMs = timeoutOf(parameters);
      const lookbackMs = lookbackOf(parameters);
      const query = queryParameter(parameters);
      const type = typeOf(query.expr);
      if (type !== 'vector' && type !== 'scalar') {
        throw invalidParameter(
          'query',
          `invalid expression type "${documented(type)}" for range query, must be Scalar or instant Vector`,
        );
      }
      return answer({ parameters, limit, client: signal, timeoutMs }, (until) =>
        queryRange({ ctx, input: { ...range, query, lookbackMs, signal: until } }),
      );
    },
  },
];

function rangeOf(parameters: RequestParameters): { startMs: number; endMs: number; stepMs: number } {
  const startMs = requiredTime(parameters, 'start');
  const endMs = requiredTime(parameters, 'end');
  if (endMs < startMs) throw invalidParameter('end', 'end timestamp must not be before start time');
  const stepMs = durationParameter(parameters, 'step');
  if (stepMs <= 0) {
    throw invalidParameter(
      'step',
      'zero or negative query resolution step widths are not accepted. Try a positive integer',
    );
  }
  if (Math.floor((endMs - startMs) / stepMs) > MAX_POINTS) {
    throw new PromqlError(
      'bad_data',
      'exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)',
    );
  }
  return { startMs, endMs, stepMs };
}

/** Milliseconds. */
function timeoutOf(parameters: RequestParameters): number {
  if (parameters.get('timeout') === '') return TIMEOUT_MS;
  return Math.min(TIMEOUT_MS, durationParameter(parameters, 'timeout'));
}

/** Milliseconds; as in Prometheus, none and less is the default. */
function lookbackOf(parameters: RequestParameters): number | undefined {
  const text = parameters.get('lookback_delta');
  const lookbackMs = text === '' ? 0 : parseDurationParameter(text);
  if (typeof lookbackMs !== 'number') {
    throw new PromqlError('bad_data', `error parsing lookback delta duration: ${lookbackMs.error}`);
  }
  return lookbackMs > 0 ? lookbackMs : undefined;
}

interface Asked {
  readonly parameters: Call['parameters'];
  readonly limit: number;
  readonly client: AbortSignal;
  readonly timeoutMs: number;
}

async function answer(
  { parameters, limit, ...until }: Asked,
  run: (signal: AbortSignal) => Promise<QueryResult>,
): Promise<Response> {
  const startedAt = process.hrtime.bigint();
  const { value: whole, warnings, infos, stats } = await withDeadline(until, run);
  const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9;
  const { value, isTruncated } = truncated(whole, limit);
  return success(
    data(encodeValue(value), parameters.get('stats') === '' ? null : statsText(stats, seconds)),
    { warnings: isTruncated ? [...warnings, 'results truncated due to limit'] : warnings, infos },
  );
}

function* data(value: Iterable<string>, stats: string | null): Generator<string, void> {
  yield '{';
  yield* value;
  yield stats === null ? '}' : `,"stats":${stats}}`;
}

function statsText({ samplesRead, peakSamples }: QueryResult['stats'], seconds: number): string {
  return JSON.stringify({
    timings: {
      evalTotalTime: seconds,
      resultSortTime: 0,
      queryPreparationTime: 0,
      innerEvalTime: seconds,
      execQueueTime: 0,
      execTotalTime: seconds,
    },
    samples: { totalQueryableSamples: samplesRead, peakSamples },
  });
}
