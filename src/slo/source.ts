/** What a filter compares a column with. */
export type FilterValue = string | number | boolean;

/** Results of the uptime monitor in the same database: good is up. */
export interface UptimeSource {
  readonly type: 'uptime';
  /** Id or name of a target. */
  readonly target: string;
}

/** Runs of the synthetic monitor in the same database: good is passed. */
export interface SyntheticSource {
  readonly type: 'synthetic';
  /** Id or name of a flow. */
  readonly flow: string;
}

/** Rows of a table that the operator mapped. */
export interface TableSliSource {
  readonly type: 'table';
  /** Name of the mapping. */
  readonly source: string;
  /** By column; a row counts when each column has one of its values. */
  readonly where: Readonly<Record<string, FilterValue | readonly FilterValue[]>>;
}

/** PromQL on a Prometheus that the operator named. Null for what does not apply to the SLI. */
export interface PrometheusSliSource {
  readonly type: 'prometheus';
  /** Name of the Prometheus. */
  readonly source: string;
  readonly good: string | null;
  readonly bad: string | null;
  readonly total: string | null;
  readonly query: string | null;
}

/** Read by the service itself, once a minute. */
export type PulledSource = UptimeSource | SyntheticSource | TableSliSource | PrometheusSliSource;

/** Where an SLI's measurements come from. */
export type Source = { readonly type: 'push' } | PulledSource;
