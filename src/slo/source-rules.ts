import type { ErrorDetail } from '../lib/errors.ts';
import { type Fields, isFields, isGiven } from './wire-fields.ts';

/** What filters of several values may stand for together. */
const MAX_COMBINATIONS = 1000;

/**
 * What the source of an SLI on the wire must say together with the SLI. Reads the input as it came; fields of
 * a wrong type are left to the faults of single fields.
 */
export function sourceFaults(sli: unknown): ErrorDetail[] {
  if (!isFields(sli) || !isFields(sli.source)) return [];
  const { source } = sli;
  switch (source.type) {
    case 'uptime':
    case 'synthetic':
      return [
        ...(sli.type === 'threshold'
          ? [{ path: 'sli.source.type', message: `${source.type} sources are for ratio SLIs` }]
          : []),
        ...(sli.incremental === true
          ? [{ path: 'sli.incremental', message: `${source.type} sources count each minute by itself` }]
          : []),
      ];
    case 'table':
      return whereFaults(source.where);
    case 'prometheus':
      return prometheusFaults(sli.type, source);
    default:
      return [];
  }
}

function whereFaults(where: unknown): ErrorDetail[] {
  if (!isFields(where)) return [];
  const combinations = Object.values(where).reduce<number>(
    (product, value) => product * (Array.isArray(value) ? new Set(value).size : 1),
    1,
  );
  return combinations <= MAX_COMBINATIONS
    ? []
    : [{ path: 'sli.source.where', message: `must stand for at most ${MAX_COMBINATIONS} combinations` }];
}

function prometheusFaults(sliType: unknown, source: Fields): ErrorDetail[] {
  const faults: ErrorDetail[] = [];
  const fault = (field: string, message: string): void => {
    faults.push({ path: `sli.source.${field}`, message });
  };
  const ratioFields = ['good', 'bad', 'total'].filter((field) => isGiven(source[field]));
  if (sliType === 'ratio') {
    if (isGiven(source.query)) fault('query', 'applies only to threshold SLIs');
    if (!isGiven(source.total)) fault('total', 'is required for ratio SLIs');
    if (isGiven(source.good) && isGiven(source.bad)) fault('bad', 'give either good or bad, not both');
    if (!isGiven(source.good) && !isGiven(source.bad)) fault('good', 'is required, unless bad is given');
  } else if (sliType === 'threshold') {
    if (!isGiven(source.query)) fault('query', 'is required for threshold SLIs');
    for (const field of ratioFields) fault(field, 'applies only to ratio SLIs');
  }
  return faults;
}
