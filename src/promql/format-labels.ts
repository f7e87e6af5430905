import type { Labels } from './labels.ts';
import { quote } from './quote.ts';

const PLAIN_LABEL = /^[A-Za-z_][A-Za-z0-9_]*$/;
const PLAIN_METRIC = /^[A-Za-z_:][A-Za-z0-9_:]*$/;

/** A label's name as PromQL writes it: quoted unless it is a plain word. */
export const formatLabelName = (name: string): string => (PLAIN_LABEL.test(name) ? name : quote(name));

export const isPlainMetricName = (name: string): boolean => PLAIN_METRIC.test(name);

/** A label set as messages show it: `{__name__="up", job="api"}`. */
export function formatLabels({ names, values }: Labels): string {
  return `{${names.map((name, i) => `${formatLabelName(name)}=${quote(values[i] ?? '')}`).join(', ')}}`;
}
