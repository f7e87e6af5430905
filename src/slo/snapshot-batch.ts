import type { CompositeColumns } from './composite-walk.ts';
import type { Exact } from './exact-sum.ts';
import type { ObjectiveStatus, SloState } from './status.ts';
import type { MinuteColumns } from './walked-minute.ts';

/** In the order of the database's enum. */
export const SLO_STATES: readonly SloState[] = ['exhausted', 'at_risk', 'healthy', 'no_data'];

/** One row to be written; NaN is null, and so is a state of null. */
export interface SnapshotRow {
  readonly series: number;
  /** The minute's end and the status's instant, in epoch milliseconds. */
  readonly at: number;
  /** What came in and what of it is used; read at once, and not kept. */
  readonly minute: MinuteColumns;
  readonly runGood: Exact;
  readonly runTotal: Exact;
  readonly composite: CompositeColumns | null;
  readonly sliceReliability: number;
  readonly status: ObjectiveStatus | null;
  readonly state: SloState | null;
  /** Decimal text in rows of 00:00 UTC, else null. */
  readonly baseGood: string | null;
  readonly baseTotal: string | null;
}

const NUMBERS = [
  'usedGood',
  'usedTotal',
  'runGood',
  'runTotal',
  'runGoodLow',
  'runTotalLow',
  'reliability',
  'budget',
  'burnRate',
  'countGood',
  'countTotal',
  'receivedGood',
  'receivedBad',
  'receivedTotal',
  'value',
  'sliceReliability',
] as const;

export type SnapshotNumber = (typeof NUMBERS)[number];

/** Rows by column. */
export interface SnapshotColumns {
  readonly length: number;
  readonly at: Float64Array;
  readonly series: Int32Array;
  /** 1 is the first of `SLO_STATES`; -1 is null. */
  readonly state: Int32Array;
  /** Null where no row has a number; NaN where one has none. */
  column(name: SnapshotNumber): Float64Array | null;
  /** The few rows that carry the base of a day. */
  readonly bases: readonly { readonly row: number; readonly good: string; readonly total: string }[];
  /** Rows of counters, as JSON text. */
  readonly counterPoints: readonly { readonly row: number; readonly json: string }[];
  /** Rows that are data though nothing of them is used. */
  readonly dataUnused: readonly number[];
  /** Rows of composites. */
  readonly composites: readonly { readonly row: number; readonly columns: CompositeColumns }[];
}

/** Rows by column, so that a hundred thousand of them cost a few arrays. Grows as it is filled. */
export class SnapshotBatch implements SnapshotColumns {
  #capacity: number;
  #length = 0;
  #at: Float64Array;
  #series: Int32Array;
  #state: Int32Array;
  /** Null as long as no row has a number: most columns of most batches stay so. */
  readonly #numbers: Record<SnapshotNumber, Float64Array | null> = {
    usedGood: null,
    usedTotal: null,
    runGood: null,
    runTotal: null,
    runGoodLow: null,
    runTotalLow: null,
    reliability: null,
    budget: null,
    burnRate: null,
    countGood: null,
    countTotal: null,
    receivedGood: null,
    receivedBad: null,
    receivedTotal: null,
    value: null,
    sliceReliability: null,
  };
  readonly #bases: { row: number; good: string; total: string }[] = [];
  readonly #counterPoints: { row: number; json: string }[] = [];
  readonly #dataUnused: number[] = [];
  readonly #composites: { row: number; columns: CompositeColumns }[] = [];

  /** `room`: how many rows are expected. */
  constructor(room = 256) {
    this.#capacity = Math.max(room, 16);
    this.#at = new Float64Array(this.#capacity);
    this.#series = new Int32Array(this.#capacity);
    this.#state = new Int32Array(this.#capacity);
  }

  get length(): number {
    return this.#length;
  }

  get at(): Float64Array {
    return this.#at.subarray(0, this.#length);
  }

  get series(): Int32Array {
    return this.#series.subarray(0, this.#length);
  }

  get state(): Int32Array {
    return this.#state.subarray(0, this.#length);
  }

  column(name: SnapshotNumber): Float64Array | null {
    return this.#numbers[name]?.subarray(0, this.#length) ?? null;
  }

  get bases(): readonly { readonly row: number; readonly good: string; readonly total: string }[] {
    return this.#bases;
  }

  get counterPoints(): readonly { readonly row: number; readonly json: string }[] {
    return this.#counterPoints;
  }

  get composites(): readonly { readonly row: number; readonly columns: CompositeColumns }[] {
    return this.#composites;
  }

  get dataUnused(): readonly number[] {
    return this.#dataUnused;
  }

  /** The rows of one series after the other; they were added so. */
  bySeries(): SnapshotColumns[] {
    const parts: SnapshotColumns[] = [];
    for (let from = 0, to = 0; from < this.#length; from = to) {
      while (to < this.#length && this.#series[to] === this.#series[from]) to += 1;
      parts.push(this.#part(from, to));
    }
    return parts;
  }

  #part(from: number, to: number): SnapshotColumns {
    return {
      length: to - from,
      at: this.#at.subarray(from, to),
      series: this.#series.subarray(from, to),
      state: this.#state.subarray(from, to),
      column: (name) => this.#numbers[name]?.subarray(from, to) ?? null,
      bases: this.#bases
        .filter(({ row }) => row >= from && row < to)
        .map(({ row, good, total }) => ({ row: row - from, good, total })),
      counterPoints: this.#counterPoints
        .filter(({ row }) => row >= from && row < to)
        .map(({ row, json }) => ({ row: row - from, json })),
      composites: this.#composites
        .filter(({ row }) => row >= from && row < to)
        .map(({ row, columns }) => ({ row: row - from, columns })),
      dataUnused: this.#dataUnused.filter((row) => row >= from && row < to).map((row) => row - from),
    };
  }

  /** Takes all the rows of another batch or part of one. */
  addAll(rows: SnapshotColumns): void {
    while (this.#length + rows.length > this.#capacity) this.#grow();
    const offset = this.#length;
    this.#length += rows.length;
    this.#at.set(rows.at, offset);
    this.#series.set(rows.series, offset);
    this.#state.set(rows.state, offset);
    for (const name of NUMBERS) {
      const values = rows.column(name);
      if (values !== null) this.#made(name).set(values, offset);
      else this.#numbers[name]?.fill(Number.NaN, offset, this.#length);
    }
    for (const { row, good, total } of rows.bases) this.#bases.push({ row: row + offset, good, total });
    for (const { row, json } of rows.counterPoints) this.#counterPoints.push({ row: row + offset, json });
    for (const { row, columns } of rows.composites) this.#composites.push({ row: row + offset, columns });
    for (const row of rows.dataUnused) this.#dataUnused.push(row + offset);
  }

  add(row: SnapshotRow): void {
    if (this.#length === this.#capacity) this.#grow();
    const i = this.#length;
    const { minute } = row;
    this.#length += 1;
    this.#at[i] = row.at;
    this.#series[i] = row.series;
    this.#state[i] = row.state === null ? -1 : SLO_STATES.indexOf(row.state) + 1;
    const numbers = this.#numbers;
    this.#set(numbers.usedGood, 'usedGood', i, minute.usedGood);
    this.#set(numbers.usedTotal, 'usedTotal', i, minute.usedTotal);
    this.#set(numbers.runGood, 'runGood', i, row.runGood.high);
    this.#set(numbers.runTotal, 'runTotal', i, row.runTotal.high);
    this.#set(numbers.runGoodLow, 'runGoodLow', i, row.runGood.low === 0 ? Number.NaN : row.runGood.low);
    this.#set(numbers.runTotalLow, 'runTotalLow', i, row.runTotal.low === 0 ? Number.NaN : row.runTotal.low);
    this.#set(numbers.receivedGood, 'receivedGood', i, minute.receivedGood);
    this.#set(numbers.receivedBad, 'receivedBad', i, minute.receivedBad);
    this.#set(numbers.receivedTotal, 'receivedTotal', i, minute.receivedTotal);
    this.#set(numbers.value, 'value', i, minute.value);
    this.#set(numbers.sliceReliability, 'sliceReliability', i, row.sliceReliability);
    const status = row.state === null ? null : row.status;
    this.#set(numbers.reliability, 'reliability', i, status?.reliability ?? Number.NaN);
    this.#set(numbers.budget, 'budget', i, status?.budget ?? Number.NaN);
    this.#set(numbers.burnRate, 'burnRate', i, status?.burnRate ?? Number.NaN);
    this.#set(numbers.countGood, 'countGood', i, status?.countGood ?? Number.NaN);
    this.#set(numbers.countTotal, 'countTotal', i, status?.countTotal ?? Number.NaN);
    if (row.baseGood !== null && row.baseTotal !== null) {
      this.#bases.push({ row: i, good: row.baseGood, total: row.baseTotal });
    }
    if (minute.counterPoints !== null) this.#counterPoints.push({ row: i, json: minute.counterPoints });
    if (row.composite !== null) this.#composites.push({ row: i, columns: row.composite });
    if (minute.dataUnused) this.#dataUnused.push(i);
  }

  /** Sets a number of `column`, the one of that name: a name that is written down is found faster than a given one. */
  #set(column: Float64Array | null, name: SnapshotNumber, row: number, value: number): void {
    if (column !== null) column[row] = value;
    else if (!Number.isNaN(value)) this.#made(name)[row] = value;
  }

  /** The column, made where no row has had a number so far. */
  #made(name: SnapshotNumber): Float64Array {
    const column = this.#numbers[name] ?? new Float64Array(this.#capacity).fill(Number.NaN);
    this.#numbers[name] = column;
    return column;
  }

  #grow(): void {
    this.#capacity *= 2;
    const wider = (old: Float64Array): Float64Array => {
      const grown = new Float64Array(this.#capacity);
      grown.set(old);
      return grown;
    };
    this.#at = wider(this.#at);
    for (const name of NUMBERS) {
      const column = this.#numbers[name];
      if (column !== null) this.#numbers[name] = wider(column);
    }
    for (const narrow of ['series', 'state'] as const) {
      const grown = new Int32Array(this.#capacity);
      grown.set(narrow === 'series' ? this.#series : this.#state);
      if (narrow === 'series') this.#series = grown;
      else this.#state = grown;
    }
  }
}
