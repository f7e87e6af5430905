import { parseRfc3339 } from '../lib/rfc3339.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const SPACE = 0x20;
const DELETE = 0x7f;

/** Digits of numbers that are exact, and below every bound of a count. */
const MAX_DIGITS = 15;

/** The fields that a plain point has, as bits. */
const FIELDS = { slo: 1, at: 2, good: 4, total: 8, bad: 16, value: 32 } as const;
const REQUIRED = FIELDS.slo | FIELDS.at;

/**
 * Reads points as most senders write them, straight from the bytes: an object of `slo`, `at` and numbers, each
 * at most once, without escapes, letters beyond ASCII or exponents. It takes nothing that JSON.parse would not
 * read as the same; whatever else there is it leaves to the one who reads any point, and says what is wrong with it.
 */
export class PlainPointReader {
  /** Of the point that was read last: where the SLO's reference lies in the bytes. */
  sloFrom = 0;
  sloTo = 0;
  /** Epoch milliseconds. */
  atMs = 0;
  /** NaN for fields that it does not have. */
  good = Number.NaN;
  total = Number.NaN;
  bad = Number.NaN;
  value = Number.NaN;

  /** The line, and the place in it. */
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #to = 0;
  /** Where the string that was taken last begins. */
  #stringFrom = 0;
  /** The time of the point before, which is often the same: its text, and what it stands for. */
  #timeText: Uint8Array = new Uint8Array(0);
  #timeMs = 0;

  /** Whether the bytes are a plain point; its fields are then set. */
  read(bytes: Buffer, from: number, to: number): boolean {
    this.#bytes = bytes;
    this.#at = from;
    this.#to = to;
    this.good = Number.NaN;
    this.total = Number.NaN;
    this.bad = Number.NaN;
    this.value = Number.NaN;
    if (!this.#take(OPEN)) return false;
    let seen = 0;
    do {
      const field = this.#field();
      if (field === 0 || (seen & field) !== 0) return false;
      seen |= field;
      if (!this.#take(COLON) || !this.#set(field, bytes)) return false;
    } while (this.#take(COMMA));
    if (!this.#take(CLOSE)) return false;
    this.#skipSpace();
    return this.#at === to && (seen & REQUIRED) === REQUIRED;
  }

  #set(field: number, bytes: Buffer): boolean {
    switch (field) {
      case FIELDS.slo:
        if (!this.#string()) return false;
        this.sloFrom = this.#stringFrom;
        this.sloTo = this.#at - 1;
        return true;
      case FIELDS.at:
        return this.#string() && this.#time(bytes, this.#stringFrom, this.#at - 1);
      default: {
        const number = this.#number(bytes);
        if (Number.isNaN(number)) return false;
        if (field === FIELDS.value) this.value = number;
        // What is wrong with a negative count is for the other reader to say.
        else if (number < 0) return false;
        else if (field === FIELDS.good) this.good = number;
        else if (field === FIELDS.total) this.total = number;
        else this.bad = number;
        return true;
      }
    }
  }

  #skipSpace(): void {
    let byte = this.#bytes[this.#at];
    while (this.#at < this.#to && (byte === SPACE || byte === 0x09 || byte === 0x0d)) {
      this.#at += 1;
      byte = this.#bytes[this.#at];
    }
  }

  #take(byte: number): boolean {
    this.#skipSpace();
    if (this.#at >= this.#to || this.#bytes[this.#at] !== byte) return false;
    this.#at += 1;
    return true;
  }

  /** Takes a string without escapes; it lies from `#stringFrom` to before the last place. */
  #string(): boolean {
    if (!this.#take(QUOTE)) return false;
    this.#stringFrom = this.#at;
    const bytes = this.#bytes;
    const to = this.#to;
    let at = this.#at;
    for (; at < to; at += 1) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) {
        this.#at = at + 1;
        return true;
      }
      if (byte === BACKSLASH || byte < SPACE || byte >= DELETE) return false;
    }
    return false;
  }

  /** The bit of the field whose name comes next; 0 for any other. */
  #field(): number {
    if (!this.#string()) return 0;
    const from = this.#stringFrom;
    switch (this.#at - 1 - from) {
      case 2:
        return this.#spells(from, 'at') ? FIELDS.at : 0;
      case 3:
        if (this.#spells(from, 'slo')) return FIELDS.slo;
        return this.#spells(from, 'bad') ? FIELDS.bad : 0;
      case 4:
        return this.#spells(from, 'good') ? FIELDS.good : 0;
      case 5:
        if (this.#spells(from, 'total')) return FIELDS.total;
        return this.#spells(from, 'value') ? FIELDS.value : 0;
      default:
        return 0;
    }
  }

  #spells(from: number, word: string): boolean {
    for (let i = 0; i < word.length; i += 1) {
      if (this.#bytes[from + i] !== word.charCodeAt(i)) return false;
    }
    return true;
  }

  #time(bytes: Buffer, from: number, to: number): boolean {
    if (!isSame(this.#timeText, bytes, from, to)) {
      const ms = parseRfc3339(bytes.toString('latin1', from, to));
      if (ms === null) return false;
      this.#timeText = bytes.subarray(from, to);
      this.#timeMs = ms;
    }
    this.atMs = this.#timeMs;
    return true;
  }

  /** A number without an exponent, of so few digits that it is exact if it is whole; NaN for any other. */
  #number(bytes: Buffer): number {
    this.#skipSpace();
    const from = this.#at;
    const isNegative = this.#bytes[from] === MINUS;
    if (isNegative) this.#at += 1;
    const whole = this.#digits();
    const first = isNegative ? from + 1 : from;
    const digits = this.#at - first;
    // JSON has no number that begins with 0 and goes on.
    const isOdd = digits > 1 && this.#bytes[first] === ZERO;
    if (digits === 0 || digits > MAX_DIGITS || isOdd) return Number.NaN;
    if (this.#bytes[this.#at] !== DOT || this.#at >= this.#to) return isNegative ? -whole : whole;
    this.#at += 1;
    const fraction = this.#at;
    this.#digits();
    if (this.#at === fraction) return Number.NaN;
    return Number(bytes.toString('latin1', from, this.#at));
  }

  #digits(): number {
    let whole = 0;
    const bytes = this.#bytes;
    for (; this.#at < this.#to; this.#at += 1) {
      const digit = (bytes[this.#at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) break;
      whole = whole * 10 + digit;
    }
    return whole;
  }
}

/** Whether `text` is what lies from `from` to before `to`; by hand, since it is mostly short. */
export function isSame(text: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (text.length !== to - from) return false;
  for (let i = 0; i < text.length; i += 1) if (text[i] !== bytes[from + i]) return false;
  return true;
}
