import { type Labels, rememberedByLabels } from '../../promql/labels.ts';
import type { InstantSample, MatrixSeries, QueryValue } from '../../promql/result.ts';
import { formatSample, formatScalar, formatTime } from './format-value.ts';

/** Characters of one piece. */
const PIECE = 64 * 1024;

/** The `resultType` and `result` of an answer as JSON, in pieces, so that a long one is never held whole. */
export function* encodeValue(value: QueryValue): Generator<string, void> {
  switch (value.type) {
    case 'scalar':
      yield `"resultType":"scalar","result":${point(value.atMs, formatScalar(value.value))}`;
      return;
    case 'string':
      yield `"resultType":"string","result":[${formatTime(value.atMs)},${JSON.stringify(value.value)}]`;
      return;
    case 'vector':
      yield '"resultType":"vector","result":[';
      yield* vector(value.samples, value.atMs);
      yield ']';
      return;
    case 'matrix':
      yield '"resultType":"matrix","result":[';
      yield* matrix(value.series);
      yield ']';
  }
}

/** The first `limit` series or samples, and whether any were left out. 0 is no limit. */
export function truncated(value: QueryValue, limit: number): { value: QueryValue; isTruncated: boolean } {
  if (limit === 0) return { value, isTruncated: false };
  if (value.type === 'vector' && value.samples.length > limit) {
    return { value: { ...value, samples: value.samples.slice(0, limit) }, isTruncated: true };
  }
  if (value.type === 'matrix' && value.series.length > limit) {
    return { value: { ...value, series: value.series.slice(0, limit) }, isTruncated: true };
  }
  return { value, isTruncated: false };
}

/** A label set as JSON. */
export const encodeLabels: (labels: Labels) => string = rememberedByLabels(({ names, values }) => {
  let text = '{';
  for (let i = 0; i < names.length; i += 1) {
    text += `${i === 0 ? '' : ','}${JSON.stringify(names[i])}:${JSON.stringify(values[i])}`;
  }
  return `${text}}`;
});

const point = (atMs: number, value: string): string => `[${formatTime(atMs)},"${value}"]`;

function* vector(samples: readonly InstantSample[], atMs: number): Generator<string, void> {
  const time = `,"value":[${formatTime(atMs)},"`;
  // Joined, the parts are put together once, and not anew with each of them when the text is sent.
  let parts: string[] = [];
  let length = 0;
  let begin = '{"metric":';
  for (const { labels, value } of samples) {
    const metric = encodeLabels(labels);
    parts.push(begin, metric, time, formatSample(value), '"]}');
    begin = ',{"metric":';
    length += metric.length + time.length;
    if (length < PIECE) continue;
    yield parts.join('');
    parts = [];
    length = 0;
  }
  if (parts.length > 0) yield parts.join('');
}

function* matrix(series: readonly MatrixSeries[]): Generator<string, void> {
  // Most series of an answer have the same times, whose text is made once.
  const known: { readonly at: number; readonly text: string }[] = [];
  let comma = '';
  let text = '';
  for (const { labels, times, values } of series) {
    text += `${comma}{"metric":${encodeLabels(labels)},"values":[`;
    comma = ',';
    for (let i = 0; i < times.length; i += 1) {
      const at = times[i] ?? 0;
      let time = known[i];
      if (time?.at !== at) {
        time = { at, text: formatTime(at) };
        known[i] = time;
      }
      text += `${i === 0 ? '[' : ',['}${time.text},"${formatSample(values[i] ?? 0)}"]`;
      if (text.length < PIECE) continue;
      yield text;
      text = '';
    }
    text += ']}';
  }
  if (text !== '') yield text;
}
