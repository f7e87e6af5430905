import type { RE2JS } from 're2js';
import { labelValue, METRIC_NAME, withLabel } from './labels.ts';
import { PromqlError } from './promql-error.ts';
import { isUtf8, quote } from './quote.ts';
import { compileRegexp, RegexpError } from './regexp.ts';
import { mergeSameLabels, type StepSeries } from './step-series.ts';

/** `label_replace(v, target, replacement, source, expression)`. */
export function labelReplace(
  series: readonly StepSeries[],
  target: string,
  replacement: string,
  source: string,
  expression: string,
): readonly StepSeries[] {
  const pattern = compile(expression);
  if (!isLabelName(target)) throw invalidName('destination label name in label_replace()', target);
  const expand = replacementOf(replacement, pattern.namedGroups());
  return relabelled(series, target, (one) => {
    const matcher = pattern.matcher(labelValue(one.labels, source));
    return matcher.matches()
      ? expand((group) => (group <= matcher.groupCount() ? matcher.group(group) : null))
      : null;
  });
}

/** `label_join(v, target, separator, ...sources)`. */
export function labelJoin(
  series: readonly StepSeries[],
  target: string,
  separator: string,
  sources: readonly string[],
): readonly StepSeries[] {
  const bad = sources.find((source) => !isLabelName(source));
  if (bad !== undefined) throw invalidName('source label name in label_join()', bad);
  if (!isLabelName(target)) throw invalidName('destination label name in label_join()', target);
  return relabelled(series, target, ({ labels }) =>
    sources.map((source) => labelValue(labels, source)).join(separator),
  );
}

const isLabelName = (name: string): boolean => name !== '' && isUtf8(name);

const invalidName = (what: string, name: string): PromqlError =>
  new PromqlError('execution', `invalid ${what}: ${isUtf8(name) ? name : quote(name).slice(1, -1)}`);

function relabelled(
  series: readonly StepSeries[],
  target: string,
  newValueOf: (one: StepSeries) => string | null,
): readonly StepSeries[] {
  const changed = series.map((one) => {
    const value = newValueOf(one);
    if (value === null) return one;
    // A name that is written anew is one to keep.
    const dropName = target !== METRIC_NAME && one.dropName;
    return { ...one, labels: withLabel(one.labels, target, value), dropName };
  });
  return mergeSameLabels(changed, ({ labels }) => labels);
}

function compile(expression: string): RE2JS {
  try {
    return compileRegexp(expression);
  } catch (error) {
    if (!(error instanceof RegexpError)) throw error;
    throw new PromqlError('execution', `invalid regular expression in label_replace(): ${expression}`, {
      cause: error,
    });
  }
}

const REFERENCE = /\$(?:\$|(\w+)|\{(\w+)\})/g;

/** Go's templates: `$1`, `$name`, `${1}`, `$$`; a group that is not there is empty. */
function replacementOf(
  template: string,
  names: Readonly<Record<string, number>>,
): (group: (index: number) => string | null) => string {
  return (group) =>
    template.replace(REFERENCE, (written: string, bare?: string, braced?: string) => {
      const name = bare ?? braced;
      if (name === undefined) return written.slice(1);
      const index = /^\d+$/.test(name) ? Number(name) : names[name];
      return index === undefined ? '' : (group(index) ?? '');
    });
}
