/** The label that carries the metric's name. */
export const METRIC_NAME = '__name__';

/** A label set: names ascending (by code unit) with their values beside them; no value is empty. */
export interface Labels {
  readonly names: readonly string[];
  readonly values: readonly string[];
  /** Equal exactly when the sets are equal: the key to use in a Map. */
  readonly signature: string;
}

// Neither character can stand in a label name, and the length says where a value ends, whatever it holds.
function signatureOf(names: readonly string[], values: readonly string[]): string {
  let signature = '';
  for (let i = 0; i < names.length; i += 1) {
    const value = values[i] ?? '';
    signature += `${names[i]}=${value.length}"${value}`;
  }
  return signature;
}

/** A set of names that ascend already, and values that are not empty. */
function sortedLabels(names: readonly string[], values: readonly string[]): Labels {
  return { names, values, signature: signatureOf(names, values) };
}

export const NO_LABELS: Labels = sortedLabels([], []);

/** A set from pairs in any order. An empty value means no such label; of a repeated name the last counts. */
export function makeLabels(pairs: Iterable<readonly [name: string, value: string]>): Labels {
  const byName = new Map<string, string>();
  for (const [name, value] of pairs) byName.set(name, value);
  const names: string[] = [];
  for (const [name, value] of byName) if (value !== '') names.push(name);
  names.sort();
  return sortedLabels(
    names,
    names.map((name) => byName.get(name) ?? ''),
  );
}

/** The value of a label, `''` when the set has no such label. */
export function labelValue(labels: Labels, name: string): string {
  const at = labels.names.indexOf(name);
  return at < 0 ? '' : (labels.values[at] ?? '');
}

export const metricName = (labels: Labels): string => labelValue(labels, METRIC_NAME);

export function labelPairs(labels: Labels): [name: string, value: string][] {
  return labels.names.map((name, i) => [name, labels.values[i] ?? '']);
}

/** The set with one label set, or removed when `value` is empty. */
export function withLabel(labels: Labels, name: string, value: string): Labels {
  if (labelValue(labels, name) === value) return labels;
  return makeLabels([...labelPairs(labels), [name, value]]);
}

/** The labels whose name passes. */
export function filterLabels(labels: Labels, keeps: (name: string) => boolean): Labels {
  const names: string[] = [];
  const values: string[] = [];
  labels.names.forEach((name, i) => {
    if (!keeps(name)) return;
    names.push(name);
    values.push(labels.values[i] ?? '');
  });
  return names.length === labels.names.length ? labels : sortedLabels(names, values);
}

/** A function of a label set that is computed once for each set as long as that is held somewhere. */
export function rememberedByLabels<T>(derive: (labels: Labels) => T): (labels: Labels) => T {
  const known = new WeakMap<Labels, T>();
  return (labels) => {
    const before = known.get(labels);
    if (before !== undefined) return before;
    const derived = derive(labels);
    known.set(labels, derived);
    return derived;
  };
}

/** A source hands out the same sets with every query. */
export const withoutMetricName: (labels: Labels) => Labels = rememberedByLabels((labels) =>
  filterLabels(labels, (name) => name !== METRIC_NAME),
);

interface Kept {
  readonly grouping: string;
  readonly labels: Labels;
}

const lastKept = new WeakMap<Labels, Kept>();

/**
 * What is left of a label set in a group: the listed labels, or all but those and the metric's name. Of each set
 * the last answer is remembered: a dashboard asks the same again and again.
 */
export function groupLabels(listed: readonly string[], without: boolean): (labels: Labels) => Labels {
  const names = new Set(listed);
  const grouping = JSON.stringify([without, ...listed]);
  const keeps = without
    ? (name: string): boolean => !names.has(name) && name !== METRIC_NAME
    : (name: string): boolean => names.has(name);
  return (labels) => {
    const known = lastKept.get(labels);
    if (known?.grouping === grouping) return known.labels;
    const kept = names.size === 0 && !without ? NO_LABELS : filterLabels(labels, keeps);
    lastKept.set(labels, { grouping, labels: kept });
    return kept;
  };
}

/** Whether the sets ascend, as `compareLabels` orders them. */
export function areSorted(all: readonly { readonly labels: Labels }[]): boolean {
  let before: Labels | null = null;
  for (const { labels } of all) {
    if (before !== null && compareLabels(before, labels) > 0) return false;
    before = labels;
  }
  return true;
}

/** Orders label sets as Prometheus does: pair by pair, names before values, the shorter set first. */
export function compareLabels(a: Labels, b: Labels): number {
  const length = Math.min(a.names.length, b.names.length);
  for (let i = 0; i < length; i += 1) {
    const order =
      compareText(a.names[i] ?? '', b.names[i] ?? '') || compareText(a.values[i] ?? '', b.values[i] ?? '');
    if (order !== 0) return order;
  }
  return a.names.length - b.names.length;
}

/** Orders text by code point, which is the order of its UTF-8 bytes. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  let i = 0;
  while (i < length && a.charCodeAt(i) === b.charCodeAt(i)) i += 1;
  if (i === length) return a.length - b.length;
  const x = a.charCodeAt(i);
  const y = b.charCodeAt(i);
  // UTF-16 puts surrogates, which stand for the highest code points, below the code units from E000 on.
  const surrogates = (isSurrogate(x) ? 1 : 0) - (isSurrogate(y) ? 1 : 0);
  return surrogates === 0 ? x - y : surrogates;
}

const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;
