import type { PrometheusSource } from '../config-sources.ts';
import { DAY_MS, MINUTE_MS } from '../lib/duration.ts';
import type { Point } from '../slo/sli.ts';
import type { PrometheusSliSource } from '../slo/source.ts';
import { QueryError, queryRange, type Sample } from './prometheus-client.ts';
import { NO_FIELDS, type SourceAnswer, type SourceReader, type SourceRequest } from './source-reader.ts';

const MAX_COUNT = Number.MAX_SAFE_INTEGER;
const FIELDS = ['good', 'bad', 'total', 'query'] as const;

/** Asks a Prometheus for the values that an SLO's queries have at the end of each minute. */
export function createPrometheusReader(source: PrometheusSource): SourceReader {
  return {
    maxRequests: 1,
    concurrency: 4,
    maxRangeMs: () => DAY_MS,
    read: (requests, signal) => Promise.all(requests.map((request) => readOne(source, request, signal))),
  };
}

async function readOne(
  server: PrometheusSource,
  { source, fromMs, toMs }: SourceRequest,
  signal: AbortSignal,
): Promise<SourceAnswer> {
  if (source.type !== 'prometheus') throw new TypeError('The source of this SLI is no Prometheus.');
  const asked = FIELDS.flatMap((field) => {
    const query = source[field];
    return query === null ? [] : [{ field, query }];
  });
  try {
    const answers = await Promise.all(
      asked.map(async ({ field, query }) => {
        const range = { query, startMs: fromMs + MINUTE_MS, endMs: toMs, stepMs: MINUTE_MS };
        try {
          return { field, samples: await queryRange(server, range, signal) };
        } catch (error) {
          throw error instanceof QueryError ? new QueryError(`${field}: ${error.message}`) : error;
        }
      }),
    );
    return pointsOf(answers);
  } catch (error) {
    if (error instanceof QueryError) return { failure: error.message };
    throw error;
  }
}

interface FieldSamples {
  readonly field: keyof Pick<PrometheusSliSource, (typeof FIELDS)[number]>;
  readonly samples: readonly Sample[];
}

/**
 * A point for each sample: good and total come apart, since either may be missing. NaN and infinite values are
 * no points.
 */
function pointsOf(answers: readonly FieldSamples[]): SourceAnswer {
  const points: Point[] = [];
  let refused = 0;
  for (const { field, samples } of answers) {
    const name = field === 'query' ? 'value' : field;
    for (const [endMs, value] of samples) {
      if (!Number.isFinite(value)) continue;
      if (name !== 'value' && (value < 0 || value > MAX_COUNT)) {
        refused += 1;
        continue;
      }
      // Within the minute that ends here.
      points.push({ ...NO_FIELDS, atMs: endMs - 1, [name]: value });
    }
  }
  const values = refused === 1 ? 'value was' : 'values were';
  return {
    points,
    note: refused === 0 ? null : `${refused} ${values} not taken: a count below 0 or too large`,
  };
}
