import { MINUTE_MS } from '../lib/duration.ts';
import type { CompositeInstant, CompositeMinute, EvaluatedComposite } from './composite.ts';
import { sliceIsGood } from './sli.ts';
import type { Sums } from './status.ts';

/** An evaluated composite, and how its budget counts. */
export interface CountedComposite {
  readonly timeslices: boolean;
  /** The length of what is counted as one: a time slice, or a minute. */
  readonly sliceMs: number;
  readonly evaluated: EvaluatedComposite;
  /** Minutes that are not observed, in an adjustment of the composite itself. */
  readonly isAdjusted: (minuteMs: number) => boolean;
}

/** The minutes of a composite, and what is counted of them where: minutes or time slices, by their ends. */
export class CompositeUnits {
  readonly #composite: CountedComposite;
  readonly #minutes: ReadonlyMap<number, CompositeMinute>;
  readonly #instants: ReadonlyMap<number, CompositeInstant>;

  constructor(composite: CountedComposite) {
    this.#composite = composite;
    const { minutes, instants } = composite.evaluated;
    this.#minutes = new Map(minutes.map((minute) => [minute.minuteMs, minute]));
    this.#instants = new Map(instants.map((instant) => [instant.atMs, instant]));
  }

  get timeslices(): boolean {
    return this.#composite.timeslices;
  }

  get sliceMs(): number {
    return this.#composite.sliceMs;
  }

  /** All of the stretch, ascending. */
  get all(): readonly CompositeMinute[] {
    return this.#composite.evaluated.minutes;
  }

  /** The minute that ends at `at`. */
  minute(at: number): CompositeMinute | undefined {
    return this.#minutes.get(at - MINUTE_MS);
  }

  instant(at: number): CompositeInstant | undefined {
    return this.#instants.get(at);
  }

  /** Null where the minute is not observed. */
  quality(minute: CompositeMinute): number | null {
    return this.#composite.isAdjusted(minute.minuteMs) ? null : minute.quality;
  }

  /** Observed minutes of `[fromMs, toMs)`. */
  minutesIn(fromMs: number, toMs: number): CompositeMinute[] {
    const minutes: CompositeMinute[] = [];
    for (let ms = fromMs; ms < toMs; ms += MINUTE_MS) {
      const minute = this.#minutes.get(ms);
      if (minute === undefined || !Number.isFinite(minute.evaluatedAtMs)) continue;
      if (this.quality(minute) !== null) minutes.push(minute);
    }
    return minutes;
  }

  /** Whether a time slice of these minutes, of which there is at least one, is good. */
  areGood(minutes: readonly CompositeMinute[], sliceTarget: number): boolean {
    const sum = minutes.reduce((all, minute) => all + (this.quality(minute) ?? 0), 0);
    return sliceIsGood(sum, minutes.length, sliceTarget);
  }

  /** Good and total of what ends at `at`; null where nothing was observed. */
  unit(at: number, sliceTarget: number): Sums | null {
    if (!this.timeslices) {
      const minute = this.minute(at);
      const quality = minute === undefined ? null : this.quality(minute);
      return quality === null ? null : { good: quality, total: 1 };
    }
    const minutes = this.minutesIn(at - this.sliceMs, at);
    return minutes.length === 0 ? null : { good: this.areGood(minutes, sliceTarget) ? 1 : 0, total: 1 };
  }

  /** Since when the unit that ends at `at` counts; null where it is not known, and so at once. */
  countedAt(at: number): number | null {
    if (!this.timeslices) return this.minute(at)?.evaluatedAtMs ?? null;
    const { slices } = this.#composite.evaluated;
    return slices.get(at) ?? (this.#instants.has(at) ? Number.POSITIVE_INFINITY : null);
  }

  /** Whether the unit that ends at `at` does not count yet at `tMs`. */
  isPending(at: number, tMs: number): boolean {
    const counted = this.countedAt(at);
    return counted !== null && counted > tMs;
  }
}
