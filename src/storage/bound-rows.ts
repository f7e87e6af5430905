import type { CompositeColumns } from '../slo/composite-walk.ts';
import { SLO_STATES, type SnapshotColumns, type SnapshotNumber } from '../slo/snapshot-batch.ts';
import {
  encodeFloat8Array,
  encodeInstantArray,
  encodeInt4Array,
  encodeTextArray,
  encodeUuidArray,
} from './arrays.ts';
import type { SeriesKey } from './series-columns.ts';

const NUMBER_COLUMNS: ReadonlyArray<readonly [column: string, name: SnapshotNumber]> = [
  ['used_good', 'usedGood'],
  ['used_total', 'usedTotal'],
  ['run_good', 'runGood'],
  ['run_total', 'runTotal'],
  ['run_good_low', 'runGoodLow'],
  ['run_total_low', 'runTotalLow'],
  ['reliability', 'reliability'],
  ['budget', 'budget'],
  ['burn_rate', 'burnRate'],
  ['count_good', 'countGood'],
  ['count_total', 'countTotal'],
  ['received_good', 'receivedGood'],
  ['received_bad', 'receivedBad'],
  ['received_total', 'receivedTotal'],
  ['value', 'value'],
  ['slice_reliability', 'sliceReliability'],
];

/** Columns of composites, which come as text, and what they are. */
const COMPOSITE_COLUMNS: ReadonlyArray<
  readonly [column: string, type: string, text: (columns: CompositeColumns) => string | null]
> = [
  ['evaluated_at', 'timestamptz', ({ evaluatedAtMs }) => instantText(evaluatedAtMs)],
  ['counted_at', 'timestamptz', ({ countedAtMs }) => instantText(countedAtMs)],
  ['lookback_end', 'timestamptz', ({ lookbackEndMs }) => instantText(lookbackEndMs)],
  ['composite_max_delay', 'float8', ({ maxDelaySeconds }) => maxDelaySeconds?.toString() ?? null],
  ['component_impact', 'float8[]', ({ impact }) => listText(impact)],
  ['component_delay', 'float8[]', ({ delay }) => listText(delay)],
  ['component_was_delayed', 'float8[]', ({ wasDelayed }) => listText(wasDelayed)],
  ['component_loss', 'float8[]', ({ loss }) => listText(loss)],
];

const instantText = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
const listText = (list: readonly number[] | null): string | null =>
  list === null ? null : `{${list.map((value) => (Number.isNaN(value) ? 'NULL' : value)).join(',')}}`;

/** Every column beside the key that a row may carry, those of composites only where there are any. */
export const writtenColumns = (rows: SnapshotColumns): string[] => [
  'state',
  ...NUMBER_COLUMNS.map(([column]) => column),
  'base_good',
  'base_total',
  'counter_points',
  'data_unused',
  ...(rows.composites.length === 0 ? [] : COMPOSITE_COLUMNS.map(([column]) => column)),
];

/** The rows of a batch as parameters of a statement. */
export interface BoundRows {
  /** The columns that `select` has, the key's first; the others are null in every row. */
  readonly columns: readonly string[];
  /** A SELECT of the rows. */
  readonly select: string;
  readonly parameters: readonly (Buffer | string)[];
}

class Binding {
  readonly #columns: string[] = [];
  readonly #expressions: string[] = [];
  readonly #arrays: string[] = [];
  readonly #parameters: (Buffer | string)[] = [];

  /** A column that is the same in every row. */
  same(column: string, type: string, value: string): void {
    this.#parameters.push(value);
    this.#columns.push(column);
    this.#expressions.push(`$${this.#parameters.length}::${type}`);
  }

  /** A column as an array of a type; `expression` turns an element into the column's value. */
  each(column: string, type: string, parameter: Buffer, expression = (element: string) => element): void {
    this.#parameters.push(parameter);
    this.#arrays.push(`$${this.#parameters.length}::${type}[]`);
    this.#columns.push(column);
    this.#expressions.push(expression(`u.a${this.#arrays.length}`));
  }

  /** A column that few rows have, as text; nothing where none has it. */
  sparse(column: string, type: string, length: number, items: Iterable<readonly [number, string]>): void {
    const texts: (string | null)[] = new Array(length).fill(null);
    let isEmpty = true;
    for (const [row, text] of items) {
      texts[row] = text;
      isEmpty = false;
    }
    if (!isEmpty) this.each(column, 'text', encodeTextArray(texts), (element) => `${element}::${type}`);
  }

  get rows(): BoundRows {
    const names = this.#arrays.map((_, i) => `a${i + 1}`);
    return {
      columns: this.#columns,
      select: `SELECT ${this.#expressions.map((expression, i) => `${expression} AS ${this.#columns[i]}`).join(', ')}
        FROM unnest(${this.#arrays.join(', ')}) AS u(${names.join(', ')})`,
      parameters: this.#parameters,
    };
  }
}

/**
 * What is the same in every row is sent once, and what no row has is not sent at all: unnesting takes about
 * 0.2 us a value, as much as all the rest of the INSERT for two dozen of them.
 */
export function bindRows(keys: readonly SeriesKey[], rows: SnapshotColumns): BoundRows {
  const binding = new Binding();
  const { series, length } = rows;
  bindKey(binding, keys, series);
  binding.each('at', 'timestamptz', encodeInstantArray(rows.at));
  binding.each('state', 'int4', encodeInt4Array(rows.state), (number) => {
    const states = SLO_STATES.join(',');
    return `('{${states}}'::np_slo_state[])[${number}]`;
  });
  for (const [column, name] of NUMBER_COLUMNS) {
    const values = rows.column(name);
    if (values !== null && !values.every(Number.isNaN))
      binding.each(column, 'float8', encodeFloat8Array(values));
  }
  binding.sparse(
    'base_good',
    'numeric',
    length,
    pairs(rows.bases, ({ good }) => good),
  );
  binding.sparse(
    'base_total',
    'numeric',
    length,
    pairs(rows.bases, ({ total }) => total),
  );
  binding.sparse(
    'counter_points',
    'jsonb',
    length,
    pairs(rows.counterPoints, ({ json }) => json),
  );
  binding.sparse(
    'data_unused',
    'boolean',
    length,
    rows.dataUnused.map((row) => [row, 'true'] as const),
  );
  for (const [column, type, text] of COMPOSITE_COLUMNS) {
    binding.sparse(
      column,
      type,
      length,
      pairs(rows.composites, ({ columns }) => text(columns)),
    );
  }
  return binding.rows;
}

function bindKey(binding: Binding, keys: readonly SeriesKey[], series: Int32Array): void {
  const only = series.every((number) => number === series[0]) ? keys[series[0] ?? -1] : undefined;
  const bind = (column: string, pick: (key: SeriesKey) => string): void => {
    const texts = keys.map(pick);
    const [first] = texts;
    const same = only === undefined ? first : pick(only);
    if (same !== undefined && (only !== undefined || texts.every((text) => text === first))) {
      binding.same(column, 'text', same);
    } else {
      binding.each(column, 'text', encodeTextArray(Array.from(series, (number) => texts[number] ?? null)));
    }
  };
  bind('source_account_id', ({ accountId }) => accountId);
  if (only !== undefined) binding.same('slo_id', 'uuid', only.sloId);
  else
    binding.each(
      'slo_id',
      'uuid',
      encodeUuidArray(
        keys.map(({ sloId }) => sloId),
        series,
      ),
    );
  bind('objective', ({ objective }) => objective);
}

function* pairs<T extends { readonly row: number }>(
  items: readonly T[],
  text: (item: T) => string | null,
): Generator<readonly [number, string]> {
  for (const item of items) {
    const own = text(item);
    if (own !== null) yield [item.row, own];
  }
}
