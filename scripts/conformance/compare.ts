import { almostEqual } from '../../src/promql/almost-equal.ts';
import { formatLabels } from '../../src/promql/format-labels.ts';
import { compareLabels, type Labels } from '../../src/promql/labels.ts';
import type { MatrixSeries, QueryValue } from '../../src/promql/result.ts';
import type { EvalCase, Times } from './script.ts';
import type { SeriesLine } from './series-line.ts';

const EPSILON = 1e-6;

const isSame = (a: number, b: number): boolean =>
  (Number.isNaN(a) && Number.isNaN(b)) || almostEqual(a, b, EPSILON);

/** Samples of one series, by time. */
interface Points {
  readonly labels: Labels;
  readonly points: ReadonlyMap<number, number>;
}

/** What is wrong with an instant query's answer; null when nothing is. */
export function compareInstant(testCase: EvalCase, value: QueryValue, ordered: boolean): string | null {
  const { expected, rangeVector } = testCase;
  if (expected.type === 'string')
    return value.type === 'string' && value.value === expected.value
      ? null
      : `expected the string ${JSON.stringify(expected.value)}, got ${JSON.stringify(value)}`;
  if (expected.type === 'scalar')
    return value.type === 'scalar' && isSame(value.value, expected.value)
      ? null
      : `expected the scalar ${expected.value}, got ${JSON.stringify(value)}`;
  if (rangeVector !== null)
    return value.type === 'matrix'
      ? comparePoints(expectedPoints(expected.series, rangeVector), value.series.map(pointsOf))
      : `expected a range vector, got a ${value.type}`;
  if (value.type !== 'vector') return `expected a vector, got a ${value.type}`;
  const got = value.samples.map(({ labels, value: sample }) => ({ labels, points: new Map([[0, sample]]) }));
  const wanted = expected.series.map(({ labels, items }) => ({
    labels,
    points: new Map([[0, numberOf(items[0])]]),
  }));
  return comparePoints(wanted, got) ?? (ordered ? compareOrder(wanted, got) : null);
}

/** The same for a range query over the given times. */
export function compareRange({ expected }: EvalCase, value: QueryValue, times: Times): string | null {
  if (value.type !== 'matrix' || expected.type !== 'series') return `expected a matrix, got a ${value.type}`;
  const got = value.series.map(pointsOf);
  const sorted = [...got].sort((a, b) => compareLabels(a.labels, b.labels));
  return comparePoints(expectedPoints(expected.series, times), got) ?? compareOrder(sorted, got);
}

/** The same for an instant query's expectation, held against one step of a range query. */
export function compareStep({ expected }: EvalCase, value: QueryValue, atMs: number): string | null {
  if (value.type !== 'matrix') return `expected a matrix, got a ${value.type}`;
  const got = value.series.flatMap((series) => {
    const point = pointsOf(series).points.get(atMs);
    return point === undefined ? [] : [{ labels: series.labels, points: new Map([[0, point]]) }];
  });
  if (expected.type === 'string') return 'a string has no range';
  if (expected.type === 'series')
    return comparePoints(
      expected.series.map(({ labels, items }) => ({ labels, points: new Map([[0, numberOf(items[0])]]) })),
      got,
    );
  const [only] = got;
  return got.length === 1 && isSame(only?.points.get(0) ?? 0, expected.value)
    ? null
    : `expected the scalar ${expected.value}, got ${JSON.stringify(value)}`;
}

const numberOf = (item: SeriesLine['items'][number] | undefined): number =>
  typeof item === 'number' ? item : Number.NaN;

function pointsOf({ labels, times, values }: MatrixSeries): Points {
  return { labels, points: new Map(Array.from(times, (time, i) => [time, values[i] ?? 0])) };
}

function expectedPoints(series: readonly SeriesLine[], { fromMs, stepMs }: Times): Points[] {
  return series
    .map(({ labels, items }) => ({
      labels,
      points: new Map(
        items.flatMap((item, i): [number, number][] =>
          typeof item === 'number' ? [[fromMs + i * stepMs, item]] : [],
        ),
      ),
    }))
    .filter(({ points }) => points.size > 0);
}

function comparePoints(expected: readonly Points[], got: readonly Points[]): string | null {
  const bySignature = new Map(got.map((one) => [one.labels.signature, one]));
  if (bySignature.size !== got.length) return 'a label set is there twice';
  for (const { labels, points } of expected) {
    const found = bySignature.get(labels.signature);
    if (found === undefined) return `missing ${formatLabels(labels)}; got ${show(got)}`;
    bySignature.delete(labels.signature);
    const times = new Set([...points.keys(), ...found.points.keys()]);
    for (const time of times) {
      const a = points.get(time);
      const b = found.points.get(time);
      if (a === undefined || b === undefined || !isSame(a, b))
        return `${formatLabels(labels)} at ${time}: expected ${a ?? 'nothing'}, got ${b ?? 'nothing'}`;
    }
  }
  return bySignature.size === 0 ? null : `unexpected ${show([...bySignature.values()])}`;
}

function compareOrder(expected: readonly Points[], got: readonly Points[]): string | null {
  const at = expected.findIndex(({ labels }, i) => labels.signature !== got[i]?.labels.signature);
  return at < 0 ? null : `wrong order: ${show(got)}`;
}

function show(series: readonly Points[]): string {
  return series.length === 0
    ? 'nothing'
    : series
        .map(({ labels, points }) => `${formatLabels(labels)} ${[...points.values()].join(' ')}`)
        .join('; ');
}
