import type { Slo } from '../slo/definition.ts';
import { isSame, PlainPointReader } from '../slo/plain-point.ts';
import type { PointFaults } from '../slo/point-schema.ts';
import type { Point } from '../slo/sli.ts';
import { type PointBounds, takePlainPoint, takePoint } from './take-points.ts';

interface Columns {
  /** The line's number in the body. */
  readonly number: Float64Array;
  /** What it names its SLO by. */
  readonly reference: Int32Array;
  /** Epoch milliseconds. */
  readonly at: Float64Array;
  readonly good: Float64Array;
  readonly total: Float64Array;
  readonly bad: Float64Array;
  readonly value: Float64Array;
}

/** Room for so many lines, those of `before` in it. */
function columnsOf(capacity: number, before?: Columns): Columns {
  const columns = {
    number: new Float64Array(capacity),
    reference: new Int32Array(capacity),
    at: new Float64Array(capacity),
    good: new Float64Array(capacity),
    total: new Float64Array(capacity),
    bad: new Float64Array(capacity),
    value: new Float64Array(capacity),
  };
  if (before === undefined) return columns;
  for (const name of ['number', 'reference', 'at', 'good', 'total', 'bad', 'value'] as const) {
    columns[name].set(before[name]);
  }
  return columns;
}

/** Lines of a stream, read and not yet judged: plain points by column, so that they leave nothing to collect. */
export class PointLines {
  readonly #capacity: number;
  #columns: Columns = columnsOf(256);
  /** Lines that are not plain, as they were parsed. */
  readonly #others = new Map<number, object>();
  readonly #reader = new PlainPointReader();
  #slos = new References();
  #length = 0;
  #bytes = 0;
  #oldestMs = Number.POSITIVE_INFINITY;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#length;
  }

  get isFull(): boolean {
    return this.#length === this.#capacity;
  }

  /** What the lines that are not plain may take in memory. */
  get otherBytes(): number {
    return this.#bytes;
  }

  /** A bound on the oldest point's time, in epoch milliseconds. */
  get oldestMs(): number {
    return this.#oldestMs;
  }

  /** What the lines name their SLOs by, each once. */
  get references(): readonly string[] {
    return this.#slos.texts;
  }

  clear(): void {
    this.#others.clear();
    this.#slos = new References();
    this.#length = 0;
    this.#bytes = 0;
    this.#oldestMs = Number.POSITIVE_INFINITY;
  }

  /** Adds the line unless there is something wrong with it, and says what. It must not be full. */
  add(number: number, bytes: Buffer, from: number, to: number): string | null {
    const reader = this.#reader;
    if (!reader.read(bytes, from, to)) return this.#addOther(number, bytes.toString('utf8', from, to));
    const i = this.#open(number, this.#slos.find(bytes, reader.sloFrom, reader.sloTo));
    const { at, good, total, bad, value } = this.#columns;
    at[i] = reader.atMs;
    good[i] = reader.good;
    total[i] = reader.total;
    bad[i] = reader.bad;
    value[i] = reader.value;
    this.#oldestMs = Math.min(this.#oldestMs, reader.atMs);
    return null;
  }

  #addOther(number: number, text: string): string | null {
    if (text.trim() === '') return null;
    let raw: unknown;
    try {
      raw = JSON.parse(text);
    } catch {
      return 'The line is not valid JSON.';
    }
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
      return 'The line must be a JSON object.';
    const slo = 'slo' in raw ? raw.slo : undefined;
    if (typeof slo !== 'string') return 'slo: must be the UUID of an SLO or project.name';
    this.#others.set(this.#open(number, this.#slos.add(slo)), raw);
    this.#bytes += text.length;
    const at = 'at' in raw && typeof raw.at === 'string' ? Date.parse(raw.at) : Number.NaN;
    if (at < this.#oldestMs) this.#oldestMs = at;
    return null;
  }

  #open(number: number, reference: number): number {
    const i = this.#length;
    if (i === this.#columns.at.length)
      this.#columns = columnsOf(Math.min(i * 2, this.#capacity), this.#columns);
    this.#length += 1;
    this.#columns.number[i] = number;
    this.#columns.reference[i] = reference;
    return i;
  }

  /** The line's number in the body. */
  numberOf(i: number): number {
    return this.#columns.number[i] ?? Number.NaN;
  }

  /** What it names its SLO by, as its place in `references`. */
  referenceOf(i: number): number {
    return this.#columns.reference[i] ?? -1;
  }

  /** The line's point for its SLO, or what is wrong with it. */
  take(i: number, slo: Slo, bounds: PointBounds): Point | PointFaults {
    const other = this.#others.get(i);
    if (other !== undefined) return takePoint(other, slo, bounds, 'slo');
    const { at, good, total, bad, value } = this.#columns;
    const point = {
      atMs: at[i] ?? Number.NaN,
      objective: null,
      good: orNull(good[i]),
      total: orNull(total[i]),
      bad: orNull(bad[i]),
      value: orNull(value[i]),
    };
    return takePlainPoint(point, slo, bounds);
  }
}

const orNull = (value: number | undefined): number | null =>
  value === undefined || Number.isNaN(value) ? null : value;

/** Names of SLOs, numbered as they come. */
class References {
  readonly texts: string[] = [];
  readonly #bytes: Buffer[] = [];
  readonly #numbers = new Map<string, number>();
  /** The one that came after each: bodies go through the same SLOs over and over, or stay with one. */
  readonly #next: number[] = [];
  #last = -1;

  /** The number of the name that lies in the bytes, which are ASCII. */
  find(bytes: Buffer, from: number, to: number): number {
    const guess = this.#next[this.#last];
    const known = guess === undefined ? undefined : this.#bytes[guess];
    if (guess === undefined || known === undefined || !isSame(known, bytes, from, to)) {
      return this.add(bytes.toString('latin1', from, to));
    }
    this.#last = guess;
    return guess;
  }

  add(text: string): number {
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.texts.length;
      this.texts.push(text);
      this.#bytes.push(Buffer.from(text));
      this.#numbers.set(text, number);
    }
    if (this.#last >= 0) this.#next[this.#last] = number;
    this.#last = number;
    return number;
  }
}
