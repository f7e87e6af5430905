import type { VectorMatching } from './ast.ts';
import { filterLabels, type Labels, METRIC_NAME } from './labels.ts';

/** The part of a label set by which two vectors are matched. */
export function matchedLabels({ on, labels: names }: VectorMatching): (labels: Labels) => Labels {
  const listed = new Set(names);
  return on
    ? (labels) => filterLabels(labels, (name) => listed.has(name))
    : (labels) => filterLabels(labels, (name) => !listed.has(name) && name !== METRIC_NAME);
}

/** Series by their key's signature, in the order in which the keys came. */
export function groupBy<T extends { readonly labels: Labels }>(
  series: readonly T[],
  keyOf: (labels: Labels) => Labels,
): Map<string, { readonly key: Labels; readonly members: T[] }> {
  const groups = new Map<string, { readonly key: Labels; readonly members: T[] }>();
  for (const one of series) {
    const key = keyOf(one.labels);
    const group = groups.get(key.signature);
    if (group === undefined) groups.set(key.signature, { key, members: [one] });
    else group.members.push(one);
  }
  return groups;
}
