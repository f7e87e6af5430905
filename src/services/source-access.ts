import type { TableSource } from '../config-sources.ts';
import { type ErrorDetail, ServiceError } from '../lib/errors.ts';
import type { Sli } from '../slo/definition.ts';
import type { ServiceContext, SourceSettings } from './context.ts';

/** The same words for a source that does not exist and for one of other accounts. */
const NOT_OPEN = 'is not a source that the operator has opened to this account';

/** The configured source of that name, if it is open to the account. */
function openSource<S extends { readonly accounts: readonly string[] }>(
  sources: Readonly<Record<string, S>>,
  name: string,
  accountId: string,
): S | null {
  const source = Object.hasOwn(sources, name) ? sources[name] : undefined;
  return source?.accounts.includes(accountId) === true ? source : null;
}

function tableFaults(
  mapping: TableSource,
  sli: Sli,
  where: Readonly<Record<string, unknown>>,
): ErrorDetail[] {
  const faults: ErrorDetail[] = [];
  const { value, status, filters = [] } = mapping.columns;
  if ((value !== undefined) !== (sli.type === 'threshold')) {
    const message =
      value === undefined ? 'counts events, for ratio SLIs' : 'gives values, for threshold SLIs';
    faults.push({ path: 'sli.source.source', message });
  }
  if (status !== undefined && sli.type === 'ratio' && sli.incremental) {
    faults.push({ path: 'sli.incremental', message: 'cannot be: each row of this source is one event' });
  }
  for (const column of Object.keys(where)) {
    if (filters.includes(column)) continue;
    const known = filters.length === 0 ? 'it has none' : `it has ${filters.join(', ')}`;
    faults.push({ path: `sli.source.where.${column}`, message: `is not a filter of this source; ${known}` });
  }
  return faults;
}

/** What the configuration has against an SLI of the account; nothing where its source may be read. */
export function sourceAccessFaults(settings: SourceSettings, accountId: string, sli: Sli): ErrorDetail[] {
  if (sli.type === 'composite') return [];
  const { source } = sli;
  switch (source.type) {
    case 'push':
    case 'uptime':
    case 'synthetic':
      return [];
    case 'table': {
      const mapping = openSource(settings.tables, source.source, accountId);
      if (mapping === null) return [{ path: 'sli.source.source', message: NOT_OPEN }];
      return tableFaults(mapping, sli, source.where);
    }
    case 'prometheus':
      return openSource(settings.prometheus, source.source, accountId) === null
        ? [{ path: 'sli.source.source', message: NOT_OPEN }]
        : [];
  }
}

/** Throws `invalid` unless the account may read the SLI's source, and in that way. */
export function assertSourceIsOpen({ sources, actor }: ServiceContext, sli: Sli): void {
  const details = sourceAccessFaults(sources, actor.accountId, sli);
  if (details.length > 0) throw new ServiceError('invalid', 'The source cannot be read.', { details });
}
