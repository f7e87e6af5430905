import { exprToJson } from '../../promql/expr-to-json.ts';
import { formatPromql } from '../../promql/format-expr.ts';
import { PromqlError } from '../../promql/promql-error.ts';
import { SLO_METRICS } from '../../slo/slo-metrics.ts';
import type { PrometheusEndpoint } from './endpoint.ts';
import { success } from './envelope.ts';
import { queryParameter, wholeNumber } from './parse-parameters.ts';
import type { RequestParameters } from './request-parameters.ts';

const QUERY = { name: 'query', description: 'The PromQL expression.', required: true };

/** The Prometheus whose API this is: clients look at it to find out what they may ask. */
const API_VERSION = '3.5.0';

/** What needs no data. */
export const expressionEndpoints: readonly PrometheusEndpoint[] = [
  {
    path: '/format_query',
    methods: ['GET', 'POST'],
    summary: 'An expression, written out well',
    parameters: [QUERY],
    handle: async ({ parameters }) =>
      success([JSON.stringify(formatPromql(queryParameter(parameters).expr))]),
  },
  {
    path: '/parse_query',
    methods: ['GET', 'POST'],
    summary: 'The tree of an expression',
    parameters: [QUERY],
    handle: async ({ parameters }) => success([JSON.stringify(exprToJson(queryParameter(parameters).expr))]),
  },
  {
    path: '/metadata',
    methods: ['GET'],
    summary: 'Types, helps and units of the metrics',
    parameters: [
      { name: 'metric', description: 'One metric; all where it is empty.' },
      { name: 'limit', description: 'The most metrics to answer with; 0 is none, below 0 is no limit.' },
      { name: 'limit_per_metric', description: 'The most entries of a metric; there is one each.' },
    ],
    handle: async ({ parameters }) => success([JSON.stringify(metadata(parameters))]),
  },
  {
    path: '/status/buildinfo',
    methods: ['GET'],
    summary: 'What runs here',
    parameters: [],
    handle: async ({ version }) =>
      success([
        JSON.stringify({
          version: API_VERSION,
          revision: version,
          branch: 'nself-slo-tracker',
          buildUser: '',
          buildDate: '',
          goVersion: `none (node ${process.version})`,
        }),
      ]),
  },
];

function metadata(parameters: RequestParameters): Record<string, readonly object[]> {
  const limit = numberOf(parameters, 'limit');
  const perMetric = numberOf(parameters, 'limit_per_metric');
  const wanted = parameters.get('metric');
  const metrics = SLO_METRICS.filter(({ name }) => wanted === '' || name === wanted);
  return Object.fromEntries(
    (limit === null || limit < 0 ? metrics : metrics.slice(0, limit)).map(({ name, help, unit }) => {
      const entries = [{ type: 'gauge', help, unit }];
      return [name, perMetric === null || perMetric <= 0 ? entries : entries.slice(0, perMetric)];
    }),
  );
}

function numberOf(parameters: RequestParameters, name: 'limit' | 'limit_per_metric'): number | null {
  const text = parameters.get(name);
  if (text === '') return null;
  const number = wholeNumber(text);
  if (number === null) throw new PromqlError('bad_data', `${name} must be a number`);
  return number;
}
