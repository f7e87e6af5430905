import { PromqlError } from '../../promql/promql-error.ts';
import { isUtf8 } from '../../promql/quote.ts';
import { discoverLabelNames, discoverLabelValues, discoverSeries } from '../../services/discover-series.ts';
import { encodeLabels } from './encode-result.ts';
import type { EndpointParameter, PrometheusEndpoint } from './endpoint.ts';
import { success } from './envelope.ts';
import { limitParameter, optionalTime, selectorsParameter } from './parse-parameters.ts';
import type { RequestParameters } from './request-parameters.ts';

const MATCH = { name: 'match[]', description: 'A series selector; several are OR-ed.', repeated: true };
const LIMIT = { name: 'limit', description: 'The most to answer with; 0 is no limit.' };
/** Definitions have no time, so that these are only checked. */
const TIMES: readonly EndpointParameter[] = [
  { name: 'start', description: 'A time; what is discovered is what is configured now.' },
  { name: 'end', description: 'Likewise.' },
];

export const discoveryEndpoints: readonly PrometheusEndpoint[] = [
  {
    path: '/labels',
    methods: ['GET', 'POST'],
    summary: 'Names of labels',
    parameters: [MATCH, ...TIMES, LIMIT],
    async handle({ ctx, parameters }) {
      const { limit, selectors } = discovery(parameters);
      return list(quoted(await discoverLabelNames({ ctx, input: { selectors } })), limit);
    },
  },
  {
    path: '/label/{name}/values',
    methods: ['GET'],
    summary: 'Values of a label',
    parameters: [MATCH, ...TIMES, LIMIT],
    async handle({ ctx, parameters, name }) {
      if (name === '' || !isUtf8(name)) {
        throw new PromqlError('bad_data', `invalid label name: ${JSON.stringify(name)}`);
      }
      const { limit, selectors } = discovery(parameters);
      return list(quoted(await discoverLabelValues({ ctx, input: { name, selectors } })), limit);
    },
  },
  {
    path: '/series',
    methods: ['GET', 'POST'],
    summary: 'Label sets of series',
    parameters: [{ ...MATCH, required: true }, ...TIMES, LIMIT],
    async handle({ ctx, parameters }) {
      if (parameters.all('match[]').length === 0) {
        throw new PromqlError('bad_data', 'no match[] parameter provided');
      }
      const { limit, selectors } = discovery(parameters);
      const series = await discoverSeries({ ctx, input: { selectors } });
      return list(series.map(encodeLabels), limit);
    },
  },
];

function discovery(parameters: RequestParameters) {
  const limit = limitParameter(parameters);
  optionalTime(parameters, 'start', null);
  optionalTime(parameters, 'end', null);
  return { limit, selectors: selectorsParameter(parameters) };
}

const quoted = (texts: readonly string[]): string[] => texts.map((text) => JSON.stringify(text));

function list(items: readonly string[], limit: number): Response {
  const isTruncated = limit > 0 && items.length > limit;
  return success(separated(isTruncated ? items.slice(0, limit) : items), {
    warnings: isTruncated ? ['results truncated due to limit'] : [],
  });
}

function* separated(items: readonly string[]): Generator<string, void> {
  yield '[';
  for (const [i, item] of items.entries()) yield i === 0 ? item : `,${item}`;
  yield ']';
}
