import type { VectorMatching } from './ast.ts';
import { groupLabels, type Labels } from './labels.ts';

/** The part of a label set by which two vectors are matched. */
export const matchedLabels = ({ on, labels }: VectorMatching): ((labels: Labels) => Labels) =>
  groupLabels(labels, !on);

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
