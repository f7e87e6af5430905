import type { CompositeColumns } from '../slo/composite-walk.ts';
import { SLO_STATES, type SnapshotColumns, type SnapshotNumber } from '../slo/snapshot-batch.ts';
import {
  encodeFloat8Elements,
  encodeInstantArray,
  encodeInt4Elements,
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
  readonly #texts: string[] = [];
  readonly #parameters: (Buffer | string)[] = [];
  readonly #length: number;

  constructor(length: number) {
    this.#length = length;
  }

  /** A column that is the same in every row. */
  same(column: string, type: string, value: string): void {
    this.#bind(column, `${this.#parameter(value)}::${type}`);
  }

  /**
   * A column as an array without nulls, of a type that takes as many bytes whatever the value; `expression` turns
   * an element into the column's value.
   */
  each(column: string, type: string, parameter: Buffer, expression = (element: string) => element): void {
    this.#bind(column, expression(`(${this.#parameter(parameter)}::${type}[])[u.n]`));
  }

  /** A column as texts; `type` is what they are turned into. */
  eachText(column: string, type: string, texts: readonly (string | null)[]): void {
    this.#texts.push(`${this.#parameter(encodeTextArray(texts))}::text[]`);
    this.#bind(column, `u.t${this.#texts.length}::${type}`);
  }

  /** A column that few rows have, as text; nothing where none has it. */
  sparse(column: string, type: string, items: Iterable<readonly [number, string]>): void {
    let texts: (string | null)[] | null = null;
    for (const [row, text] of items) {
      texts ??= new Array<string | null>(this.#length).fill(null);
      texts[row] = text;
    }
    if (texts !== null) this.eachText(column, type, texts);
  }

  get rows(): BoundRows {
    const columns = this.#columns;
    const values = this.#expressions.map((expression, i) => `${expression} AS ${columns[i]}`).join(', ');
    const names = this.#texts.map((_, i) => `t${i + 1}, `).join('');
    const from =
      this.#texts.length === 0
        ? `generate_series(1, ${this.#length}) AS u(n)`
        : `unnest(${this.#texts.join(', ')}) WITH ORDINALITY AS u(${names}n)`;
    return { columns, select: `SELECT ${values} FROM ${from}`, parameters: this.#parameters };
  }

  #parameter(value: Buffer | string): string {
    this.#parameters.push(value);
    return `$${this.#parameters.length}`;
  }

  #bind(column: string, expression: string): void {
    this.#columns.push(column);
    this.#expressions.push(expression);
  }
}

/**
 * What is the same in every row is sent once, and what no row has is not sent at all. Numbers are taken out of their
 * arrays by place, which without nulls is found at once: unnesting a dozen arrays took longer than all the rest of the
 * INSERT. Texts are unnested, since their places are counted off.
 */
export function bindRows(keys: readonly SeriesKey[], rows: SnapshotColumns): BoundRows {
  const binding = new Binding(rows.length);
  const { series } = rows;
  bindKey(binding, keys, series);
  binding.each('at', 'timestamptz', encodeInstantArray(rows.at));
  // There is none in place -1.
  binding.each('state', 'int4', encodeInt4Elements(rows.state), (number) => {
    const states = SLO_STATES.join(',');
    return `('{${states}}'::np_slo_state[])[${number}]`;
  });
  for (const [column, name] of NUMBER_COLUMNS) {
    const values = rows.column(name);
    if (values === null) continue;
    const numbers = countNumbers(values);
    if (numbers === values.length) binding.each(column, 'float8', encodeFloat8Elements(values));
    else if (numbers > 0)
      binding.each(column, 'float8', encodeFloat8Elements(values), (element) => `NULLIF(${element}, 'NaN')`);
  }
  binding.sparse(
    'base_good',
    'numeric',
    pairs(rows.bases, ({ good }) => good),
  );
  binding.sparse(
    'base_total',
    'numeric',
    pairs(rows.bases, ({ total }) => total),
  );
  binding.sparse(
    'counter_points',
    'jsonb',
    pairs(rows.counterPoints, ({ json }) => json),
  );
  binding.sparse(
    'data_unused',
    'boolean',
    rows.dataUnused.map((row) => [row, 'true'] as const),
  );
  for (const [column, type, text] of COMPOSITE_COLUMNS) {
    binding.sparse(
      column,
      type,
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
      binding.eachText(
        column,
        'text',
        Array.from(series, (number) => texts[number] ?? null),
      );
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

function countNumbers(values: Float64Array): number {
  let numbers = 0;
  for (const value of values) if (!Number.isNaN(value)) numbers += 1;
  return numbers;
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
